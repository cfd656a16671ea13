package meetings_test

import (
	"errors"
	"testing"

	"github.com/rapport/rapport/functions/composition"
	"github.com/rapport/rapport/shared/core/caller"
	"github.com/rapport/rapport/shared/core/endpoint"
	"github.com/rapport/rapport/shared/core/errs"
	"github.com/rapport/rapport/shared/meetings"
)

// A denial that can't be audited is one nevertheless, and says why for the log.
func TestDenialThatCantBeAudited(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	env := f.Env()
	env["AUDIT_TABLE"] = "nowhere"
	d := composition.New(env, endpoint.Overrides{})
	_, err := d.Meetings().Get(t.Context(), caller.Caller{UserID: f.outsider.ID}, meetings.GetRequest{MeetingID: f.id})
	if denied, ok := errors.AsType[*errs.Error](err); !ok || denied.Kind != errs.Forbidden || denied.Err == nil {
		t.Errorf("%v, want FORBIDDEN with its cause", err)
	}
}
