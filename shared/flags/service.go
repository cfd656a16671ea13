package flags

import (
	"context"

	"github.com/rapport/rapport/shared/core/audit"
	"github.com/rapport/rapport/shared/core/caller"
	"github.com/rapport/rapport/shared/core/clock"
	"github.com/rapport/rapport/shared/core/epoch"
	"github.com/rapport/rapport/shared/core/idempotency"
	"github.com/rapport/rapport/shared/core/table"
)

// The actions of operators. Everybody may ask what their own flags are.
const (
	ActionList    caller.Action = "flags.list"
	ActionCreate  caller.Action = "flags.create"
	ActionGet     caller.Action = "flags.get"
	ActionUpdate  caller.Action = "flags.update"
	ActionDelete  caller.Action = "flags.delete"
	ActionHistory caller.Action = "flags.history"
)

// Service keeps flags in the table Data. Who may call what, the class of the
// function says: a flag has no roles of its own.
type Service struct {
	data        *table.Table
	reader      *Reader
	audit       *audit.Log
	idempotency *idempotency.Store
	clock       clock.Clock
	epoch       epoch.Epoch
}

// Dependencies are what a service is made of.
type Dependencies struct {
	Data        *table.Table
	Reader      *Reader
	Audit       *audit.Log
	Idempotency *idempotency.Store
	Clock       clock.Clock
	// Epoch is what versions and revisions belong to.
	Epoch epoch.Epoch
}

// New makes the service.
func New(p Dependencies) *Service {
	return &Service{data: p.Data, reader: p.Reader, audit: p.Audit, idempotency: p.Idempotency, clock: p.Clock, epoch: p.Epoch}
}

// EvaluateRequest asks for the caller's flags.
type EvaluateRequest struct{}

// Evaluated are the caller's flags at a version.
type Evaluated struct {
	Version int64                 `json:"version" doc:"As the topic flags says it."`
	Epoch   epoch.Epoch           `json:"epoch,omitzero" doc:"What version belongs to."`
	Flags   map[string]ClientFlag `json:"flags"`
}

// ClientFlag is what the caller gets of a flag.
type ClientFlag struct {
	Value   Value  `json:"value"`
	Variant string `json:"variant"`
	Reason  Reason `json:"reason" enum:"STATIC,SPLIT,DEFAULT,DISABLED,ERROR"`
}

// Evaluate says what the caller gets of the flags that clients see. It reads the
// newest version, so that a client that was notified of a version gets it.
func (s *Service) Evaluate(ctx context.Context, c caller.Caller, _ EvaluateRequest) (Evaluated, error) {
	snapshot := s.reader.Latest(ctx)
	answer := Evaluated{Version: snapshot.Version(), Epoch: s.epoch, Flags: map[string]ClientFlag{}}
	for key, flag := range snapshot.flags {
		if flag.client {
			e := snapshot.Evaluate(key, c.UserID)
			answer.Flags[key] = ClientFlag{Value: e.Value, Variant: e.Variant, Reason: e.Reason}
		}
	}
	return answer, nil
}
