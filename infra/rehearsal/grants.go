package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/rapport/rapport/infra/client"
	"github.com/rapport/rapport/shared/core/errs"
)

// lost is a grant that is taken away, and what then must fail, and with INTERNAL:
// the function's own refusals are others.
type lost struct {
	grant string // function:statement:action
	call  func(context.Context, *journey) error
}

// lostGrants are of three functions, behind both front doors.
func lostGrants() []lost {
	return []lost{
		{"meetings/create:Data:dynamodb:PutItem", func(ctx context.Context, j *journey) error {
			return j.ada.Do(ctx, http.MethodPost, "/v1/meetings", map[string]string{"title": "Without a grant"}, nil)
		}},
		{"notes/edit:Log:dynamodb:PutItem", func(ctx context.Context, j *journey) error {
			_, err := insert(ctx, j, j.adas, 2, "without a grant")
			return err
		}},
		{"transcripts/append:Log:dynamodb:PutItem", func(ctx context.Context, j *journey) error {
			return j.speak(ctx, "without a grant")
		}},
	}
}

// fails tells what is wrong where a call without its grant isn't answered INTERNAL.
func (l lost) fails(ctx context.Context, j *journey) error {
	err := l.call(ctx, j)
	var code string
	if problem, ok := errors.AsType[*client.Problem](err); ok {
		code = problem.Code
	}
	if refused, ok := errors.AsType[*client.Refused](err); ok {
		code = refused.Code
	}
	if code == string(errs.Internal) {
		return nil
	}
	if err == nil {
		err = errors.New("it works")
	}
	return fmt.Errorf("without %s: %w, want INTERNAL", l.grant, err)
}
