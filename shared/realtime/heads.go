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
)

// heads is what an instance of the durable lane remembers of its topics. All of
// it may be lost at any time: then a head comes sooner, or once more, or with the
// snapshot's record alone.
type heads struct {
	mu sync.Mutex
	// last is when a topic was told its head.
	last map[Topic]time.Time
	// owed is since when a topic's head waits for its hash.
	owed map[Topic]time.Time
}

func newHeads() *heads { return &heads{last: map[Topic]time.Time{}, owed: map[Topic]time.Time{}} }

// waits tells whether a topic's head can wait for its hash, and notes that it
// does.
func (h *heads) waits(topic Topic, now time.Time) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if _, known := h.owed[topic]; !known {
		if len(h.owed) >= remembered {
			return false
		}
		h.owed[topic] = now
	}
	return true
}

// overdue gives the topics whose heads have waited for too long.
func (h *heads) overdue(now time.Time) []Topic {
	h.mu.Lock()
	defer h.mu.Unlock()
	var topics []Topic
	for topic, since := range h.owed {
		if now.Sub(since) >= hashWait {
			topics = append(topics, topic)
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

// told notes that a topic's head waits for nothing any more.
func (h *heads) told(topic Topic) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.owed, topic)
}
