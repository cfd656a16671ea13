package epoch_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/rapport/rapport/shared/core/epoch"
	"github.com/rapport/rapport/shared/core/errs"
)

func TestOnlyAnotherEpochIsRefused(t *testing.T) {
	for _, test := range []struct {
		here  epoch.Epoch
		known string
		gone  bool
	}{
		{"2", "2", false},
		{"2", "", false},
		{"2", "1", true},
		{"2", "02", true},
		{"", "1", false},
	} {
		err := test.here.Check(test.known)
		if errs.Is(err, errs.HistoryGone) != test.gone || test.here.Is(test.known) == test.gone {
			t.Errorf("epoch %q, positions of %q: %v", test.here, test.known, err)
		}
		if refused, ok := errors.AsType[*errs.Error](err); ok && (refused.Epoch != string(test.here) || refused.Oldest != 1) {
			t.Errorf("the refusal leads to epoch %q from %d on", refused.Epoch, refused.Oldest)
		}
	}
}

func TestAnEpochIsAShortName(t *testing.T) {
	for _, name := range []string{"1", "2026-12-01", "a_B-9", strings.Repeat("x", epoch.MaxLength)} {
		var e epoch.Epoch
		if err := e.UnmarshalText([]byte(name)); err != nil || string(e) != name {
			t.Errorf("%q: %q, %v", name, e, err)
		}
	}
	for _, name := range []string{"", " ", "a b", "1\n", "é", strings.Repeat("x", epoch.MaxLength+1)} {
		var e epoch.Epoch
		if err := e.UnmarshalText([]byte(name)); err == nil {
			t.Errorf("%q is taken", name)
		}
	}
}
