package flags

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/rapport/rapport/shared/core/caller"
	"github.com/rapport/rapport/shared/core/clock"
	"github.com/rapport/rapport/shared/core/effect"
	"github.com/rapport/rapport/shared/core/errs"
	"github.com/rapport/rapport/shared/core/idempotency"
	"github.com/rapport/rapport/shared/core/realtime"
	"github.com/rapport/rapport/shared/core/table"
)

const (
	// maxTries bounds the race of changes: every change of any flag raises one version.
	maxTries = 10
	opFlag   = "flag"
	opState  = "state"
)

// current is a flag as a change finds it.
type current struct {
	record
	state state
	// exists is true for flags that are stored or declared, stored for the former.
	exists, stored bool
}

// intent is what a change does.
type intent struct {
	action caller.Action
	key    string
	reason string
	// apply makes the next flag of the standing one, and says whether it is another.
	apply func(before current) (after Flag, changed bool, err error)
	// deletes is true where the flag goes; apply then only refuses.
	deletes bool
}

// change commits one change: the flag on the condition that its revision is the one
// that was read, all flags' state on that of its version, and the history. A lost
// race begins anew. The commit is for the topic.
func (s *Service) change(ctx context.Context, c caller.Caller, execution *idempotency.Execution, in intent) (Flag, effect.Effects, error) {
	for range maxTries {
		before, err := s.load(ctx, in.key)
		if err != nil {
			return Flag{}, nil, err
		}
		after, changed, err := in.apply(before)
		if err != nil || !changed {
			return after, nil, err
		}
		w := s.writing(before, after, in)
		if err := w.fill(s, c, in); err != nil {
			return Flag{}, nil, err
		}
		own, err := w.state.event()
		if err != nil {
			return Flag{}, nil, err
		}
		err = s.idempotency.Commit(ctx, w.tx, execution, in.answer(w.next.Flag))
		if err == nil {
			return w.next.Flag, effect.Effects{s.stateCommit(w.state, w.pace, own)}, nil
		}
		if !raced(err) {
			return Flag{}, nil, fmt.Errorf("change flag %s: %w", in.key, passing(err))
		}
	}
	return Flag{}, nil, busy(nil)
}

// answer is what the call answers: a deletion, nothing.
func (in intent) answer(f Flag) any {
	if in.deletes {
		return struct{}{}
	}
	return f
}

// load reads a flag and the state of all, consistently.
func (s *Service) load(ctx context.Context, key string) (current, error) {
	flag, all := table.NewLookup[item](s.data, flagKey(key)), table.NewLookup[state](s.data, stateKey())
	if err := table.BatchGet(ctx, flag, all); err != nil {
		return current{}, fmt.Errorf("read flag %s: %w", key, err)
	}
	found := current{state: all.Value, stored: flag.Found && !flag.Value.Deleted}
	var err error
	if found.stored {
		found.exists = true
		found.record, err = recordOf(flag.Value)
		return found, err
	}
	found.record.Flag, found.exists = declared(key)
	// A deleted flag's revisions go on.
	found.record.Flag.Revision = flag.Value.Revision
	return found, nil
}

// writing is a change on its way.
type writing struct {
	before current
	next   record
	state  state
	pace   realtime.Pace
	now    time.Time
	tx     *table.Tx
}

// writing makes what is written of a change.
func (s *Service) writing(before current, after Flag, in intent) *writing {
	w := &writing{before: before, next: record{Flag: after, Bucketing: before.Bucketing}, now: s.clock.Now().Truncate(time.Millisecond), tx: table.NewTx()}
	w.next.Flag.Revision = before.Flag.Revision + 1
	if weights := after.weights(); weights != nil {
		if w.next.Bucketing.Algorithm == 0 {
			w.next.Bucketing = bucketing{Algorithm: algorithm, Salt: clock.NewID(s.clock)}
		}
		w.next.Bucketing.Ranges = reapportioned(before.Bucketing.Ranges, weights)
	}
	w.state = before.state
	w.state.Version++
	w.state.UpdatedAt = w.now
	w.state.Killed = slices.DeleteFunc(slices.Clone(before.state.Killed), func(key string) bool { return key == in.key })
	if after.Kill && !in.deletes {
		w.state.Killed = append(w.state.Killed, in.key)
	}
	switch {
	case in.deletes:
		w.state.Count--
	case !before.stored:
		w.state.Count++
	}
	w.pace = realtime.Pace{Due: before.state.Due, Tat: before.state.Tat, Group: before.state.Group}.Next(w.state.Version, w.now)
	w.state.Due, w.state.Tat, w.state.Group = w.pace.Due, w.pace.Tat, w.pace.Group
	return w
}

// fill puts the change into its transaction.
func (w *writing) fill(s *Service, c caller.Caller, in intent) error {
	stored, err := w.next.item()
	if err != nil {
		return err
	}
	if len(stored.Record) > maxFlag {
		return errs.New(errs.PayloadTooLarge, "A flag may have at most %d bytes.", maxFlag)
	}
	stored.Deleted = in.deletes
	unchanged := table.Equals("revision", w.before.Flag.Revision)
	if w.before.Flag.Revision == 0 {
		unchanged = table.Absent()
	}
	w.tx.Put(s.data, flagKey(in.key), stored, table.If(unchanged), table.Named(opFlag))
	unmoved := table.Equals("version", w.before.state.Version)
	if w.before.state.Version == 0 {
		unmoved = table.Absent()
	}
	w.tx.Put(s.data, stateKey(), w.state, table.If(unmoved), table.Named(opState))
	w.tx.Put(s.data, historyKey(in.key, stored.Revision), historyItem{
		Reason: in.reason, By: c.UserID, At: w.now, Deleted: in.deletes, Record: stored.Record,
	}, table.If(table.Absent()))
	s.audit.Add(w.tx, c, in.action, "flags/"+in.key)
	return nil
}

// raced reports whether a change failed because another was first.
func raced(err error) bool {
	return table.FailedOp(err, opFlag) != nil || table.FailedOp(err, opState) != nil || errors.Is(err, table.ErrTransactionConflict)
}

// passing makes RATE_LIMITED of a transaction that only met obstacles that pass;
// nothing was committed.
func passing(err error) error {
	if errors.Is(err, table.ErrOverloaded) {
		return busy(err)
	}
	return err
}

func busy(cause error) error {
	limited := errs.New(errs.RateLimited, "Too many changes at once. Please try again.")
	limited.RetryAfter, limited.Err = time.Second, cause
	return limited
}
