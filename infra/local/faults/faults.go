// Package faults decides what goes wrong, from a seed: table calls that are
// throttled, fail or lose their answer, posts that fail, hang or find a live
// socket gone, sockets cut in the middle of a frame, stream records and messages
// that come again or late, functions killed right after a write, clocks that are
// off.
//
// A decision depends on the seed, the place where it falls (who acts, and what
// is done) and how many decisions fell at that place before, and on nothing
// else: the third PutItem of notes/edit meets the same fate whatever others do
// meanwhile. Everything injected lies within what AWS guarantees, so whoever is
// correct on AWS stays correct here, only slower. The decisions are the same for
// the local runner (FAULTS) and for the simulation.
package faults

import (
	"cmp"
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"
)

// Kind is one way in which something goes wrong. The zero Kind is none.
type Kind string

// The kinds.
const (
	None Kind = ""
	// TableThrottled and TableFailed refuse a table call before it has happened:
	// ProvisionedThroughputExceededException, InternalServerError.
	TableThrottled Kind = "table_throttled"
	TableFailed    Kind = "table_failed"
	// TableAnswerLost lets a table call happen and cuts the connection before its
	// answer.
	TableAnswerLost Kind = "table_answer_lost"
	// PostFailed answers a post with 500, PostHangs never, PostGone with 410
	// although the socket lives; it is really closed then.
	PostFailed Kind = "post_failed"
	PostHangs  Kind = "post_hangs"
	PostGone   Kind = "post_gone"
	// SocketCut ends a connection in the middle of a frame.
	SocketCut Kind = "socket_cut"
	// StreamRepeated delivers a batch again that was taken, StreamDelayed holds
	// one back; what comes after it waits too.
	StreamRepeated Kind = "stream_repeated"
	StreamDelayed  Kind = "stream_delayed"
	// QueueFailed refuses a call of a queue before it has happened, QueueAnswerLost
	// lets it happen and cuts the connection: the message is sent twice.
	QueueFailed     Kind = "queue_failed"
	QueueAnswerLost Kind = "queue_answer_lost"
	// MessagesRepeated delivers messages again that were taken, MessagesDelayed
	// holds them back, so that others overtake them.
	MessagesRepeated Kind = "messages_repeated"
	MessagesDelayed  Kind = "messages_delayed"
	// BlobFailed refuses a call of the blob store before it has happened,
	// BlobAnswerLost lets it happen and cuts the connection.
	BlobFailed     Kind = "blob_failed"
	BlobAnswerLost Kind = "blob_answer_lost"
	// SecretFailed refuses to give a secret's value. To lose an answer would be the
	// same, for reading changes nothing.
	SecretFailed Kind = "secret_failed"
	// FunctionKilled ends a function right after one of its writes has happened.
	FunctionKilled Kind = "function_killed"
	// ClockSkewed counts the instances whose clock is off.
	ClockSkewed Kind = "clock_skewed"
)

// Kinds lists all kinds in the order in which they are shown.
func Kinds() []Kind {
	return []Kind{
		TableThrottled, TableFailed, TableAnswerLost, PostFailed, PostHangs, PostGone, SocketCut,
		StreamRepeated, StreamDelayed, QueueFailed, QueueAnswerLost, MessagesRepeated, MessagesDelayed,
		BlobFailed, BlobAnswerLost, SecretFailed, FunctionKilled, ClockSkewed,
	}
}

const (
	// MaxSkew is how far a clock is off at most, either way, where the settings
	// don't say.
	MaxSkew = 500 * time.Millisecond
	// maxDelay is how long stream records are held back at most.
	maxDelay = 5 * time.Second
	// rarely is how many times rarer than others those faults are that cost a
	// client its socket.
	rarely = 10
)

// Injector decides. It is safe for concurrent use; nil injects nothing.
type Injector struct {
	settings Settings
	log      *slog.Logger
	off      atomic.Bool

	mu       sync.Mutex
	counters map[site]uint64
	injected map[Kind]int64
}

