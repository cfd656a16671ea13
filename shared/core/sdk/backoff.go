package sdk

import (
	"math/rand/v2"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws/retry"
)

// maxDoublings bounds how far delays grow.
const maxDoublings = 5

// Backoff is how long to wait after a failed try, counted from 1: a random part of
// first, of twice that and so on, so that callers that met don't meet again. The SDK's
// own delays are many times longer than the calls.
func Backoff(try int, first time.Duration) time.Duration {
	return rand.N(first << min(try-1, maxDoublings))
}

// NewRetryer makes a retryer that tries a call at most so many times, with Backoff
// between the tries.
func NewRetryer(attempts int, first time.Duration) *retry.Standard {
	return retry.NewStandard(func(o *retry.StandardOptions) {
		o.MaxAttempts = attempts
		o.Backoff = retry.BackoffDelayerFunc(func(try int, _ error) (time.Duration, error) { return Backoff(try, first), nil })
	})
}
