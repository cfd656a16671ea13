package log

import (
	"context"
	"fmt"
	"time"
)

// Tail as a base means "after whatever is newest".
const Tail int64 = -1

const (
	// maxTries is how often a writer tries in all.
	maxTries = 10
	// pauseStep is how much longer the longest pause is after every lost race:
	// about as long as a put takes.
	pauseStep = 4 * time.Millisecond
)

// Append is one writer's intent.
type Append struct {
	Topic string
	// Base is the position that the writer has seen, or Tail.
	Base int64
	// Since is set at the Tail where this append may be the retry of one that began
	// at that time, by a clock that is at most a bucket's window ahead: what was
	// committed since then is looked through for it, from the beginning of a bucket
	// on. It needs a layout by clock.
	Since time.Time
	// Identity finds a retry among the entries after Base, and the writer's own
	// entry when the answer to its put is lost: always give a ClientID.
	Identity Identity
	// Permit asks whether the writer may append, and says until when, by the log's
	// clock, it may stand on that: no try starts then or later, and none that is
	// under way is waited for or sent again. It is asked while the log is first
	// read, and has answered before Prepare is called; and again, at most once a
	// try, when the time is over before a try, as it is for a writer that had much
	// to read and to transform. Its error ends the append. Nil permits for ever.
	Permit func(ctx context.Context) (until time.Time, err error)
	// Prepare makes the draft that follows prev, the entry before the free
	// position. since holds what was committed after the base, or since the last
	// call: Prepare is called again after every lost race, ten times at most, and
	// before the permission's end is looked at. Its error ends the append with nothing
	// committed, also on a closed topic.
	Prepare func(prev Entry, since []Entry) (Draft, error)
}

// Committed is a successful append.
type Committed struct {
	Entry Entry
	// Repeated is true where the same append had been committed before: Entry is
	// the one of then.
	Repeated bool
}

// Append puts an entry at the next position. With a base it costs one query and,
// when nobody races and the entry has at most 1 KB, one write unit; at the Tail
// of a layout by count it costs a small read more, and with Since one of all that
// came since.
// Errors: ErrClosed, ErrContended, ErrLate,
// ErrReused, *GoneError for a base that isn't kept, or more than 10,000
// entries or 32 MB after it or after Since, *BeyondError for one beyond the newest, and whatever Prepare
// and Permit return. After any of them nothing is committed. Any other error leaves it
// open: the same append, tried again, finds out.
func (l *Log) Append(ctx context.Context, a Append) (Committed, error) {
	w := &writer{log: l, intent: a}
	committed, err := w.append(ctx)
	if err != nil {
		return Committed{}, fmt.Errorf("append to %s: %w", a.Topic, err)
	}
	return committed, nil
}

// closeTries bounds the race that closing a topic has with its writers; each
// loss means that a writer committed.
const closeTries = 100

// Close puts the closing entry at the next position, which uses no position:
// whoever appends later loses. Closing twice is no error. It gives the newest
// position.
func (l *Log) Close(ctx context.Context, topic string) (newest int64, err error) {
	w := &writer{log: l, intent: Append{Topic: topic, Base: Tail}}
	newest, err = w.close(ctx)
	if err != nil {
		return 0, fmt.Errorf("close %s: %w", topic, err)
	}
	return newest, nil
}
