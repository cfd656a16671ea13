// Package idempotency answers a repeated request with the first answer.
//
// A request with an Idempotency-Key claims a record before its method runs, in
// the name of a random owner. The method's transaction stores the answer in that
// record together with the effect, so that after a crash either both are there
// or neither: the record is committed. When the method has also done what comes
// after its effect, such as ending streams, the record is done, and only then
// the answer is given to others. A method whose effect finds its own retry (a
// change to the notes) has its answer stored at once as done.
//
// A method whose effect is no transaction finds what an earlier execution may
// have committed by Execution.Since.
//
// A refusal frees the key, unless its method says that nobody knows whether an
// earlier execution has committed. A failed request's claim can be taken over at once, a
// crashed request's when the claim runs out. The execution that takes over a
// committed record runs the method once more for what comes after the effect, and
// gives the first answer. No execution commits into another's claim, however late it is: its
// transaction checks the owner.
package idempotency

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/rapport/rapport/shared/core/clock"
	"github.com/rapport/rapport/shared/core/errs"
	"github.com/rapport/rapport/shared/core/table"
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
// It gives the execution; or the first answer's body, with a nil execution; or
// both, where the first execution crashed after its effect: the method is run once
// more, for what comes after the effect, and the first answer is given. CONFLICT
// where the key belongs to another request, or where the first execution is still
// under way after two seconds.
//
// content is what the request asks for, the same bytes however it was written;
// sent is its body, by which records are known that have no content: those of
// functions that gave none.
func (s *Store) Begin(ctx context.Context, scope, key string, content, sent []byte) (*Execution, []byte, error) {
	name := digest([]byte(scope), []byte(key))
	asked := record{Request: digest(sent)}
	if content != nil {
		asked.Content = digest(content)
	}
	e := &Execution{Key: name, Owner: rand.Text()}
	for waited := time.Duration(0); ; waited += poll {
		claimed, standing, err := s.claim(ctx, e, asked)
		if err != nil {
			return nil, nil, err
		}
		if claimed {
			return e, nil, nil
		}
		switch {
		case !standing.sameRequest(asked):
			return nil, nil, errs.New(errs.Conflict, "This Idempotency-Key was used with another body.")
		case standing.State == stateDone:
			return nil, standing.Answer, nil
		case standing.State == stateCommitted && standing.Until < s.clock.Now().UnixMilli():
			taken, err := s.takeOver(ctx, e, standing)
			if err != nil {
				return nil, nil, err
			}
			if taken {
				return e, standing.Answer, nil
			}
		}
		if waited >= wait {
			return nil, nil, underWay("The first request with this Idempotency-Key is still under way.")
		}
		if err := s.clock.Sleep(ctx, poll); err != nil {
			return nil, nil, err
		}
	}
}

// claim takes a free or expired record, or one whose execution has died or failed
// before its effect, or gives the standing one. A claim whose answer was lost is
// sent again, and finds itself standing.
func (s *Store) claim(ctx context.Context, e *Execution, asked record) (bool, record, error) {
	now := s.clock.Now()
	err := s.table.Update(ctx, onceKey(e.Key), table.Update{
		Set: map[string]any{
			"state": stateClaimed, "request": asked.Request, "content": asked.Content, "owner": e.Owner,
			"until": now.Add(claim).UnixMilli(), "since": now.UnixMilli(),
		},
		Remove: []string{"answer"},
		If:     table.Or(table.Absent(), table.Less(table.AttrExpires, now.Unix())),
	}, table.Expires(now.Add(kept)))
	mine, standing, err := claimed(err, e)
	if err != nil || mine || standing.State != stateClaimed || !standing.sameRequest(asked) || standing.Until >= now.UnixMilli() {
		return mine, standing, err
	}
	return s.reclaim(ctx, e, standing)
}

// reclaim takes the record of an execution that has begun and not recorded its
// answer, and never will: it has died, or failed. Somebody else may be first.
func (s *Store) reclaim(ctx context.Context, e *Execution, standing record) (bool, record, error) {
	now := s.clock.Now()
	err := s.table.Update(ctx, onceKey(e.Key), table.Update{
		Set: map[string]any{"owner": e.Owner, "until": now.Add(claim).UnixMilli()},
		If: table.And(
			table.Equals("state", stateClaimed), table.Equals("owner", standing.Owner), table.Equals("until", standing.Until),
		),
	}, table.Expires(now.Add(kept)))
	mine, _, err := claimed(err, e)
	if mine {
		e.Since = time.UnixMilli(standing.Since).UTC()
	}
	return mine, standing, err // whatever stands there by now, the next look tells
}

