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
// clock says, so a slow writer can't append behind a reader's cursor. Before a
// bucket has an entry it stands in the topic's directory.
//
// An absent item never means a free position: a writer has read its base
// consistently, or the snapshot that stands for it. What was trimmed or has
// expired is GoneError, never an empty list. An entry is never changed. A closed
// topic takes no more entries. Only writers write: reading never does.
package log

import (
	"errors"
	"fmt"
	"time"

	"github.com/rapport/rapport/shared/core/clock"
	"github.com/rapport/rapport/shared/core/epoch"
	"github.com/rapport/rapport/shared/core/table"
)

const (
	// MaxPage is the most entries that one read gives.
	MaxPage = 200
	// pageBytes bounds the data of one page, well below Lambda's 6 MB answer.
	pageBytes = 2 << 20
	// maxPosition is above every position that a key can hold.
	maxPosition = 999_999_999_999_999
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

// GoneError says that a position lies below what is kept, or further behind the
// newest than a writer may be.
type GoneError struct {
	// Oldest is a position to go on from: the first that is kept, or for a writer
	// that is too far behind, one that it would have come to.
	Oldest int64
}

// Error names the oldest position.
func (e *GoneError) Error() string { return fmt.Sprintf("history is kept from %d on", e.Oldest) }

// BeyondError says that a base lies beyond the newest entry.
type BeyondError struct{ Newest int64 }

// Error names the newest position.
func (e *BeyondError) Error() string { return fmt.Sprintf("the newest position is %d", e.Newest) }

// Identity makes an append recognisable in its retry: the same author, client and
// sequence number are the same append. Digest is of the request as it was sent,
// so that other content under the same identity is noticed.
type Identity struct {
	Author    string
	ClientID  string
	ClientSeq int64
	Digest    string
}

// same reports whether two identities are of one append. An identity without a
// client is never a retry's.
func (i Identity) same(other Identity) bool {
	return i.ClientID != "" && i.Author == other.Author && i.ClientID == other.ClientID && i.ClientSeq == other.ClientSeq
}

// Draft is what a writer puts into an entry.
type Draft struct {
	// Data is the domain's payload, opaque here.
	Data string
	// Hints is what readers may want beside the data, and older ones don't know of;
	// opaque here, too.
	Hints string
	// Length is the state that the next writer checks itself against: for notes
	// the document's length in code points.
	Length int
	// Due and Tat pace delivery, in milliseconds since 1970, and Group is the
	// position whose writer delivers; see realtime.Pace.
	Due, Tat, Group int64
	// Count is how many positions the entry takes, at most the layout's span; 0
	// means one.
	Count int
}

// Entry is what stands at a position, or at Count of them from Position on.
type Entry struct {
	Position int64
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

// Layout says how a kind of topic lies in buckets. ByCount and ByClock make one.
type Layout struct {
	// perBucket is the number of positions in a bucket; 0 in a layout by clock.
	perBucket int64
	// window is the length of a bucket in a layout by clock.
	window time.Duration
	// retention is how long after its bucket's end an entry is kept; 0 is for
	// ever.
	retention time.Duration
	// span is the most positions that one entry takes.
	span int64
}

// ByCount puts n positions into a bucket. Each entry takes one position, and
// leaves by Trim alone.
func ByCount(n int64) Layout { return Layout{perBucket: n, span: 1} }

// ByClock starts a bucket every window; entries take up to span positions and
// expire with their bucket, retention after its end (0 keeps them). A topic that
// was silent for its whole retention is closed.
func ByClock(window, retention time.Duration, span int64) Layout {
	return Layout{window: window, retention: retention, span: max(span, 1)}
}

// Span is the most positions that one entry takes.
func (l Layout) Span() int64 { return max(l.span, 1) }

func (l Layout) byCount() bool { return l.perBucket > 0 }

// bucketOf is the bucket of a position, for a layout by count.
func (l Layout) bucketOf(position int64) int64 { return (position - 1) / l.perBucket }

// bucketAt is the bucket that a clock asks for, for a layout by clock.
func (l Layout) bucketAt(now time.Time) int64 { return now.UnixMilli() / l.window.Milliseconds() }

// behind is the place after an entry that lies in a bucket.
func (l Layout) behind(e Entry, bucket int64) slot {
	next := slot{bucket: bucket, position: e.Last() + 1}
	if l.byCount() {
		next.bucket = l.bucketOf(next.position)
	}
	return next
}

// end is when the entries of a bucket expire, if they do.
func (l Layout) end(bucket int64) (time.Time, bool) {
	if l.retention == 0 {
		return time.Time{}, false
	}
	return time.UnixMilli((bucket + 1) * l.window.Milliseconds()).Add(l.retention), true
}

// grace is how much longer than its retention the table keeps an entry. Whoever
// finds a bucket expired by its clock doesn't look into it, so no difference of
// clocks shows anybody a bucket that is half swept.
const grace = 24 * time.Hour

func (l Layout) expired(bucket int64, now time.Time) bool {
	end, ever := l.end(bucket)
	return ever && !now.Before(end)
}

// expires is the option to write what lies in a bucket with.
func (l Layout) expires(bucket int64) table.WriteOption {
	end, ever := l.end(bucket)
	if !ever {
		return table.Expires(time.Time{})
	}
	return table.Expires(end.Add(grace))
}

// Log reads and writes topics of one layout. It is safe for concurrent use.
type Log struct {
	table  *table.Table
	clock  clock.Clock
	layout Layout
	reach  reach
	epoch  epoch.Epoch
}

// New makes a log over the table Log.
func New(t *table.Table, c clock.Clock, layout Layout) *Log {
	return &Log{table: t, clock: c, layout: layout, reach: reach{entries: 10_000, bytes: 32 << 20}}
}

// In puts the log's positions into an epoch.
func (l *Log) In(e epoch.Epoch) *Log {
	l.epoch = e
	return l
}

// Epoch is what the log's positions belong to.
func (l *Log) Epoch() epoch.Epoch { return l.epoch }

// reach is how far behind the newest entry a writer's base may be. Who is
// further behind reads the state again.
type reach struct{ entries, bytes int }

// slot is where a reader or writer stands: the bucket, and the position that
// comes next.
type slot struct {
	bucket   int64
	position int64
}

// unfounded is the bucket of a topic that has none yet.
const unfounded = -1
