// Package caller says who calls. A Caller is made by the adapter, from a
// verified token or from a connection that was admitted with one, and is
// handed to every service method as an argument, never through a context.
// Nothing changes it afterwards.
package caller

import "slices"

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
	// Unconfirmed is true where the caller is known from an instance's memory: who
	// stands behind a socket never changes, but whether the socket stands is not
	// known yet. Only functions that confirm it by themselves get such a caller.
	Unconfirmed bool
}

// May tells whether the caller's token carries a permission.
func (c Caller) May(permission string) bool {
	return slices.Contains(c.Permissions, permission)
}

// Action names what a call does, such as `meetings.start`. A declaration names
// the action of its function, and the domain's permission table says who may.
type Action string
