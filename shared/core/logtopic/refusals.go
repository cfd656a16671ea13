package logtopic

import (
	"errors"
	"time"

	"github.com/rapport/rapport/shared/core/errs"
	"github.com/rapport/rapport/shared/core/log"
)

// Refusals are messages for people, one for each reason.
type Refusals struct {
	// Gone is for HISTORY_GONE; its %d is the oldest position that is kept.
	Gone string
	// Closed is for MEETING_NOT_ACTIVE.
	Closed string
	// Reused is for CONFLICT: the identity of the append was another's.
	Reused string
	// Contended is for RATE_LIMITED, after a lost race: the same append may be sent
	// again.
	Contended string
}

// ClosedError is what a topic that takes no more is refused with.
func (r Refusals) ClosedError() error { return errs.New(errs.MeetingNotActive, "%s", r.Closed) }

// of says to a caller what the log said; any other error stays as it is.
func (r Refusals) of(err error) error {
	gone, isGone := errors.AsType[*log.GoneError](err)
	switch {
	case isGone:
		e := errs.New(errs.HistoryGone, r.Gone, gone.Oldest)
		e.Oldest = gone.Oldest
		return e
	case errors.Is(err, log.ErrClosed):
		return r.ClosedError()
	case errors.Is(err, log.ErrReused):
		return errs.New(errs.Conflict, "%s", r.Reused)
	case errors.Is(err, log.ErrContended), errors.Is(err, log.ErrLate):
		e := errs.New(errs.RateLimited, "%s", r.Contended)
		e.RetryAfter = time.Second
		return e
	}
	return err
}
