package notes

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/rapport/rapport/shared/core/effect"
	"github.com/rapport/rapport/shared/core/log"
	"github.com/rapport/rapport/shared/core/table"
)

// Texts at rest. Snapshots trim the history and sweep chunks, so a text that
// nobody changes any more would keep both. A snapshot that leaves something to do
// puts its text on a work list, once, under the day on which it is to be looked
// at; a schedule takes from the list what is due, does it, and puts the text under
// its next day or off the list. The list itself is where a run goes on that was
// ended: nobody looks through the table.
const (
	// restShards is how many parts the list has.
	restShards = 8
	// lookAfter is how long a text is left alone at least.
	lookAfter = 24 * time.Hour
	// A run looks at most at looksPerRun texts, and begins none after runFor, which
	// leaves it a minute of its function's time; of one text it deletes at most trimsPerLook times trimBatch versions and
	// sweepsPerLook times sweepBatch chunks.
	looksPerRun   = 400
	runFor        = 4 * time.Minute
	trimsPerLook  = 2
	sweepsPerLook = 32
)

// Tidied is what a run of Trim has done.
type Tidied struct {
	Texts    int `json:"texts" doc:"Texts that were looked at."`
	Versions int `json:"versions" doc:"Versions whose changes were deleted."`
	Chunks   int `json:"chunks" doc:"Parts of snapshots that nobody came to name, deleted."`
	// More is true where the next run goes on with what is due.
	More bool `json:"more" doc:"Whether texts were left to the next run."`
}

// Trim deletes, of the texts at rest that are due at a time, what of the history
// is older than 90 days and 1,000 versions below the snapshot, and the chunks that
// no snapshot names. A snapshot that was never made is made. Doing it twice does
// no harm; a run that ends early leaves the rest to the next. A text that fails
// is looked at again a day later, so that it holds up no other; the error names
// all that failed.
func (s *Service) Trim(ctx context.Context, at time.Time) (Tidied, effect.Effects, error) {
	var done Tidied
	var failed error
	until := s.clock.Now().Add(runFor)
	for shard := range restShards {
		if err := s.trimShard(ctx, shard, dayOf(at), until, &done); err != nil {
			failed = errors.Join(failed, err)
		}
	}
	return done, nil, failed
}

// trimShard looks at what is due of one part of the list. What it has done is off
// the list, or under a later day.
func (s *Service) trimShard(ctx context.Context, shard int, day string, until time.Time, done *Tidied) (failed error) {
	for after := ""; ; {
		room := looksPerRun - done.Texts
		if room <= 0 || s.late(ctx, until) {
			done.More = true
			return failed
		}
		page, err := table.List[rest](ctx, s.table, table.Query{
			PK: restPartition(shard), Below: dayAfter(day), After: after, Limit: min(room, table.MaxLimit),
		})
		if err != nil {
			return errors.Join(failed, fmt.Errorf("list texts at rest: %w", err))
		}
		for _, row := range page.Items {
			if s.late(ctx, until) {
				done.More = true
				return failed
			}
			done.Texts++
			if err := s.look(ctx, row, done); err != nil {
				failed = errors.Join(failed, fmt.Errorf("tidy %s: %w", row.Value.Topic, err), s.lookAgain(ctx, row, s.clock.Now().Add(lookAfter)))
			}
		}
		if after = page.Next; !page.More() {
			return failed
		}
	}
}

// late reports whether the run should end.
func (s *Service) late(ctx context.Context, until time.Time) bool {
	return ctx.Err() != nil || s.clock.Now().After(until)
}

// look does for one text what is to be done.
func (s *Service) look(ctx context.Context, row table.Row[rest], done *Tidied) error {
	topic, now := row.Value.Topic, s.clock.Now()
	base, err := s.catchUp(ctx, topic)
	if err != nil {
		return err
	}
	if now.Sub(time.UnixMilli(base.At)) < lookAfter {
		return s.lookAgain(ctx, row, now.Add(lookAfter))
	}
	if err := s.sweepChunks(ctx, topic, base, done); err != nil {
		return err
	}
	full, err := s.trimHistory(ctx, topic, base, now, done)
	if err != nil {
		return err
	}
	if full {
		// The day stays: the next run goes on.
		done.More = true
		return nil
	}
	next, err := s.nextLook(ctx, topic, now)
	if err != nil {
		return err
	}
	if !next.IsZero() {
		return s.lookAgain(ctx, row, next)
	}
	return s.lookNoMore(ctx, row, base)
}

