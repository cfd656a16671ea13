// Package caller says who calls. A Caller is made by the adapter, from a
// verified token or from a connection that was admitted with one, and is
// handed to every service method as an argument, never through a context.
package caller

import (
	"slices"
	"time"
)

// Caller is the person, or the part of Rapport, behind a call.
type Caller struct {
	// UserID is ours, whatever an identity provider calls the person.
	UserID string
	Email  string
	// DisplayName is what the caller is called since the user's revision; both are
	// empty over a socket, which doesn't hear of a new name.
	DisplayName string
	Revision    int64
	// SessionID names the provider's session, by issuer and `sid`; ending it ends
	// the caller.
	SessionID string
	OrgID     string
	OrgRole   string
	// Permissions are the provider's, such as `admin`.
	Permissions []string
	// RequestID names this call in logs, answers and audit entries.
	RequestID string
	// ConnectionID is the socket that the call came over, empty over HTTP.
	ConnectionID string
	// Once is set where the request carries an Idempotency-Key.
	Once *Once
}

// Once identifies a mutation that its caller may send again. A service that
// commits one transaction adds the record of its answer to it; see package
// idempotency. A nil Once means that there is no key.
type Once struct {
	// Key is the record's name: user, method, path and key, hashed.
	Key string
	// Owner names this execution, by chance; the record says whose it is, and
	// only that one may commit.
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

// May tells whether the caller's token carries a permission.
func (c Caller) May(permission string) bool {
	return slices.Contains(c.Permissions, permission)
}

// Action names what a call does, such as `meetings.start`. A declaration names
// the action of its function, and the domain's permission table says who may.
type Action string
