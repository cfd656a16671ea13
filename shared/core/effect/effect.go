// Package effect is what calls send beside their answers, as values. A method
// decides what follows from what it has committed and returns it; it sends nothing
// itself. The adapter sees to it that everything is sent before the function
// returns, because nothing runs after a Lambda has returned, and hands each effect
// to package dispatch, which knows the lane of each kind.
//
// The kinds belong to those who carry them: realtime.Commit, realtime.Revocation,
// realtime.Replay, realtime.PresenceChanges, realtime.SessionEnd, queue.Sending,
// audit.Record. What is written in the transaction of the change itself, such as
// most audit entries, is no effect: it stands exactly when the change does.
package effect

// When says when an effect is sent. The kind of an effect decides it, so that no
// method can get it wrong.
type When int

const (
	// Before the caller is answered: the answer promises it. Its failure is the
	// call's, whatever the method said, and nothing that goes before the answer is
	// tried after it.
	Before When = iota
	// Beside the answer: while a socket's caller is being answered or the answer to
	// an HTTP request is being kept, so that one slow caller delays nobody. It can't
	// fail the call any more; its lane repairs what was lost.
	Beside
	// After the answer: once a socket's caller has it, because it follows from it,
	// as events follow `subscribed`. It can't fail the call, either.
	After
)

// Effect is one thing to be sent.
type Effect interface {
	// When is the same for all effects of a kind.
	When() When
}

// Effects are what one call sends: those of one moment in their order, one after
// the other. They are sent whether or not the method also returns an error: a
// refusal may find something to repeat that an earlier call has left. nil sends
// nothing. A replay of an idempotent answer runs no method, and so sends nothing.
type Effects []Effect

// At gives those of a moment, in their order.
func (e Effects) At(moment When) func(yield func(Effect) bool) {
	return func(yield func(Effect) bool) {
		for _, effect := range e {
			if effect.When() == moment && !yield(effect) {
				return
			}
		}
	}
}
