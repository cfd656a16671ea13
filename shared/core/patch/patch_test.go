package patch_test

import (
	"testing"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/rapport/rapport/shared/core/patch"
)

type request struct {
	Length patch.Field[int]       `json:"length,omitzero"`
	At     patch.Field[time.Time] `json:"at,omitzero"`
}

func TestField(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, give string
		given      bool
		value      int
		or         int
	}{
		{"absent", `{}`, false, 0, 30},
		{"null", `{"length":null}`, true, 0, 0},
		{"a value", `{"length":45}`, true, 45, 45},
		{"the zero value", `{"length":0}`, true, 0, 0},
	}
	for _, tt := range tests {
		var r request
		if err := json.Unmarshal([]byte(tt.give), &r); err != nil {
			t.Fatalf("%s: %v", tt.name, err)
		}
		value, has := r.Length.Value()
		if r.Length.Given() != tt.given || value != tt.value || has != (tt.given && tt.name != "null") || r.Length.Or(30) != tt.or {
			t.Errorf("%s: given %t, value %d %t, or %d", tt.name, r.Length.Given(), value, has, r.Length.Or(30))
		}
		if written, err := json.Marshal(r); err != nil || string(written) != tt.give {
			t.Errorf("%s: written as %s, %v", tt.name, written, err)
		}
	}
	if err := json.Unmarshal([]byte(`{"at":"soon"}`), new(request)); err == nil {
		t.Error("a field takes what its type does not")
	}
}