// claimed reads from the result of an update whether an execution has the claim,
// and gives the standing record where it hasn't.
func claimed(err error, e *Execution) (mine bool, standing record, _ error) {
	failed, refused := errors.AsType[*table.ConditionError](err)
	switch {
	case err == nil:
		return true, record{}, nil
	case !refused:
		return false, record{}, fmt.Errorf("claim idempotency key: %w", err)
	}
	if err := failed.Decode(&standing); err != nil && !errors.Is(err, table.ErrNotFound) {
		return false, record{}, fmt.Errorf("read idempotency record: %w", err)
	}
	return standing.State == stateClaimed && standing.Owner == e.Owner, standing, nil
}

// takeOver claims a committed record whose execution has died, to do what comes
// after its effect. Somebody else may be first.
func (s *Store) takeOver(ctx context.Context, e *Execution, standing record) (bool, error) {
	err := s.table.Update(ctx, onceKey(e.Key), table.Update{
		Set: map[string]any{"owner": e.Owner, "until": s.clock.Now().Add(claim).UnixMilli()},
		If:  table.And(table.Equals("state", stateCommitted), table.Equals("owner", standing.Owner), table.Equals("until", standing.Until)),
	})
	if failed, ok := errors.AsType[*table.ConditionError](err); ok {
		var found record
		if err := failed.Decode(&found); err != nil && !errors.Is(err, table.ErrNotFound) {
			return false, fmt.Errorf("read idempotency record: %w", err)
		}
		e.Recorded = found.State == stateCommitted && found.Owner == e.Owner
		return e.Recorded, nil
	}
	if err != nil {
		return false, fmt.Errorf("take idempotency key over: %w", err)
	}
	e.Recorded = true
	return true, nil
}

// Commit commits a transaction, and with it the answer where the request had a
// key. It is CONFLICT where another execution has taken the key over, and where
// the key's effect is there already.
func (s *Store) Commit(ctx context.Context, tx *table.Tx, e *Execution, answer any) error {
	if e == nil {
		return tx.Commit(ctx)
	}
	body, err := json.Marshal(answer, json.Deterministic(true))
	if err != nil {
		return fmt.Errorf("encode answer: %w", err)
	}
	tx.Update(s.table, onceKey(e.Key), answered(e, stateCommitted, body), table.Named(opOnce))
	err = tx.Commit(ctx)
	if table.FailedOp(err, opOnce) != nil {
		return underWay("Another request with this Idempotency-Key is under way.")
	}
	if err == nil {
		e.Recorded = true
	}
	return err
}

// Finish lets the answer of an execution be given again, now that everything is
// done. It stores the answer, unless Commit did.
func (s *Store) Finish(ctx context.Context, e *Execution, body []byte) error {
	update := answered(e, stateDone, body)
	if e.Recorded {
		update = table.Update{
			Set: map[string]any{"state": stateDone},
			If:  table.And(table.Equals("state", stateCommitted), table.Equals("owner", e.Owner)),
		}
	}
	err := s.table.Update(ctx, onceKey(e.Key), update)
	if errors.Is(err, table.ErrConditionFailed) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("store idempotent answer: %w", err)
	}
	return nil
}

// Abandon frees the key of a refused execution, unless it has committed.
func (s *Store) Abandon(ctx context.Context, e *Execution) error {
	err := s.table.Delete(ctx, onceKey(e.Key), table.If(mine(e)))
	if errors.Is(err, table.ErrConditionFailed) {
		return nil
	}
	return err
}

// Release ends the claim of an execution whose outcome is unknown, or that has
// committed and not got to its end: the next request with the key takes it over,
// and nothing of this one is committed after that. An answer that was recorded
// stays.
func (s *Store) Release(ctx context.Context, e *Execution) error {
	err := s.table.Update(ctx, onceKey(e.Key), table.Update{
		Set: map[string]any{"until": 0},
		If: table.And(table.Equals("owner", e.Owner),
			table.Or(table.Equals("state", stateClaimed), table.Equals("state", stateCommitted))),
	})
	if errors.Is(err, table.ErrConditionFailed) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("release idempotency key: %w", err)
	}
	return nil
}

func answered(e *Execution, next state, body []byte) table.Update {
	return table.Update{Set: map[string]any{"state": next, "answer": body}, If: mine(e)}
}

// mine holds while this execution's claim stands and nothing was recorded.
func mine(e *Execution) table.Condition {
	return table.And(table.Equals("state", stateClaimed), table.Equals("owner", e.Owner))
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

// underWay refuses a request whose first execution goes on: once that is over, the
// same request gets its answer.
func underWay(message string) error {
	conflict := errs.New(errs.Conflict, "%s", message)
	conflict.Retryable = true
	return conflict
}
