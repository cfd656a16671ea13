package pool

import (
	"errors"
	"fmt"
	"time"
)

// ErrClosed is the answer to an event that comes after Close.
var ErrClosed = errors.New("the functions are closed")

// UnknownFunction says that no function has this folder.
type UnknownFunction struct{ Folder string }

func (e *UnknownFunction) Error() string { return "no function " + e.Folder }

// Throttled is Lambda's TooManyRequestsException: every instance that the
// function may have is busy.
type Throttled struct {
	Folder string
	Limit  int
}

func (e *Throttled) Error() string {
	return fmt.Sprintf("%s: TooManyRequestsException: %d invocations are under way", e.Folder, e.Limit)
}

// TimedOut says that a function did not answer within its timeout, or, with
// Init, that it could not be opened in time.
type TimedOut struct {
	Folder    string
	RequestID string
	After     time.Duration
	Init      bool
}

func (e *TimedOut) Error() string {
	if e.Init {
		return fmt.Sprintf("%s: Init timed out after %.2f seconds", e.Folder, e.After.Seconds())
	}
	return fmt.Sprintf("%s: %s Task timed out after %.2f seconds", e.Folder, e.RequestID, e.After.Seconds())
}

// Panicked says that a handler, or its Open, panicked. On AWS the process ends.
type Panicked struct {
	Folder string
	Reason any
	Stack  []byte
}

func (e *Panicked) Error() string { return fmt.Sprintf("%s: panic: %v", e.Folder, e.Reason) }

// Failed is a function error: its handler returned one, or it could not be
// opened, or event or answer are too large.
type Failed struct {
	Folder string
	// Type is Lambda's errorType, such as Unhandled or Runtime.InitError.
	Type string
	Err  error
}

func (e *Failed) Error() string { return fmt.Sprintf("%s: %s: %v", e.Folder, e.Type, e.Err) }

// Unwrap gives the function's own error.
func (e *Failed) Unwrap() error { return e.Err }
