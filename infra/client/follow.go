package client

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

const (
	// maxEarly bounds the events kept until what is missing has come; more are
	// dropped and replayed.
	maxEarly = 1000
	// replayLength is how many events follow a `subscribed` at most.
	replayLength = 1000
	// patience is how long an event may be missing before it is asked for again:
	// two functions' posts are unordered.
	patience = 200 * time.Millisecond
	// unansweredTries is how often a subscription that isn't answered is asked
	// for again before the socket is given up.
	unansweredTries = 2
	// afterHead is how long a client that is behind waits after a head.
	afterHead = 500 * time.Millisecond
)

// FollowOptions say how a topic is followed.
type FollowOptions struct {
	// From is the position that the follower has: what comes after it is given
	// out.
	From int64
	// Epoch is what From belongs to; empty where that isn't known.
	Epoch string
	// State is a topic whose later event replaces an earlier one, so that gaps
	// mean nothing.
	State bool
	// Event gets every event once and in order, and when it was read from the
	// socket, from one goroutine at a time. It must return at once and not ask
	// the Follow anything.
	Event func(e Event, received time.Time)
	// Head gets the newest position and, where it is known, the content's hash.
	Head func(position int64, hash string)
	// Read gives events after a position over HTTP, for events too large for
	// a frame. Without it a topic that has such events can't be followed.
	Read func(ctx context.Context, from int64) ([]Event, error)
	// Restored gets that positions are of another epoch now: an earlier state was
	// restored. Nothing is given out until Restart, for it isn't known what of the
	// events that came still holds. Without it the topic is refused.
	Restored func()
	// Refused gets that the topic can't be followed any more: revoked, or
	// refused for good.
	Refused func(error)
}

// FollowCounts are what a follower has seen.
type FollowCounts struct {
	// Duplicates are events that came again, Early those that came before an
	// earlier one, Gaps the times that something was asked for again.
	Duplicates, Early, Gaps int64
	// Heads and Replays are frames; Frames are event frames without replays.
	Heads, Replays, Frames int64
}

// Follow is one topic that a line follows: it restores the order, drops what
// comes twice, and asks again for what is missing.
type Follow struct {
	line    *Connection
	topic   string
	options FollowOptions

	mu       sync.Mutex
	position int64
	// epoch is what positions belong to, and restoring is true from when they are
	// found to be of another until Restart.
	epoch     string
	restoring bool
	// known is the newest position that is known to exist.
	known int64
	early map[int64]arrival
	// replayUntil is the newest position that the last `subscribed` promised to
	// replay, replayedFrom where that replay began.
	replayUntil, replayedFrom int64
	// repairedFrom is where it was asked again for what is missing, repairs how
	// often in vain.
	repairedFrom int64
	repairs      int
	watching     bool
	reading      bool
	over         bool
	counts       FollowCounts
}

type arrival struct {
	event    Event
	received time.Time
}

// Position is that of the last event given out.
func (f *Follow) Position() int64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.position
}

// Counts are what the Follow has seen.
func (f *Follow) Counts() FollowCounts {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.counts
}

// Known says that a position of an epoch exists, from an answer: if its event
// doesn't come it is asked for.
func (f *Follow) Known(position int64, epoch string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.enter(epoch) {
		f.know(position, afterHead)
	}
}

func (f *Follow) know(position int64, wait time.Duration) {
	f.known = max(f.known, position)
	if f.position < f.known && !f.options.State {
		f.watch(wait)
	}
}

// subscribe asks for the topic over a socket, again while the server is busy.
func (f *Follow) subscribe(ctx context.Context, socket *Socket) error {
	begun := time.Now()
	for try := 0; ; try++ {
		f.mu.Lock()
		from, epoch := f.position, f.epoch
		idle := f.over || f.restoring
		f.mu.Unlock()
		if idle {
			return nil
		}
		frame := map[string]any{"action": "subscribe", "topic": f.topic}
		if !f.options.State {
			frame["from"] = from
			if epoch != "" {
				frame["epoch"] = epoch
			}
		}
		f.line.options.Observer.Asked("subscribe", 0, try > 0)
		_, err := socket.Ask(ctx, frame)
		if err == nil {
			f.line.options.Observer.Subscribed(f.topic, time.Since(begun))
			return nil
		}
		refused, ok := errors.AsType[*Refused](err)
		unanswered := errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil && try < unansweredTries
		switch {
		case ok && refused.Epoch != "" && f.restored(refused.Epoch):
			return nil
		case ok && !refused.Again():
			f.end(fmt.Errorf("subscribe to %s from %d: %w", f.topic, from, err))
			return nil
		case !ok && !unanswered:
			return err
		}
		f.line.options.Observer.Trouble("subscribe", err)
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-socket.Done():
			return ErrCut
		case <-time.After(Jitter(try) / 2):
		}
	}
}

func (f *Follow) subscribed(frame *Frame) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.enter(frame.Epoch) {
		return
	}
	f.replayedFrom, f.replayUntil = f.position, frame.Position
	f.know(frame.Position, afterHead)
}

// enter reports whether the positions of a frame can be compared with those that are
// known. A state is whole, so it is taken in any epoch.
func (f *Follow) enter(epoch string) bool {
	switch {
	case f.restoring:
		return false
	case epoch == "" || epoch == f.epoch:
		return true
	case f.epoch == "":
		f.epoch = epoch
		return true
	case f.options.State:
		f.epoch, f.position, f.known = epoch, 0, 0
		return true
	}
	f.suspend()
	return false
}

