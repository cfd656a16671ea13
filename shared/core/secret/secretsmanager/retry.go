package secretsmanager

import (
	"math/rand/v2"
	"time"
)

// firstDelay bounds the wait before the second try.
const firstDelay = 50 * time.Millisecond

// delay waits up to 50 ms before the second try, and up to twice as long before
// each other, with full jitter: whoever reads has a caller.
func delay(try int) time.Duration { return rand.N(firstDelay << min(try-1, attempts)) }
