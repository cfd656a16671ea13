package log_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/rapport/rapport/shared/core/clock"
	"github.com/rapport/rapport/shared/core/log"
	"github.com/rapport/rapport/shared/core/table/tabletest"
)

// Whatever gets lost on the way to the table and back, an append is committed
// exactly once, and the writer knows it as its own.
func TestLostOnTheWire(t *testing.T) {
	// The SDK sends a call three times.
	tests := []struct {
		name  string
		fates []fate
	}{
		{"one answer", []fate{answerLost}},
		{"two answers", []fate{answerLost, answerLost}},
		{"all answers of the first put", []fate{answerLost, answerLost, answerLost}},
		{"one request", []fate{requestLost}},
		{"all requests of the first put", []fate{requestLost, requestLost, requestLost}},
		{"requests, then an answer", []fate{requestLost, requestLost, requestLost, answerLost}},
	}
	for name, layout := range layouts() {
		for _, test := range tests {
			t.Run(name+"/"+test.name, func(t *testing.T) {
				tables := tabletest.New(t)
				client := &faultyClient{}
				l := log.New(over(client, tables), clock.NewManual(noon), layout)
				fill(t, l, 3)
				client.fate = nth("PutItem", `"mine-1"`, test.fates)
				committed := mustAppend(t, l, by("mine", 1, 2))
				if committed.Repeated || committed.Entry.Position != 4 || client.lost != len(test.fates) {
					t.Errorf("got %+v after %d losses", committed, client.lost)
				}
				if got := names(mustReadAll(t, l, 3, 10)); got != "4:mine-1" {
					t.Errorf("committed %s", got)
				}
			})
		}
	}
}

// nth gives the fates to the calls of an operation that carry a text, in turn.
func nth(op, carrying string, fates []fate) func(op, body string) fate {
	return func(called, body string) fate {
		if called != op || !strings.Contains(body, carrying) || len(fates) == 0 {
			return passes
		}
		f := fates[0]
		fates = fates[1:]
		return f
	}
}

// While nobody can say whether a put happened, no refusal says that it didn't.
func TestUnknownOutcomeIsNoRefusal(t *testing.T) {
	tables := tabletest.New(t)
	now := clock.NewManual(noon)
	client := &faultyClient{}
	l := log.New(over(client, tables), now, log.ByCount(4))
	fill(t, l, 1)

	refusals := []error{log.ErrLate, log.ErrContended, log.ErrClosed}
	client.fate = func(op, _ string) fate {
		if op == "PutItem" {
			now.Advance(time.Minute) // past the deadline
			return requestLost
		}
		return passes
	}
	a := by("c", 1, 1)
	a.Permit = until(noon.Add(time.Minute))
	_, err := l.Append(t.Context(), a)
	for _, refusal := range refusals {
		if err == nil || errors.Is(err, refusal) {
			t.Errorf("got %v", err)
		}
	}

	// Everything fails after the put: the error is open, and the retry finds it.
	broken := false
	client.fate = func(op, _ string) fate {
		broken = broken || op == "PutItem"
		if broken {
			return answerLost
		}
		return passes
	}
	a = by("c", 2, 1)
	if _, err := l.Append(t.Context(), a); err == nil {
		t.Error("no error although no answer came")
	}
	client.fate = nil
	if committed := mustAppend(t, l, a); !committed.Repeated || committed.Entry.Position != 2 {
		t.Errorf("the retry got %+v", committed)
	}
	wantNewest(t, l, 2, false)
}

// Another's entry where the unknown put would have gone settles that it didn't.
func TestUnknownOutcomeIsSettledByAnother(t *testing.T) {
	tables := tabletest.New(t)
	client := &faultyClient{}
	shaky, steady := log.New(over(client, tables), clock.NewManual(noon), log.ByCount(4)), log.New(tables.Log, clock.NewManual(noon), log.ByCount(4))
	client.fate = func(op, _ string) fate {
		if op == "PutItem" {
			mustAppend(t, steady, by("other", 1, 0))
			return requestLost
		}
		return passes
	}
	a, refusal := by("c", 1, 0), errors.New("refused")
	tries := 0
	a.Prepare = func(log.Entry, []log.Entry) (log.Draft, error) {
		if tries++; tries > 1 {
			return log.Draft{}, refusal
		}
		return log.Draft{Data: "x"}, nil
	}
	if _, err := shaky.Append(t.Context(), a); !errors.Is(err, refusal) {
		t.Errorf("got %v, want the refusal: nothing was committed", err)
	}
	if got := names(mustReadAll(t, steady, 0, 10)); got != "1:other-1" {
		t.Errorf("committed %s", got)
	}
}

func TestContextEndsAnAppend(t *testing.T) {
	tables := tabletest.New(t)
	ctx, cancel := context.WithCancel(t.Context())
	l := log.New(tables.Log, clock.NewManual(noon), log.ByCount(4))
	a := by("c", 1, 0)
	a.Prepare = func(log.Entry, []log.Entry) (log.Draft, error) {
		cancel()
		return log.Draft{Data: "x"}, nil
	}
	if _, err := l.Append(ctx, a); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	wantNewest(t, l, 0, false)
}

func TestLostAnswerOfAClosing(t *testing.T) {
	tables := tabletest.New(t)
	client := &faultyClient{}
	l := log.New(over(client, tables), clock.NewManual(noon), log.ByCount(4))
	fill(t, l, 3)
	client.fate = nth("PutItem", `"closed"`, []fate{answerLost})
	if newest, err := l.Close(t.Context(), topic); err != nil || newest != 3 {
		t.Errorf("got %d, %v", newest, err)
	}
	wantNewest(t, l, 3, true)
}