// restored suspends the topic for a refusal that names another epoch; false where
// nobody could go on from there.
func (f *Follow) restored(epoch string) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.options.Restored == nil || f.options.State || f.over {
		return false
	}
	if !f.restoring && epoch != f.epoch {
		f.suspend()
	}
	return true
}

// suspend gives out nothing more, and has the follower read the state anew.
func (f *Follow) suspend() {
	if f.options.Restored == nil {
		go f.end(fmt.Errorf("%s: an earlier state was restored", f.topic))
		return
	}
	f.restoring = true
	clear(f.early)
	go f.options.Restored()
}

// Restart goes on after a position of an epoch, when the state there was read.
func (f *Follow) Restart(position int64, epoch string) {
	f.mu.Lock()
	f.position, f.known, f.epoch, f.restoring = position, position, epoch, false
	f.replayUntil, f.repairedFrom, f.repairs = 0, 0, 0
	f.mu.Unlock()
	f.again()
}

// replays reports whether a frame carries only what a subscription asked for.
func (f *Follow) replays(frame *Frame) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	n := len(frame.Events)
	return n > 0 && frame.Events[n-1].Position <= f.replayUntil
}

func (f *Follow) events(frame *Frame) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if n := len(frame.Events); n > 0 && frame.Events[n-1].Position <= f.replayUntil {
		f.counts.Replays++
	} else {
		f.counts.Frames++
	}
	if f.over || !f.enter(frame.Epoch) {
		return
	}
	for _, event := range frame.Events {
		f.take(arrival{event, frame.Received})
	}
	f.drain()
}

func (f *Follow) take(a arrival) {
	at := a.event.Position
	f.known = max(f.known, at)
	if at <= f.position {
		f.counts.Duplicates++
		return
	}
	if f.options.State {
		f.position = at
		f.options.Event(a.event, a.received)
		return
	}
	if at > f.position+1 {
		f.counts.Early++
	} else if !a.event.Omitted {
		// The usual case needs no map.
		f.give(a)
		return
	}
	if f.early == nil {
		f.early = map[int64]arrival{}
	}
	kept, have := f.early[at]
	if have && !kept.event.Omitted {
		f.counts.Duplicates++
	} else if have || len(f.early) < maxEarly {
		f.early[at] = a
	}
}

func (f *Follow) give(a arrival) {
	f.position = a.event.Position
	delete(f.early, f.position)
	if f.options.Event != nil {
		f.options.Event(a.event, a.received)
	}
}

// drain gives out what is next, and sees to what is missing.
func (f *Follow) drain() {
	if f.options.State || f.over || f.restoring {
		return
	}
	for {
		next, ok := f.early[f.position+1]
		if !ok {
			break
		}
		if next.event.Omitted {
			f.read()
			return
		}
		f.give(next)
	}
	if f.position >= f.known {
		return
	}
	if end := f.replayedFrom + replayLength; f.position >= end && f.position < f.replayUntil {
		f.replayedFrom = f.position // a long replay ended: ask on
		go f.again()
		return
	}
	f.watch(patience)
}

// read fetches what no frame has room for.
func (f *Follow) read() {
	if f.reading || f.options.Read == nil {
		return
	}
	f.reading = true
	from, epoch := f.position, f.epoch
	go func() {
		ctx, cancel := context.WithTimeout(context.Background(), AnswerLimit)
		defer cancel()
		events, err := f.options.Read(ctx, from)
		f.mu.Lock()
		defer f.mu.Unlock()
		f.reading = false
		if f.restoring || f.epoch != epoch {
			return
		}
		if err != nil || len(events) == 0 {
			f.watch(afterHead)
			return
		}
		now := time.Now()
		for _, event := range events {
			f.take(arrival{event, now})
		}
		f.drain()
	}()
}

// watch asks again from the own position if what is missing hasn't come after
// a while.
func (f *Follow) watch(wait time.Duration) {
	if f.watching || f.over {
		return
	}
	f.watching = true
	from := f.position
	time.AfterFunc(wait, func() {
		f.mu.Lock()
		f.watching = false
		behind := f.position < f.known && !f.over && !f.restoring
		if behind && f.position > from {
			f.watch(patience) // it goes on
			behind = false
		}
		f.mu.Unlock()
		if behind {
			f.again()
		}
	})
}

// again subscribes from the own position, and watches whether that helps.
func (f *Follow) again() {
	f.line.mu.Lock()
	socket := f.line.socket
	f.line.mu.Unlock()
	if socket == nil {
		return // the next one subscribes
	}
	f.mu.Lock()
	f.counts.Gaps++
	f.mu.Unlock()
	err := f.subscribe(context.Background(), socket)
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.position > f.repairedFrom {
		f.repairs = 0
	}
	f.repairedFrom = f.position
	f.repairs++
	if err != nil {
		f.line.options.Observer.Trouble("subscribe", err)
	}
	if f.position < f.known {
		// A server that is busy isn't helped by being asked faster.
		f.watch(2*afterHead + Jitter(f.repairs))
	}
}

func (f *Follow) head(frame *Frame) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.counts.Heads++
	if f.over || !f.enter(frame.Epoch) {
		return
	}
	if f.options.Head != nil {
		f.options.Head(frame.Position, frame.Hash)
	}
	f.know(frame.Position, afterHead)
}

// revoked subscribes again where that makes sense.
func (f *Follow) revoked(frame *Frame) {
	if frame.Retryable {
		go f.again()
		return
	}
	f.end(revocation(f.topic, frame.Reason))
}

func (f *Follow) end(err error) {
	f.line.drop(f.topic)
	f.mu.Lock()
	over := f.over
	f.over = true
	f.mu.Unlock()
	if !over && f.options.Refused != nil {
		f.options.Refused(err)
	}
}
