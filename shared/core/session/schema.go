package session

import "github.com/rapport/rapport/shared/core/table"

// Keys and access patterns, in the table Control.
//
//	what           PK                             SK     read by
//	ended session  SESSION#<hash of issuer>/<sid>  ENDED  every call with a token
//
// An ended session expires (`ttl`) when no token of it can be valid any more.

// key takes the session's name; see Name.
func key(name string) table.Key { return table.Key{PK: "SESSION#" + name, SK: "ENDED"} }

// Ended says that a session is over.
type Ended struct {
	// At is since when, in milliseconds since 1970.
	At int64 `json:"at"`
}
