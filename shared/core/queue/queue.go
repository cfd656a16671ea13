// Package queue is what domains know of queues: messages that come, and messages
// that are sent. It knows no AWS; package sqs sends, and package endpoint hands
// messages to their functions.
//
// A queue delivers a message at least once, and in no order. One whose function
// fails comes again, and after as many tries as the template says it lies among
// the dead letters. So whoever takes messages must do no harm when one comes
// twice, late, or after another that was sent later.
package queue

import (
	"context"
	"time"

	"github.com/rapport/rapport/shared/core/effect"
)

const (
	// MaxDelay is how long a message can be held back at most.
	MaxDelay = 15 * time.Minute
	// MaxBody bounds a message, in bytes with its source id.
	MaxBody = 256 << 10
	// MaxSourceID bounds the id of a message's cause, in bytes.
	MaxSourceID = 255
)

// Message is one message as its function gets it.
type Message[Body any] struct {
	// ID is the queue's own: the same each time that it delivers this message,
	// another where a message was sent twice.
	ID string
	// SourceID names what the message was sent for: the same where it was sent
	// twice, so a function that must act once goes by it.
	SourceID string
	// SentAt is when the queue took it.
	SentAt time.Time
	// Received counts the deliveries, this one included.
	Received int
	Body     Body
}

// Outgoing is a message to be sent.
type Outgoing struct {
	// SourceID names what the message is sent for; see Message.
	SourceID string
	// Delay is how long the queue holds the message back: 0 to MaxDelay, in whole seconds.
	Delay time.Duration
	// Body is encoded as JSON.
	Body any
}

// Sender sends to one queue.
type Sender interface {
	Send(ctx context.Context, messages ...Outgoing) error
}

// Sending is the effect of a call that sends a message to a queue.
type Sending struct {
	To      Sender
	Message Outgoing
}

// When implements effect.Effect: what was answered and not sent, nobody would make
// up for.
func (Sending) When() effect.When { return effect.Before }
