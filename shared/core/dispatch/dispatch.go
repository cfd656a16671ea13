// Package dispatch hands the effects of calls to the lanes that carry them. It is
// the one place that knows all kinds.
package dispatch

import (
	"context"
	"fmt"

	"github.com/rapport/rapport/shared/core/audit"
	"github.com/rapport/rapport/shared/core/effect"
	"github.com/rapport/rapport/shared/core/queue"
	"github.com/rapport/rapport/shared/core/realtime"
)

// Dispatcher hands on effects. It is safe for concurrent use.
type Dispatcher struct {
	publisher *realtime.Publisher
	audit     *audit.Log
}

// New makes a dispatcher.
func New(p *realtime.Publisher, a *audit.Log) *Dispatcher {
	return &Dispatcher{publisher: p, audit: a}
}

// Dispatch sends an effect now; an error where its lane failed, or where there is
// no lane for its kind.
func (d *Dispatcher) Dispatch(ctx context.Context, e effect.Effect) error {
	switch e := e.(type) {
	case realtime.Commit:
		d.publisher.Express(ctx, e) // whatever fails is left to the durable lane
		return nil
	case realtime.Revocation:
		return d.publisher.Revoke(ctx, e)
	case realtime.SessionEnd:
		return d.publisher.EndSession(ctx, e.UserID, e.SessionID)
	case realtime.Replay:
		return d.publisher.Replay(ctx, e)
	case realtime.PresenceChanges:
		return d.publisher.SendPresence(ctx, e)
	case queue.Sending:
		return e.To.Send(ctx, e.Message)
	case audit.Record:
		return d.audit.Record(ctx, e.Caller, e.Action, e.Resource, e.Result)
	}
	return fmt.Errorf("no lane carries %T", e)
}