// site is where decisions fall, each with a counter of its own.
type site struct{ who, what string }

// New makes an injector; nil for the zero settings. Each fault is logged at
// debug level.
func New(s Settings, log *slog.Logger) *Injector {
	if s.Rate == 0 {
		return nil
	}
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	return &Injector{settings: s, log: log, counters: map[site]uint64{}, injected: map[Kind]int64{}}
}

// Disable ends all injecting: for a simulation that lets everything settle.
// Clocks stay as they are.
func (i *Injector) Disable() {
	if i != nil {
		i.off.Store(true)
	}
}

// Table decides about one table call of a function: None, TableThrottled,
// TableFailed or TableAnswerLost.
func (i *Injector) Table(function, operation string) Kind {
	return i.choose(site{function, operation}, 1, TableThrottled, TableFailed, TableAnswerLost)
}

// Post decides about one post of a function: None, PostFailed, PostHangs or
// PostGone.
func (i *Injector) Post(function string) Kind {
	fault := i.choose(site{function, "PostToConnection"}, 1, PostFailed, PostHangs)
	if fault == None {
		fault = i.choose(site{function, "PostToConnection gone"}, rarely, PostGone)
	}
	return fault
}

// Cut decides whether a socket ends in the middle of the frame that is being
// sent.
func (i *Injector) Cut() bool {
	return i.choose(site{"socket", "frame"}, rarely, SocketCut) != None
}

// Kill decides, after a write of a function has happened, whether the function
// ends there.
func (i *Injector) Kill(function, operation string) bool {
	return i.choose(site{function, operation + " killed"}, 1, FunctionKilled) != None
}

// StreamFault is what happens to a batch of stream records.
type StreamFault struct {
	// Delay is how long the batch is held back, with all that comes after it in
	// its shard.
	Delay time.Duration
	// Repeat is true where the batch comes again after it was taken.
	Repeat bool
}

// Stream decides about one batch for a reader, such as `streams/fanout Data`.
func (i *Injector) Stream(reader string) StreamFault {
	var fault StreamFault
	if i.choose(site{reader, "delay"}, 1, StreamDelayed) != None {
		fault.Delay = time.Duration(i.number(site{reader, "length of delay"}) % uint64(maxDelay))
	}
	fault.Repeat = i.choose(site{reader, "repeat"}, 1, StreamRepeated) != None
	return fault
}

// Skew is how far the clock of a function's next instance is off, one way or the
// other.
func (i *Injector) Skew(function string) time.Duration {
	if i == nil {
		return 0
	}
	at := site{function, "clock"}
	most := cmp.Or(i.settings.Skew, MaxSkew)
	skew := time.Duration(i.number(at)%uint64(2*most+1)) - most
	i.inject(ClockSkewed, at)
	return skew
}

// Snapshot is how many faults of each kind were injected.
func (i *Injector) Snapshot() map[Kind]int64 {
	counts := map[Kind]int64{}
	if i == nil {
		return counts
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	for _, kind := range Kinds() {
		counts[kind] = i.injected[kind]
	}
	return counts
}

// choose decides once at a place: mostly None, one of the kinds with the rate
// divided by rarer.
func (i *Injector) choose(at site, rarer float64, kinds ...Kind) Kind {
	if i == nil || i.off.Load() {
		return None
	}
	draw := i.number(at)
	// 53 bits are what a float64 holds.
	if float64(draw>>11)/(1<<53)*rarer >= i.settings.Rate {
		return None
	}
	kind := kinds[mix(draw)%uint64(len(kinds))]
	i.inject(kind, at)
	return kind
}

func (i *Injector) inject(kind Kind, at site) {
	i.mu.Lock()
	i.injected[kind]++
	i.mu.Unlock()
	i.log.LogAttrs(context.Background(), slog.LevelDebug, "fault",
		slog.String("kind", string(kind)), slog.String("who", at.who), slog.String("what", at.what))
}
