package log_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/rapport/rapport/shared/core/clock"
	"github.com/rapport/rapport/shared/core/log"
	"github.com/rapport/rapport/shared/core/table/tabletest"
)

// A put that gets no answer ends with the permission, and isn't sent again
// after it; whether it happened is open, until what stands there tells.
func TestDeadlineEndsAPut(t *testing.T) {
	tests := []struct {
		name string
		fate fate
		want string
	}{
		{"the request hangs", requestHangs, ""},
		{"the answer hangs", answerHangs, "2:c-1"},
	}
	for layoutName, layout := range layouts() {
		for _, test := range tests {
			t.Run(layoutName+"/"+test.name, func(t *testing.T) {
				tables := tabletest.New(t)
				now := clock.NewManual(noon)
				client := &faultyClient{}
				l := log.New(over(client, tables), now, layout)
				fill(t, l, 1)
				puts := 0
				client.fate = func(op, _ string) fate {
					if op != "PutItem" {
						return passes
					}
					puts++
					now.Advance(time.Second)
					return test.fate
				}
				a := by("c", 1, 1)
				a.Permit = until(noon.Add(20 * time.Millisecond))
				committed, err := l.Append(t.Context(), a)
				switch {
				case test.want == "" && (!errors.Is(err, context.DeadlineExceeded) || errors.Is(err, log.ErrLate)):
					t.Errorf("got %+v, %v", committed, err)
				case test.want != "" && (err != nil || committed.Repeated):
					t.Errorf("got %+v, %v", committed, err)
				}
				if got := names(mustReadAll(t, l, 1, 10)); got != test.want || puts != 1 {
					t.Errorf("committed %q with %d puts, want %q", got, puts, test.want)
				}
			})
		}
	}
}

// A seal that gets no answer ends with the permission too; nothing of the entry
// was sent.
func TestDeadlineEndsASeal(t *testing.T) {
	tables := tabletest.New(t)
	now := clock.NewManual(noon)
	client := &faultyClient{}
	l := log.New(over(client, tables), now, log.ByClock(window, 24*time.Hour, 20))
	fill(t, l, 1)
	now.Advance(window)
	puts := 0
	client.fate = func(op, _ string) fate {
		if op != "PutItem" {
			return passes
		}
		puts++
		return requestHangs
	}
	a := by("c", 1, 1)
	a.Permit = until(now.Now().Add(20 * time.Millisecond))
	if _, err := l.Append(t.Context(), a); !errors.Is(err, context.DeadlineExceeded) || puts != 1 {
		t.Errorf("got %v after %d puts", err, puts)
	}
	wantNewest(t, l, 1, false)
}

// until permits for so long, however often it is asked.
func until(end time.Time) func(context.Context) (time.Time, error) {
	return func(context.Context) (time.Time, error) { return end, nil }
}

// Who was busy for longer than a permission lasts gets a new one, as often as
// it takes.
func TestPermissionIsRenewed(t *testing.T) {
	tables := tabletest.New(t)
	now := clock.NewManual(noon)
	l := log.New(tables.Log, now, log.ByCount(4))
	fill(t, l, 3)
	other := int64(0)
	asked := 0
	a := by("c", 1, 0)
	a.Prepare = func(log.Entry, []log.Entry) (log.Draft, error) {
		now.Advance(3 * time.Second) // so much has to be transformed
		return log.Draft{Data: "x"}, nil
	}
	a.Permit = func(context.Context) (time.Time, error) {
		if asked++; asked == 2 || asked == 3 {
			other++
			mustAppend(t, l, by("other", other, log.Tail))
		}
		return now.Now().Add(2 * time.Second), nil
	}
	committed := mustAppend(t, l, a)
	if committed.Entry.Position != 6 || asked != 4 {
		t.Errorf("at %d, asked %d times", committed.Entry.Position, asked)
	}

	// In time nobody is asked again.
	a, asked = by("c", 2, 6), 0
	a.Permit = func(context.Context) (time.Time, error) {
		asked++
		return now.Now().Add(time.Minute), nil
	}
	if mustAppend(t, l, a); asked != 1 {
		t.Errorf("asked %d times for a permission that stands", asked)
	}
}

func TestPermissionIsRefused(t *testing.T) {
	refusal := errors.New("may not")
	refuses := func(context.Context) (time.Time, error) { return time.Time{}, refusal }
	tests := []struct {
		name   string
		base   int64
		permit func(context.Context) (time.Time, error)
		want   error
	}{
		{"refused", 0, refuses, refusal},
		{"refused whatever else is wrong", 7, refuses, refusal},
		{"late at once, and again", 0, until(noon), log.ErrLate},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			l := log.New(tabletest.New(t).Log, clock.NewManual(noon), log.ByCount(4))
			a := by("c", 1, test.base)
			a.Permit = test.permit
			if _, err := l.Append(t.Context(), a); !errors.Is(err, test.want) {
				t.Errorf("got %v, want %v", err, test.want)
			}
			wantNewest(t, l, 0, false)
		})
	}
}

// The permission is asked for while the log is read: neither waits for the other.
func TestPermissionIsAskedForBesideTheFirstRead(t *testing.T) {
	client := &faultyClient{}
	l := log.New(over(client, tabletest.New(t)), clock.NewManual(noon), log.ByCount(4))
	fill(t, l, 1)
	reading, permitted := make(chan struct{}), make(chan struct{})
	var once sync.Once
	client.fate = func(op, _ string) fate {
		if op == "Query" {
			once.Do(func() { close(reading) })
			<-permitted
		}
		return passes
	}
	a := by("c", 1, 1)
	prepare := a.Prepare
	a.Permit = func(context.Context) (time.Time, error) {
		<-reading
		close(permitted)
		return time.Time{}, nil
	}
	a.Prepare = func(prev log.Entry, since []log.Entry) (log.Draft, error) {
		select {
		case <-permitted:
		default:
			t.Error("a draft is made before the permission is there")
		}
		return prepare(prev, since)
	}
	mustAppend(t, l, a)
}

// While a put is open, a refusal to go on doesn't say that it didn't happen.
func TestPermissionIsRefusedWhileAPutIsOpen(t *testing.T) {
	now := clock.NewManual(noon)
	client := &faultyClient{}
	l := log.New(over(client, tabletest.New(t)), now, log.ByCount(4))
	fill(t, l, 1)
	client.fate = func(op, _ string) fate {
		if op != "PutItem" {
			return passes
		}
		now.Advance(time.Hour)
		return requestLost
	}
	refusal := errors.New("may not any more")
	asked := 0
	a := by("c", 1, 1)
	a.Permit = func(context.Context) (time.Time, error) {
		if asked++; asked > 1 {
			return time.Time{}, refusal
		}
		return noon.Add(time.Hour), nil
	}
	if _, err := l.Append(t.Context(), a); err == nil || errors.Is(err, refusal) || asked != 2 {
		t.Errorf("got %v, asked %d times", err, asked)
	}
}
