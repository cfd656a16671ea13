package table

import (
	"context"
	"time"

	"github.com/rapport/rapport/shared/core/clock"
	"github.com/rapport/rapport/shared/core/sdk"
)

// maxTries bounds what is sent again by this layer: cancelled transactions, and
// what a batch left over.
const maxTries = 5

// firstDelay bounds the wait before the second try; each later wait may be twice as long.
const firstDelay = 50 * time.Millisecond

// pause waits before a call is sent again.
func pause(ctx context.Context, try int) error {
	return clock.System{}.Sleep(ctx, sdk.Backoff(try, firstDelay))
}
