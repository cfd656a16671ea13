// Package clock gives time and ids to code that must not take them from the
// machine, so that tests decide both.
package clock

import (
	"context"
	"crypto/rand"
	"sync"
	"time"

	"github.com/oklog/ulid/v2"
)

// Clock tells the time and waits. Times are in UTC.
type Clock interface {
	Now() time.Time
	// Sleep returns nil after d, or the context's error if that ends first.
	Sleep(ctx context.Context, d time.Duration) error
}

// System is the machine's clock.
type System struct{}

// Now is the time by the machine's clock, in UTC.
func (System) Now() time.Time { return time.Now().UTC() }

// Sleep waits for d or for the context's end.
func (System) Sleep(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return ctx.Err()
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}

// Manual is a clock that a test moves. Sleeping moves it.
type Manual struct {
	mu  sync.Mutex
	now time.Time
}

// NewManual starts a manual clock at a time.
func NewManual(at time.Time) *Manual { return &Manual{now: at.UTC()} }

// Now is the time that the test has set.
func (m *Manual) Now() time.Time {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.now
}

// Advance moves the clock on by d.
func (m *Manual) Advance(d time.Duration) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.now = m.now.Add(d)
}

// Sleep moves the clock on by d at once.
func (m *Manual) Sleep(ctx context.Context, d time.Duration) error {
	if d > 0 {
		m.Advance(d)
	}
	return ctx.Err()
}

// NewID makes an opaque id that sorts by the time it was made: a ULID
// (github.com/ulid/spec), 26 characters, 80 random bits.
func NewID(c Clock) string {
	return ulid.MustNew(ulid.Timestamp(c.Now()), rand.Reader).String()
}
