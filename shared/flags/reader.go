package flags

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/rapport/rapport/shared/core/clock"
	"github.com/rapport/rapport/shared/core/table"
)

const (
	// killTrust is how long a snapshot's kills are taken to hold, restTrust how long
	// all else is. Nothing runs while an instance is frozen, so both are held against
	// the clock at every use.
	killTrust = time.Second
	restTrust = 5 * time.Second
	// patience is how long a reading may take whose last known flags could serve as
	// well; firstPatience, where there are none: a cold instance connects first.
	patience      = 300 * time.Millisecond
	firstPatience = 2 * time.Second
)

// Reader keeps a function's snapshot of the flags. It is safe for concurrent use.
//
// It reads the state, a small item, where the last reading is a second old; and the
// flags themselves where the version has moved and the snapshot is five seconds old.
// Where the table can't be reached, what was known last goes on to hold, and where
// nothing was ever known, what each declared flag says for that; the next try comes a
// second later.
type Reader struct {
	data  *table.Table
	clock clock.Clock
	log   *slog.Logger

	mu      sync.Mutex
	current *Snapshot
	// tried is when the state was read last, or could not be; verified when the
	// snapshot was known to be the newest.
	tried, verified time.Time
}

// NewReader makes a reader of the table Data. It makes no call.
func NewReader(data *table.Table, c clock.Clock, log *slog.Logger) *Reader {
	return &Reader{data: data, clock: c, log: log, current: unreadSnapshot()}
}

// Boolean says whether a declared flag is on for a person. It never fails.
func (r *Reader) Boolean(ctx context.Context, f BooleanFlag, userID string) bool {
	return r.Current(ctx).Boolean(f, userID)
}

// Current gives a snapshot that may be trusted: its kills are at most a second old,
// all else at most five.
func (r *Reader) Current(ctx context.Context) *Snapshot { return r.snapshot(ctx, killTrust, restTrust) }

// Latest gives the newest snapshot, for whoever was just told of a version.
func (r *Reader) Latest(ctx context.Context) *Snapshot { return r.snapshot(ctx, 0, 0) }

func (r *Reader) snapshot(ctx context.Context, kills, rest time.Duration) *Snapshot {
	r.mu.Lock()
	defer r.mu.Unlock()
	// Round takes the monotonic reading away, which may stand still while an
	// instance is frozen.
	now := r.clock.Now().Round(0)
	if young(r.tried, now, kills) {
		return r.current
	}
	r.tried = now
	if err := r.refresh(ctx, now, rest); err != nil {
		r.log.WarnContext(ctx, "flags not read", "version", r.current.version, "error", err.Error())
	}
	return r.current
}

// young reports whether a time is less than a duration ago. One that is still to come,
// by a clock that was set back, is not.
func young(at, now time.Time, d time.Duration) bool {
	age := now.Sub(at)
	return age >= 0 && age < d
}

// refresh reads what may have changed. After an error, the kills may be newer than
// the flags.
func (r *Reader) refresh(ctx context.Context, now time.Time, rest time.Duration) error {
	limit := patience
	if r.current.unread {
		limit = firstPatience
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	// The state is read before the flags: they are never older than it says.
	newest, err := readState(ctx, r.data)
	if err != nil {
		return err
	}
	next := *r.current
	next.killed = map[string]bool{}
	for _, key := range newest.Killed {
		next.killed[key] = true
	}
	switch {
	case !next.unread && newest.Version == next.version:
		r.verified = now
	case next.unread || !young(r.verified, now, rest):
		all, loadErr := r.load(ctx)
		if err = loadErr; err == nil {
			next.flags, next.version, next.unread = all, newest.Version, false
			r.verified = now
		}
	}
	r.current = &next
	return err
}

// load reads all flags. One that can't be understood, of another release say, is
// logged, and stays as it is declared.
func (r *Reader) load(ctx context.Context) (map[string]*compiled, error) {
	all := compiledDeclarations()
	after := ""
	for {
		page, err := table.List[item](ctx, r.data, table.Query{PK: partition, Prefix: flagPrefix, Limit: table.MaxLimit, After: after})
		if err != nil {
			return nil, fmt.Errorf("read flags: %w", err)
		}
		for _, row := range page.Items {
			if row.Value.Deleted {
				continue
			}
			key := strings.TrimPrefix(row.Key.SK, flagPrefix)
			c, err := compiledOf(row.Value)
			if err != nil {
				r.log.ErrorContext(ctx, "flag not understood", "key", key, "error", err.Error())
				continue
			}
			all[key] = c
		}
		if !page.More() {
			return all, nil
		}
		after = page.Next
	}
}

func compiledOf(i item) (*compiled, error) {
	r, err := recordOf(i)
	if err != nil {
		return nil, err
	}
	return compile(r)
}

// readState gives what all flags have in common: the zero state before the first.
func readState(ctx context.Context, data *table.Table) (state, error) {
	s, err := table.Get[state](ctx, data, stateKey())
	if err != nil && !errors.Is(err, table.ErrNotFound) {
		return state{}, fmt.Errorf("read state of flags: %w", err)
	}
	return s, nil
}
