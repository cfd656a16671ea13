package realtime

import (
	"sync"
	"time"
)

const (
	// hashWait is how long a head waits for the record of the snapshot that has the
	// hash: longer than a snapshot takes after the last change.
	hashWait = 4 * time.Second
	// remembered bounds the topics that are remembered, of each kind.
	remembered = 10_000
	// headTries bounds the heads that are sent for one that didn't reach everybody:
	// whoever can't be reached so often has a breaker, and is closed.
	headTries = 4
)

// heads is what an instance of the durable lane remembers of its topics. All of
// it may be lost at any time: then a head comes sooner, or once more, or with the
// snapshot's record alone.
type heads struct {
	mu sync.Mutex
	// last is when a topic's head was sent.
	last map[Topic]time.Time
	// owed are the topics that still wait for a head.
	owed map[Topic]owed
}

// owed is a head that is still to be sent: since when it waits for its hash, or
// for another try after so many misses.
type owed struct {
	since  time.Time
	misses int
}

func newHeads() *heads { return &heads{last: map[Topic]time.Time{}, owed: map[Topic]owed{}} }

// waits reports whether a topic's head can wait for its hash, and notes that it
// does.
func (h *heads) waits(topic Topic, now time.Time) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if _, known := h.owed[topic]; !known {
		if len(h.owed) >= remembered {
			return false
		}
		h.owed[topic] = owed{since: now}
	}
	return true
}

// missed records that a head didn't reach every subscriber, and is due again.
func (h *heads) missed(topic Topic, now time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	misses := h.owed[topic].misses + 1
	if misses >= headTries || len(h.owed) >= remembered {
		delete(h.owed, topic)
		return
	}
	h.owed[topic] = owed{since: now, misses: misses}
}

// overdue gives the topics whose heads have waited for long enough.
func (h *heads) overdue(now time.Time) map[Topic]owed {
	h.mu.Lock()
	defer h.mu.Unlock()
	topics := map[Topic]owed{}
	for topic, owed := range h.owed {
		if now.Sub(owed.since) >= hashWait {
			topics[topic] = owed
		}
	}
	return topics
}

// pause is how long a head has to wait, and notes that it will be sent then.
func (h *heads) pause(topic Topic, now time.Time) time.Duration {
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.last) > remembered {
		clear(h.last)
	}
	wait := max(0, h.last[topic].Add(headPause).Sub(now))
	h.last[topic] = now.Add(wait)
	return wait
}

// reminded notes that a topic's head waits for nothing any more.
func (h *heads) sent(topic Topic) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.owed, topic)
}
