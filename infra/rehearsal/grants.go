package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/rapport/rapport/infra/client"
	"github.com/rapport/rapport/shared/core/errs"
)

const (
	// denialLimit is how long a denial may take to stand in the logs, from a
	// function that nobody waits for.
	denialLimit = 20 * time.Second
	// silence is how long an answer is waited for that can't come.
	silence = 2 * time.Second
)

// lost is a grant that is taken away, and what then goes wrong. A denial of it must
// stand in the logs too.
type lost struct {
	function, statement, action string
	// use does what needs the grant, and says what is wrong where that works.
	use func(context.Context, *journey) error
}

func (l lost) grant() string { return l.function + ":" + l.statement + ":" + l.action }

// lostGrants are of functions behind both front doors, for a table, the sockets and
// a queue. The last one's use closes Ada's socket.
func lostGrants() []lost {
	return []lost{
		{"transcripts/append", "Log", "dynamodb:PutItem", func(ctx context.Context, j *journey) error {
			return internal(j.speak(ctx, "without a grant"))
		}},
		{"notes/edit", "Log", "dynamodb:PutItem", func(ctx context.Context, j *journey) error {
			_, err := insert(ctx, j, j.adas, 2, "without a grant")
			return internal(err)
		}},
		{"realtime/ping", "Sockets", "execute-api:ManageConnections", func(ctx context.Context, j *journey) error {
			ctx, cancel := context.WithTimeout(ctx, silence)
			defer cancel()
			if answer, err := j.adas.Ask(ctx, map[string]any{"action": "ping"}); err == nil {
				return fmt.Errorf("a %s comes", answer.Type)
			}
			return nil
		}},
		{"realtime/disconnect", "Departures", "sqs:SendMessage", func(_ context.Context, j *journey) error {
			j.adas.Cut()
			return nil
		}},
	}
}

// internal tells what is wrong with an answer that isn't INTERNAL: a function's own
// refusals are others.
func internal(err error) error {
	var code string
	if problem, ok := errors.AsType[*client.Problem](err); ok {
		code = problem.Code
	}
	if refused, ok := errors.AsType[*client.Refused](err); ok {
		code = refused.Code
	}
	switch {
	case code == string(errs.Internal):
		return nil
	case err == nil:
		return errors.New("it works")
	}
	return fmt.Errorf("%w, want INTERNAL", err)
}

// denied waits until a denial of each action stands in the functions' logs.
func denied(ctx context.Context, grants []lost, logs func(context.Context) (string, error)) error {
	ctx, cancel := context.WithTimeout(ctx, denialLimit)
	defer cancel()
	for {
		all, err := logs(ctx)
		if err != nil {
			return err
		}
		var missing []string
		for _, l := range grants {
			if !strings.Contains(all, "not authorized to perform: "+l.action) {
				missing = append(missing, l.action)
			}
		}
		if len(missing) == 0 {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("no log tells of a denial of %s", strings.Join(missing, ", "))
		case <-time.After(time.Second):
		}
	}
}
