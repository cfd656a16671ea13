// Package errs is the one error type that crosses from a domain to the people
// who call it: a kind, which decides the status code, and a message that says
// what to mend. Everything else that goes wrong is an ordinary wrapped error
// and reaches the caller as INTERNAL, without its text.
package errs

import (
	"errors"
	"fmt"
	"time"
)

// Kind is an error's stable name, the `code` of the public contract.
type Kind string

// The kinds of the contract. Any other error is Internal.
const (
	Unauthorized         Kind = "UNAUTHORIZED"
	Forbidden            Kind = "FORBIDDEN"
	NotFound             Kind = "NOT_FOUND"
	MethodNotAllowed     Kind = "METHOD_NOT_ALLOWED"
	Validation           Kind = "VALIDATION_ERROR"
	PayloadTooLarge      Kind = "PAYLOAD_TOO_LARGE"
	UnsupportedMediaType Kind = "UNSUPPORTED_MEDIA_TYPE"
	Conflict             Kind = "CONFLICT"
	MeetingNotActive     Kind = "MEETING_NOT_ACTIVE"
	HistoryGone          Kind = "HISTORY_GONE"
	RateLimited          Kind = "RATE_LIMITED"
	Provider             Kind = "PROVIDER_ERROR"
	Internal             Kind = "INTERNAL"
)

// FieldError is one thing to mend: where it stands in the request, such as
// `body.chunks[3].text`, and what is wrong with it.
type FieldError struct {
	Location string `json:"location"`
	Detail   string `json:"detail"`
}

// Error is what a caller may read. Message never holds people's words,
// tokens or secrets.
type Error struct {
	Kind     Kind
	Message  string
	Problems []FieldError
	// RetryAfter is set with RateLimited: how long to wait.
	RetryAfter time.Duration
	// Oldest is set with HistoryGone: the oldest position still kept.
	Oldest int64
	// Epoch is set with HistoryGone where positions of another epoch were sent: the
	// present epoch.
	Epoch string
	// Retryable says, of a kind that mostly isn't, that the same request may succeed
	// later.
	Retryable bool
	// Err is the cause, for the log only.
	Err error
}

// Error implements error: the kind, the message and the cause.
func (e *Error) Error() string {
	text := string(e.Kind) + ": " + e.Message
	for _, p := range e.Problems {
		text += fmt.Sprintf("; %s: %s", p.Location, p.Detail)
	}
	if e.Err != nil {
		text += ": " + e.Err.Error()
	}
	return text
}

// Unwrap gives the cause.
func (e *Error) Unwrap() error { return e.Err }

// New makes an error of a kind with a message for people.
func New(kind Kind, format string, args ...any) *Error {
	return &Error{Kind: kind, Message: fmt.Sprintf(format, args...)}
}

// Invalid says that one place in the request is wrong.
func Invalid(location, format string, args ...any) *Error {
	return &Error{
		Kind:     Validation,
		Message:  "The request is not valid.",
		Problems: []FieldError{{Location: location, Detail: fmt.Sprintf(format, args...)}},
	}
}

// KindOf is the kind that the caller gets for err: the nearest *Error's, or
// Internal. The zero error has no kind.
func KindOf(err error) Kind {
	if err == nil {
		return ""
	}
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Kind
	}
	return Internal
}

// Is reports whether the caller gets err as kind.
func Is(err error, kind Kind) bool { return KindOf(err) == kind }
