package table

import (
	"context"
	"math/rand/v2"
	"time"

	"github.com/rapport/rapport/shared/clock"
)

// maxTries bounds what is sent again by this layer: cancelled transactions, and
// what a batch left over.
const maxTries = 5

// pause waits before try+1: a random part of 20 ms, 40 ms, 80 ms and so on, so
// that those who met don't meet again.
func pause(ctx context.Context, try int) error {
	longest := 10 * time.Millisecond << try
	return clock.System{}.Sleep(ctx, rand.N(longest)) //nolint:gosec // spreading load needs no secret randomness
}
