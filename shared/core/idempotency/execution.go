package idempotency

import "time"

// Execution is one run of a mutation that its caller may send again. The method
// gets it beside its caller: one that commits a transaction adds the record of
// its answer to it, by Store.Commit. A nil Execution means that the request has no
// Idempotency-Key.
type Execution struct {
	// Key is the record's name: user, method, path and key, hashed.
	Key string
	// Owner is this execution's random name. The record has the name of the
	// execution that holds the claim, and only that execution may commit.
	Owner string
	// Since is when the first execution began, where an earlier one has begun and
	// not recorded its answer; zero for the first. One that commits with its answer,
	// in a transaction, has committed nothing then, and can't any more. A method
	// that commits otherwise looks for what it may have committed since.
	Since time.Time
	// Unsettled is set by a method that ends without knowing what an earlier
	// execution has committed: a refusal doesn't free the key then.
	Unsettled bool
	// Recorded is set when the answer is stored with the effect. It is set from
	// the beginning where an earlier execution has committed and then died: this
	// one is to do what comes after the effect, and can't commit another.
	Recorded bool
}
