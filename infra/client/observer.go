package client

import (
	"time"
)

// Observer sees what happens on a connection. Its methods are called by several
// goroutines and must return at once. Embed NoObserver to leave some out.
type Observer interface {
	// Frame is every frame that came, answers too; replay says that it carries
	// events which were asked for again.
	Frame(f *Frame, replay bool)
	// Asked is every frame that is sent, again too.
	Asked(action string, bytes int, again bool)
	// Opened is a socket that took over, Lost one that ended unasked; trouble
	// is whatever went wrong and is tried again.
	Opened(took time.Duration, moved bool)
	Lost()
	Trouble(doing string, err error)
	// Subscribed is a topic that is followed again or anew.
	Subscribed(topic string, took time.Duration)
}

// NoObserver sees nothing.
type NoObserver struct{}

// Frame does nothing.
func (NoObserver) Frame(*Frame, bool) {}

// Asked does nothing.
func (NoObserver) Asked(string, int, bool) {}

// Opened does nothing.
func (NoObserver) Opened(time.Duration, bool) {}

// Lost does nothing.
func (NoObserver) Lost() {}

// Trouble does nothing.
func (NoObserver) Trouble(string, error) {}

// Subscribed does nothing.
func (NoObserver) Subscribed(string, time.Duration) {}
