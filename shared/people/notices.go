package people

import (
	"context"
	"errors"
	"fmt"

	"github.com/rapport/rapport/shared/core/caller"
	"github.com/rapport/rapport/shared/core/effect"
	"github.com/rapport/rapport/shared/core/idempotency"
	"github.com/rapport/rapport/shared/core/table"
	"github.com/rapport/rapport/shared/users"
)

// Ways are the ways by which somebody is told something.
type Ways struct {
	Email bool `json:"email"`
	App   bool `json:"app"`
}

// Notices says how the caller is told what; in all ways where they never said.
type Notices struct {
	Invitation Ways `json:"invitation"`
	Reminder   Ways `json:"reminder"`
	Match      Ways `json:"match"`
	Insights   Ways `json:"insights"`
}

// UpdateNoticesRequest replaces how the caller is told what.
type UpdateNoticesRequest struct {
	Invitation Ways `json:"invitation"`
	Reminder   Ways `json:"reminder"`
	Match      Ways `json:"match"`
	Insights   Ways `json:"insights"`
}

// GetNotices gives how the caller is told what.
func (s *Service) GetNotices(ctx context.Context, c caller.Caller, _ struct{}) (Notices, error) {
	stored, err := table.Get[Notices](ctx, s.data, personKey(c.UserID, noticesSort))
	if errors.Is(err, table.ErrNotFound) {
		all := Ways{Email: true, App: true}
		return Notices{Invitation: all, Reminder: all, Match: all, Insights: all}, nil
	}
	if err != nil {
		return Notices{}, fmt.Errorf("read notices of %s: %w", c.UserID, err)
	}
	return stored, nil
}

// UpdateNotices replaces how the caller is told what. Of two at once one is last.
func (s *Service) UpdateNotices(ctx context.Context, c caller.Caller, execution *idempotency.Execution, in UpdateNoticesRequest) (Notices, effect.Effects, error) {
	notices := Notices(in)
	tx := table.NewTx()
	tx.Put(s.data, personKey(c.UserID, noticesSort), notices)
	tx.Check(s.data, users.Key(c.UserID), table.Exists())
	if err := s.idempotency.Commit(ctx, tx, execution, notices); err != nil {
		return Notices{}, nil, fmt.Errorf("update notices of %s: %w", c.UserID, passing(err))
	}
	return notices, nil, nil
}
