package log_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/rapport/rapport/shared/clock"
	"github.com/rapport/rapport/shared/log"
	"github.com/rapport/rapport/shared/table/tabletest"
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
				w := &wire{}
				l := log.New(over(w, tables), now, layout)
				fill(t, l, 1)
				puts := 0
				w.fate = func(op, _ string) fate {
					if op != "PutItem" {
						return passes
					}
					puts++
					now.Advance(time.Second)
					return test.fate
				}
				a := by("c", 1, 1)
				a.Deadline = noon.Add(20 * time.Millisecond)
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
	w := &wire{}
	l := log.New(over(w, tables), now, log.ByClock(window, 24*time.Hour, 20))
	fill(t, l, 1)
	now.Advance(window)
	puts := 0
	w.fate = func(op, _ string) fate {
		if op != "PutItem" {
			return passes
		}
		puts++
		return requestHangs
	}
	a := by("c", 1, 1)
	a.Deadline = now.Now().Add(20 * time.Millisecond)
	if _, err := l.Append(t.Context(), a); !errors.Is(err, context.DeadlineExceeded) || puts != 1 {
		t.Errorf("got %v after %d puts", err, puts)
	}
	wantNewest(t, l, 1, false)
}

// Who was busy for longer than a permission lasts gets a new one, as often as
// it takes.
func TestRenew(t *testing.T) {
	tables := tabletest.New(t)
	now := clock.NewManual(noon)
	l := log.New(tables.Log, now, log.ByCount(4))
	fill(t, l, 3)
	other := int64(0)
	renewed := 0
	a := by("c", 1, 0)
	a.Deadline = noon.Add(2 * time.Second)
	a.Prepare = func(log.Entry, []log.Entry) (log.Draft, error) {
		now.Advance(3 * time.Second) // so much has to be transformed
		return log.Draft{Data: "x"}, nil
	}
	a.Renew = func(context.Context) (time.Time, error) {
		if renewed++; renewed < 3 {
			other++
			mustAppend(t, l, by("other", other, log.Tail))
		}
		return now.Now().Add(2 * time.Second), nil
	}
	committed := mustAppend(t, l, a)
	if committed.Entry.Position != 6 || renewed != 3 {
		t.Errorf("at %d after %d renewals", committed.Entry.Position, renewed)
	}

	// In time nobody is asked.
	a = by("c", 2, 6)
	a.Deadline = now.Now().Add(time.Minute)
	a.Renew = func(context.Context) (time.Time, error) {
		t.Error("asked for a permission that stands")
		return time.Time{}, nil
	}
	mustAppend(t, l, a)
}

func TestRenewRefused(t *testing.T) {
	refusal := errors.New("may not any more")
	tests := []struct {
		name  string
		renew func(context.Context) (time.Time, error)
		want  error
	}{
		{"refused", func(context.Context) (time.Time, error) { return time.Time{}, refusal }, refusal},
		{"late again", func(context.Context) (time.Time, error) { return noon, nil }, log.ErrLate},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			l := log.New(tabletest.New(t).Log, clock.NewManual(noon), log.ByCount(4))
			a := by("c", 1, 0)
			a.Deadline, a.Renew = noon, test.renew
			if _, err := l.Append(t.Context(), a); !errors.Is(err, test.want) {
				t.Errorf("got %v, want %v", err, test.want)
			}
			wantNewest(t, l, 0, false)
		})
	}
}

// While a put is open, a refusal to go on doesn't say that it didn't happen.
func TestRenewRefusedWhileAPutIsOpen(t *testing.T) {
	now := clock.NewManual(noon)
	w := &wire{}
	l := log.New(over(w, tabletest.New(t)), now, log.ByCount(4))
	fill(t, l, 1)
	w.fate = func(op, _ string) fate {
		if op != "PutItem" {
			return passes
		}
		now.Advance(time.Hour)
		return requestLost
	}
	refusal := errors.New("may not any more")
	a := by("c", 1, 1)
	a.Deadline = noon.Add(time.Hour)
	a.Renew = func(context.Context) (time.Time, error) { return time.Time{}, refusal }
	if _, err := l.Append(t.Context(), a); err == nil || errors.Is(err, refusal) {
		t.Errorf("got %v", err)
	}
}