// catchUp makes the snapshot that a reader of the stream has given up, and gives
// the newest.
func (s *Service) catchUp(ctx context.Context, topic string) (snapshot, error) {
	base, err := s.snapshot(ctx, topic)
	if err != nil {
		return base, err
	}
	newest, _, err := s.log.NewestAfter(ctx, topic, base.Base)
	if err != nil || newest <= base.Position {
		return base, err
	}
	if err := s.materialise(ctx, topic, newest); err != nil {
		return base, err
	}
	return s.snapshot(ctx, topic)
}

// sweepChunks deletes the chunks of versions before a snapshot that has rested:
// nobody reads the one before it any more. Later ones may be about to be named.
func (s *Service) sweepChunks(ctx context.Context, topic string, base snapshot, done *Tidied) error {
	for range sweepsPerLook {
		unnamed, err := s.unnamed(ctx, topic, base.Position)
		if err != nil {
			return err
		}
		if err := s.table.DeleteAll(ctx, unnamed...); err != nil {
			return fmt.Errorf("delete chunks: %w", err)
		}
		done.Chunks += len(unnamed)
		if len(unnamed) < sweepBatch {
			return nil
		}
	}
	done.More = true
	return nil
}

// trimHistory trims a text; full reports that more is to be trimmed than one look
// may.
func (s *Service) trimHistory(ctx context.Context, topic string, base snapshot, now time.Time, done *Tidied) (full bool, err error) {
	for range trimsPerLook {
		n, err := s.log.Trim(ctx, topic, base.Position-keepVersions, now.Add(-keepFor), trimBatch)
		if err != nil {
			return false, err
		}
		done.Versions += n
		if n == 0 {
			return false, nil
		}
	}
	return true, nil
}

// nextLook is when the oldest change that isn't among those that are always kept
// is old enough; zero where all are.
func (s *Service) nextLook(ctx context.Context, topic string, now time.Time) (time.Time, error) {
	base, err := s.snapshot(ctx, topic)
	if err != nil {
		return time.Time{}, err
	}
	oldest := max(base.Oldest, 1)
	if oldest >= base.Position-keepVersions {
		return time.Time{}, nil
	}
	page, err := s.log.Read(ctx, topic, oldest-1, 1)
	if _, gone := errors.AsType[*log.GoneError](err); gone || err == nil && len(page.Entries) == 0 {
		return now.Add(lookAfter), nil // somebody else trims
	}
	if err != nil {
		return time.Time{}, fmt.Errorf("oldest change: %w", err)
	}
	due := page.Entries[0].At.Add(keepFor)
	if soonest := now.Add(lookAfter); due.Before(soonest) {
		return soonest, nil
	}
	return due, nil
}

// lookAt puts a text on the list under a day; a text that stands there already stays.
func (s *Service) lookAt(ctx context.Context, topic, day string) error {
	if err := s.table.Put(ctx, restKey(topic, day), rest{Topic: topic}); err != nil {
		return fmt.Errorf("put on the list of texts at rest: %w", err)
	}
	return nil
}

// lookAgain moves a text to the day after a time. A crash half-way
// leaves the text under both days.
func (s *Service) lookAgain(ctx context.Context, row table.Row[rest], due time.Time) error {
	day := dayAfter(dayOf(due))
	if restKey(row.Value.Topic, day) == row.Key {
		return nil // a run for a day to come
	}
	if err := s.lookAt(ctx, row.Value.Topic, day); err != nil {
		return err
	}
	err := s.table.Update(ctx, snapshotKey(row.Value.Topic), table.Update{Set: map[string]any{"look": day}, If: table.Exists()})
	if err != nil && !errors.Is(err, table.ErrConditionFailed) {
		return fmt.Errorf("mark snapshot: %w", err)
	}
	return s.table.Delete(ctx, row.Key)
}

// lookNoMore takes a text off the list, unless it has a newer snapshot, which
// counts on its being there.
func (s *Service) lookNoMore(ctx context.Context, row table.Row[rest], base snapshot) error {
	unchanged := table.Equals("position", base.Position)
	if base.Position == 0 {
		unchanged = table.AttributeAbsent("position")
	}
	err := s.table.Update(ctx, snapshotKey(row.Value.Topic), table.Update{Remove: []string{"look"}, If: table.And(table.Exists(), unchanged)})
	if errors.Is(err, table.ErrConditionFailed) {
		if base.Position == 0 {
			// It has no snapshot: nothing was ever written to it.
			return s.table.Delete(ctx, row.Key)
		}
		return s.lookAgain(ctx, row, s.clock.Now().Add(lookAfter))
	}
	if err != nil {
		return fmt.Errorf("mark snapshot: %w", err)
	}
	return s.table.Delete(ctx, row.Key)
}
