// Package log is the append-only sequence that everything live is built on.
//
// A topic is a sequence of entries at positions 1, 2, 3 … without holes. A
// writer puts its entry at the next position on the condition that it is free;
// if it is taken, the writer gets what it missed and tries again. So an entry
// costs one write unit (up to 1 KB) when nobody races, whatever came before it.
//
// Entries lie in buckets, which are storage only and never seen outside. A
// layout by count derives the bucket from the position. A layout by clock starts
// one every few minutes: the writer whose clock asks for it puts a seal where
// the next entry would go, naming the next bucket, and writes its entry there
// under the same position. Whoever meets a seal follows it, whatever its own
// clock says, so a slow writer can't append behind a reader's cursor.
//
// An absent item never means a free position: a writer has read its base
// consistently, or the snapshot that stands for it. What was trimmed is
// GoneError, never an empty list. An entry is never changed. A closed topic
// takes no more entries.
package log

import (
	"errors"
	"fmt"
	"time"

	"github.com/rapport/rapport/shared/clock"
	"github.com/rapport/rapport/shared/table"
)

const (
	// MaxPage is the most entries that one read gives.
	MaxPage = 200
	// maxTries is how often a writer that loses a race tries again.
	maxTries = 10
	// maxMissed is how far behind the newest entry a writer's base may be. Who
	// is further behind reads the state again.
	maxMissed = 10_000
	// pageBytes bounds the data of one page, well below Lambda's 6 MB answer.
	pageBytes = 2 << 20
)

var (
	// ErrClosed says that the topic takes no more entries.
	ErrClosed = errors.New("the topic is closed")
	// ErrContended says that the race for a position wasn't won in ten tries;
	// nothing was committed.
	ErrContended = errors.New("too many writers at once")
	// ErrLate says that the time for this append was over; nothing was
	// committed.
	ErrLate = errors.New("the append took too long")
	// ErrReused says that the identity was used for another entry.
	ErrReused = errors.New("the identity was used for another entry")
)

// GoneError says that a position lies below what is kept.
type GoneError struct {
	// Oldest is the first position that is kept.
	Oldest int64
}

// Error names the oldest position.
func (e *GoneError) Error() string { return fmt.Sprintf("history is kept from %d on", e.Oldest) }

// BeyondError says that a base lies beyond the newest entry.
type BeyondError struct{ Newest int64 }

// Error names the newest position.
func (e *BeyondError) Error() string { return fmt.Sprintf("the newest position is %d", e.Newest) }

// Identity tells an append from its retry: the same author, client and
// sequence number are the same append. Digest is of the request as it was sent,
// so that other content under the same identity is noticed.
type Identity struct {
	Author    string
	ClientID  string
	ClientSeq int64
	Digest    string
}

// same tells whether two identities are of one append. An identity without a
// client is never a retry's.
func (i Identity) same(other Identity) bool {
	return i.ClientID != "" && i.Author == other.Author && i.ClientID == other.ClientID && i.ClientSeq == other.ClientSeq
}

// Draft is what a writer puts into an entry.
type Draft struct {
	// Data is the domain's payload, opaque here.
	Data string
	// Length is the state that the next writer checks itself against: for notes
	// the document's length in code points.
	Length int
	// Due and Tat pace delivery, in milliseconds since 1970; see realtime.Pace.
	Due, Tat int64
	// Count is how many positions the entry takes; 0 means one.
	Count int
}

// Entry is what stands at a position, or at Count of them from Position on.
type Entry struct {
	Position int64
	Count    int
	At       time.Time
	Identity
	Draft
}

// Last is the entry's last position; 0 for the zero Entry, which stands before
// the first.
func (e Entry) Last() int64 {
	if e.Position == 0 {
		return 0
	}
	return e.Position + int64(max(e.Count, 1)) - 1
}

// Layout says how a kind of topic lies in buckets.
type Layout struct {
	// PerBucket is the number of positions in a bucket, for a layout by count.
	PerBucket int64
	// Window is the length of a bucket, for a layout by clock.
	Window time.Duration
	// Retention is how long after its bucket's end an entry expires; 0 keeps it.
	Retention time.Duration
	// Span is the most positions that one entry takes; 0 means one.
	Span int64
}

// ByCount puts n positions into a bucket.
func ByCount(n int64) Layout { return Layout{PerBucket: n} }

// ByClock starts a bucket every window; entries take up to span positions and
// expire with their bucket.
func ByClock(window, retention time.Duration, span int64) Layout {
	return Layout{Window: window, Retention: retention, Span: span}
}

// bucketOf is the bucket of a position, for a layout by count.
func (l Layout) bucketOf(position int64) int64 { return (position - 1) / l.PerBucket }

// bucketAt is the bucket that a clock asks for, for a layout by clock.
func (l Layout) bucketAt(now time.Time) int64 { return now.UnixMilli() / l.Window.Milliseconds() }

// Log reads and writes topics of one layout. It is safe for concurrent use.
type Log struct {
	table  *table.Table
	clock  clock.Clock
	layout Layout
}

// New makes a log over the table Log.
func New(t *table.Table, c clock.Clock, layout Layout) *Log {
	return &Log{table: t, clock: c, layout: layout}
}

// place is where a reader or writer stands: the bucket, and the position that
// comes next.
type place struct {
	bucket   int64
	position int64
}
