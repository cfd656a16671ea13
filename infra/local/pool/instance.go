package pool

import (
	"context"
	"fmt"
	"runtime/debug"

	"github.com/aws/aws-lambda-go/lambda"
)

// instance is one Open of a function, with a goroutine of its own: it serves one
// event after the other on a stack that has grown to what the function needs.
type instance struct {
	folder  string
	handler lambda.Handler
	events  chan event
}

// event is what an instance serves, and where its outcome goes.
type event struct {
	ctx      context.Context
	payload  []byte
	returned chan<- outcome
}

func newInstance(folder string, handler lambda.Handler) *instance {
	i := &instance{folder: folder, handler: handler, events: make(chan event, 1)}
	go func() {
		for e := range i.events {
			e.returned <- call(e.ctx, i.folder, i.handler, e.payload)
		}
	}()
	return i
}

// serve hands an event to the instance, which must have returned from the one
// before.
func (i *instance) serve(ctx context.Context, payload []byte) <-chan outcome {
	returned := make(chan outcome, 1)
	i.events <- event{ctx, payload, returned}
	return returned
}

// end ends the instance, which serves nothing any more.
func (i *instance) end() { close(i.events) }

type outcome struct {
	answer []byte
	err    error
}

func call(ctx context.Context, folder string, instance lambda.Handler, payload []byte) (out outcome) {
	defer func() {
		if reason := recover(); reason != nil {
			out = outcome{err: &Panicked{Folder: folder, Reason: reason, Stack: debug.Stack()}}
		}
	}()
	answer, err := instance.Invoke(ctx, payload)
	if err != nil {
		return outcome{err: &Failed{Folder: folder, Type: "Unhandled", Err: err}}
	}
	if len(answer) > maxPayload {
		return outcome{err: &Failed{Folder: folder, Type: "Function.ResponseSizeTooLarge",
			Err: fmt.Errorf("answer of %d bytes is above %d", len(answer), maxPayload)}}
	}
	return outcome{answer: answer}
}
