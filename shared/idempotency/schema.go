package idempotency

import "github.com/rapport/rapport/shared/table"

// Keys and access patterns, in the table Control.
//
//	what    PK                                     SK    read by
//	record  ONCE#<hash of user, method, path, key> ONCE  a request with that key
//
// Records expire (`ttl`) a day after their claim.

func onceKey(name string) table.Key { return table.Key{PK: "ONCE#" + name, SK: "ONCE"} }

type state string

const (
	stateClaimed state = "claimed"
	stateDone    state = "done"
)

// record is what is known of a key.
type record struct {
	State   state  `json:"state"`
	Request string `json:"request"`
	Attempt int64  `json:"attempt"`
	// Until is when a claim runs out, in milliseconds since 1970.
	Until  int64  `json:"until"`
	Answer []byte `json:"answer,omitempty"`
}
