// Package endpoint turns a declaration into a running function. A function is
// said once, in functions/<domain>/functions.go: its route or trigger, the
// service method behind it, who may call, and a summary. From that come the
// Lambda adapter (HTTP payload 2.0, WebSocket, DynamoDB streams, SQS, EventBridge Scheduler), decoding and
// validation with exact locations, problem+json, the access log line and the
// OpenAPI document.
//
// A call passes these gates in this order: who calls, how large the body is,
// what type it has, whether it has the declared shape, whether an operator calls where
// only operators may, and then the method
// itself, which checks the action against its domain's permission table. A
// panic becomes INTERNAL and one log line with its stack, never a dead process.
package endpoint

import (
	"context"
	"log/slog"
	"time"

	"github.com/rapport/rapport/shared/core/caller"
	"github.com/rapport/rapport/shared/core/clock"
	"github.com/rapport/rapport/shared/core/effect"
	"github.com/rapport/rapport/shared/core/idempotency"
)

// App is an opened domain: its service, and what the adapters need around it.
type App[S any] struct {
	Service S
	Runtime
}

// Runtime is what a function has beside its service. What its declaration doesn't ask
// for may be nil.
type Runtime struct {
	// Authenticator lets in the callers of HTTP functions for Users and Admins.
	Authenticator Authenticator
	// Operators admits the callers of functions for Admins.
	Operators Operators
	// Idempotency serves functions that are mutations.
	Idempotency IdempotencyStore
	// Connections lets in the callers of socket functions, and Posts answers them.
	Connections Connections
	Posts       Poster
	// Effects carries out what methods return beside their answers.
	Effects Dispatcher
	// Handover asks clients to move to a new socket; nil asks nobody.
	Handover Handover
	Clock    clock.Clock
	Log      *slog.Logger
	// Stage is the deployment's name, under which its metrics stand.
	Stage string
	// journey is the one that the function belongs to.
	journey string
}

// Authenticator says who calls over HTTP.
type Authenticator interface {
	// Bearer gives the caller behind an access token: UNAUTHORIZED where it
	// doesn't hold.
	Bearer(ctx context.Context, token string) (caller.Caller, error)
}

// Connections says who calls over a socket.
type Connections interface {
	// Caller gives the caller that an open socket was admitted with:
	// UNAUTHORIZED where the socket is not, or no longer, open.
	Caller(ctx context.Context, connectionID string) (caller.Caller, error)
	// Acquainted gives the unconfirmed caller of a socket that this instance has met.
	Acquainted(connectionID string) (c caller.Caller, known bool)
}

// Operators knows who operates the suite.
type Operators interface {
	// Admit gives FORBIDDEN, audited, for a caller who isn't an operator. resource is
	// what the action is about, such as `flags/transcription`.
	Admit(ctx context.Context, c caller.Caller, action caller.Action, resource string) error
}

// Poster sends a frame to an open socket.
type Poster interface {
	Post(ctx context.Context, connectionID string, frame []byte) error
}

// Dispatcher hands an effect to those who carry effects of its kind. The error is
// the call's for what goes before its answer, and is logged for all else.
type Dispatcher interface {
	Dispatch(ctx context.Context, e effect.Effect) error
}

// Handover knows when a socket's client should move to a new one.
type Handover interface {
	// Frame gives what to send to a socket that has sent a frame: nil unless it
	// is near its end.
	Frame(connectionID string, connectedAt time.Time) []byte
}

// IdempotencyStore remembers answers to requests that carried an Idempotency-Key;
// package idempotency says how.
type IdempotencyStore interface {
	// Begin gives an execution, or the body of the first answer with
	// a nil execution, or CONFLICT for another content: what the request asks for,
	// however its body was written. sent is that body. Both, an execution and an answer, say that the first
	// execution has committed and then died: the method runs once more for what
	// comes after its effect, and then that answer is given.
	Begin(ctx context.Context, scope, key string, content, sent []byte) (*idempotency.Execution, []byte, error)
	// Finish lets others have the answer, now that all is done; it stores it
	// unless the effect's transaction did.
	Finish(ctx context.Context, e *idempotency.Execution, body []byte) error
	// Abandon frees the key of a request that was refused, unless its effect is
	// committed.
	Abandon(ctx context.Context, e *idempotency.Execution) error
	// Release lets the next request with the key and the same body begin, after
	// an execution that ended without a known outcome, or between its effect and
	// its end.
	Release(ctx context.Context, e *idempotency.Execution) error
}

// answer is what was answered: a status and a JSON body.
type answer struct {
	Status int
	Body   []byte
}
