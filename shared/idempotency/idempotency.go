// Package idempotency answers a repeated request with the first answer.
//
// A request with an Idempotency-Key claims a record before its method runs. The
// method's transaction stores the answer in that record together with the
// effect, so that after a crash either both are there or neither. A method
// whose effect finds its own retry (a change to the notes) has its answer
// stored afterwards. A refusal frees the key. A claim whose request failed can be
// taken over, one whose request died when it runs out; only the newest attempt
// can commit, because its transaction checks the attempt.
package idempotency

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/rapport/rapport/shared/caller"
	"github.com/rapport/rapport/shared/clock"
	"github.com/rapport/rapport/shared/errs"
	"github.com/rapport/rapport/shared/table"
)

const (
	// kept is how long an answer is remembered.
	kept = 24 * time.Hour
	// claim is how long a request may be under way: longer than any function's
	// timeout.
	claim = 35 * time.Second
	// wait is how long a duplicate waits for the first request's answer.
	wait = 2 * time.Second
	// poll is how often it looks.
	poll = 100 * time.Millisecond

	opOnce = "once"
)

// Store keeps records in the table Control.
type Store struct {
	table *table.Table
	clock clock.Clock
}

// New makes a store over the table Control.
func New(t *table.Table, c clock.Clock) *Store { return &Store{table: t, clock: c} }

// Begin claims a key for one execution within a scope (user, method and path).
// It gives the execution's mark; or the first answer's body, with a nil mark;
// or CONFLICT: for another body, or while the first request is under way for
// more than two seconds.
func (s *Store) Begin(ctx context.Context, scope, key string, body []byte) (*caller.Once, []byte, error) {
	name := digest([]byte(scope), []byte(key))
	request := digest(body)
	for waited := time.Duration(0); ; waited += poll {
		once, standing, err := s.claim(ctx, name, request)
		if err != nil || once != nil {
			return once, nil, err
		}
		switch {
		case standing.Request != request:
			return nil, nil, errs.New(errs.Conflict, "This Idempotency-Key was used with another body.")
		case standing.State == stateDone:
			return nil, standing.Answer, nil
		case waited >= wait:
			return nil, nil, errs.New(errs.Conflict, "The first request with this Idempotency-Key is still under way.")
		}
		if err := s.clock.Sleep(ctx, poll); err != nil {
			return nil, nil, err
		}
	}
}

// claim takes a free, expired or abandoned record, or gives the standing one.
func (s *Store) claim(ctx context.Context, name, request string) (*caller.Once, record, error) {
	now := s.clock.Now()
	update := table.Update{
		Set:    map[string]any{"state": stateClaimed, "request": request, "until": now.Add(claim).UnixMilli()},
		Add:    map[string]any{"attempt": 1},
		Remove: []string{"answer"},
		If: table.Or(
			table.Absent(),
			table.Less(table.AttrExpires, now.Unix()),
			table.And(
				table.Equals("state", stateClaimed), table.Equals("request", request),
				table.Less("until", now.UnixMilli()),
			),
		),
	}
	claimed, err := table.UpdateReturning[record](ctx, s.table, onceKey(name), update, table.Expires(now.Add(kept)))
	if failed, ok := errors.AsType[*table.ConditionError](err); ok {
		var standing record
		if err := failed.Decode(&standing); err != nil {
			return nil, record{}, fmt.Errorf("read idempotency record: %w", err)
		}
		return nil, standing, nil
	}
	if err != nil {
		return nil, record{}, fmt.Errorf("claim idempotency key: %w", err)
	}
	return &caller.Once{Key: name, Attempt: claimed.Attempt}, claimed, nil
}

// Commit commits a transaction, and with it the answer where the request had a
// key. Another attempt that took the key over makes it CONFLICT.
func (s *Store) Commit(ctx context.Context, tx *table.Tx, once *caller.Once, answer any) error {
	if once == nil {
		return tx.Commit(ctx)
	}
	body, err := json.Marshal(answer)
	if err != nil {
		return fmt.Errorf("encode answer: %w", err)
	}
	tx.Update(s.table, onceKey(once.Key), s.done(once, body), table.Named(opOnce))
	err = tx.Commit(ctx)
	if table.FailedOp(err, opOnce) != nil {
		return errs.New(errs.Conflict, "Another request with this Idempotency-Key is under way.")
	}
	once.Recorded = err == nil
	return err
}

// Finish stores the answer of an execution, unless Commit did.
func (s *Store) Finish(ctx context.Context, once *caller.Once, body []byte) error {
	if once.Recorded {
		return nil
	}
	err := s.table.Update(ctx, onceKey(once.Key), s.done(once, body))
	if errors.Is(err, table.ErrConditionFailed) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("store idempotent answer: %w", err)
	}
	return nil
}

// Abandon frees the key of a refused execution.
func (s *Store) Abandon(ctx context.Context, once *caller.Once) error {
	err := s.table.Delete(ctx, onceKey(once.Key), table.If(mine(once)))
	if errors.Is(err, table.ErrConditionFailed) {
		return nil
	}
	return err
}

// Release ends the claim of an execution whose outcome is unknown: the next
// request with the key takes it over, and nothing of this one is committed after
// that. An answer that was recorded stays.
func (s *Store) Release(ctx context.Context, once *caller.Once) error {
	err := s.table.Update(ctx, onceKey(once.Key), table.Update{Set: map[string]any{"until": 0}, If: mine(once)})
	if errors.Is(err, table.ErrConditionFailed) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("release idempotency key: %w", err)
	}
	return nil
}

func (s *Store) done(once *caller.Once, body []byte) table.Update {
	return table.Update{Set: map[string]any{"state": stateDone, "answer": body}, If: mine(once)}
}

// mine holds while this execution's claim stands and nothing was recorded.
func mine(once *caller.Once) table.Condition {
	return table.And(table.Equals("state", stateClaimed), table.Equals("attempt", once.Attempt))
}

// digest names parts unambiguously: each is hashed before they are joined.
func digest(parts ...[]byte) string {
	all := sha256.New()
	for _, part := range parts {
		one := sha256.Sum256(part)
		all.Write(one[:])
	}
	return hex.EncodeToString(all.Sum(nil))
}
