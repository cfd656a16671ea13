package table

import (
	"context"
	"math/rand/v2"
	"time"

	"github.com/rapport/rapport/shared/core/clock"
)

// maxTries bounds what is sent again by this layer: cancelled transactions, and
// what a batch left over.
const maxTries = 5

// pause waits before a call is sent again.
func pause(ctx context.Context, try int) error {
	return clock.System{}.Sleep(ctx, delay(try))
}

// delay is how long to wait after a failed try, counted from 1: a random part
// of 50 ms, 100 ms, 200 ms and so on, so that those who met don't meet again.
// The SDK's own delays are many times longer than the calls.
func delay(try int) time.Duration {
	return rand.N(25 * time.Millisecond << min(try, 6))
}
