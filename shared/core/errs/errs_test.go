package errs_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/rapport/rapport/shared/core/errs"
)

var errPlain = errors.New("plain")

func TestKindOf(t *testing.T) {
	t.Parallel()
	conflict := errs.New(errs.Conflict, "The revision is %d.", 7)
	tests := []struct {
		name string
		give error
		want errs.Kind
	}{
		{"no error", nil, ""},
		{"a plain one", errPlain, errs.Internal},
		{"one of ours", conflict, errs.Conflict},
		{"wrapped", fmt.Errorf("start meeting 1: %w", conflict), errs.Conflict},
		{"joined", errors.Join(errPlain, conflict), errs.Conflict},
		{"the outermost counts", &errs.Error{Kind: errs.Provider, Err: conflict}, errs.Provider},
		{"invalid", errs.Invalid("body.title", "is required"), errs.Validation},
	}
	for _, tt := range tests {
		if got := errs.KindOf(tt.give); got != tt.want || errs.Is(tt.give, tt.want) != true {
			t.Errorf("%s: %s, want %s", tt.name, got, tt.want)
		}
	}
}

func TestErrorSaysAllToTheLog(t *testing.T) {
	t.Parallel()
	err := errs.Invalid("body.chunks[3].text", "has %d characters", 9)
	err.Err = errPlain
	const want = "VALIDATION_ERROR: The request is not valid.; body.chunks[3].text: has 9 characters: plain"
	if err.Error() != want {
		t.Errorf("%q, want %q", err, want)
	}
	if !errors.Is(err, errPlain) {
		t.Error("its cause is lost")
	}
}
