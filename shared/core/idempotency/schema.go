package idempotency

import "github.com/rapport/rapport/shared/core/table"

// Keys and access patterns, in the table Control.
//
//	what    PK                                     SK    read by
//	record  ONCE#<hash of user, method, path, key> ONCE  a request with that key
//
// Records expire (`ttl`) a day after their claim.

func onceKey(name string) table.Key { return table.Key{PK: "ONCE#" + name, SK: "ONCE"} }

type state string

const (
	// stateClaimed: an execution is under way, or has died, before its effect.
	stateClaimed state = "claimed"
	// stateCommitted: effect and answer stand; what comes after may be missing.
	stateCommitted state = "committed"
	// stateDone: the answer may be given again.
	stateDone state = "done"
)

// record is what is known of a key.
type record struct {
	State state `json:"state"`
	// Request is the hash of the body as it was sent, Content that of what it asks
	// for, which alone counts where there is one. Functions from before there was
	// one compare by Request, and so are their records: side by side with them,
	// while a deployment goes on, and until the last of their records has expired,
	// a day after it.
	Request string `json:"request"`
	Content string `json:"content,omitempty"`
	// Owner is the execution that has the claim.
	Owner string `json:"owner"`
	// Until is when the claim runs out, in milliseconds since 1970.
	Until int64 `json:"until"`
	// Since is when the first execution of the request began, in milliseconds since
	// 1970.
	Since  int64  `json:"since"`
	Answer []byte `json:"answer,omitempty"`
}

// sameRequest reports whether a record is of the same request as another.
func (r record) sameRequest(same record) bool {
	if r.Content == "" {
		return r.Request == same.Request
	}
	return r.Content == same.Content
}
