package main

import "time"

const (
	// capWindow and capFrames are the contract's bound of event and head frames
	// to one client for one topic.
	capWindow = 5 * time.Second
	capFrames = 50
)

// frameWindow counts the frames in the last five seconds and remembers the most
// there ever were. Its owner locks.
type frameWindow struct {
	times []int64 // nanoseconds, those in the window and a few before it
	first int
	most  int
	total int64
	began int64
}

func (w *frameWindow) add(at time.Time) {
	now := at.UnixNano()
	for w.first < len(w.times) && now-w.times[w.first] >= int64(capWindow) {
		w.first++
	}
	if w.first > 64 {
		w.times = w.times[:copy(w.times, w.times[w.first:])]
		w.first = 0
	}
	w.times = append(w.times, now)
	w.most = max(w.most, len(w.times)-w.first)
	if w.total == 0 {
		w.began = now
	}
	w.total++
}
