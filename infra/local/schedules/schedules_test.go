package schedules

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/rapport/rapport/infra/local/template"
	"github.com/rapport/rapport/shared/core/clock"
)

func TestExpressions(t *testing.T) {
	made := time.Date(2026, 3, 1, 10, 7, 30, 0, time.UTC)
	at := func(text string) time.Time {
		parsed, err := time.Parse("2006-01-02 15:04:05", text)
		if err != nil {
			t.Fatal(err)
		}
		return parsed
	}
	for _, test := range []struct{ give, after, want string }{
		{"rate(1 hour)", "2026-03-01 10:07:30", "2026-03-01 11:07:30"},
		{"rate(1 hour)", "2026-03-01 11:07:29", "2026-03-01 11:07:30"},
		{"rate(1 hour)", "2026-03-01 11:07:30", "2026-03-01 12:07:30"},
		{"rate(5 minutes)", "2026-03-01 10:07:30", "2026-03-01 10:12:30"},
		{"rate(2 days)", "2026-03-04 00:00:00", "2026-03-05 10:07:30"},
		{"cron(0 3 * * ? *)", "2026-03-01 03:00:00", "2026-03-02 03:00:00"},
		{"cron(0/15 * * * ? *)", "2026-03-01 03:01:00", "2026-03-01 03:15:00"},
		{"cron(30 2 ? * 2 *)", "2026-03-01 00:00:00", "2026-03-02 02:30:00"}, // 2 is Monday
		{"cron(30 2 ? * 1,4-5 *)", "2026-03-02 00:00:00", "2026-03-04 02:30:00"},
		{"cron(30 2 ? * SUN *)", "2026-03-01 03:00:00", "2026-03-08 02:30:00"},
		{"cron(0 0 1 1 ? *)", "2026-03-01 03:00:00", "2027-01-01 00:00:00"},
	} {
		e, err := parse(test.give, made)
		if err != nil {
			t.Errorf("%s: %v", test.give, err)
			continue
		}
		if got := e.after(at(test.after)); !got.Equal(at(test.want)) {
			t.Errorf("%s after %s: %v, want %s", test.give, test.after, got, test.want)
		}
	}
	for _, wrong := range []string{
		"", "rate", "rate()", "rate(1 hours)", "rate(2 hour)", "rate(0 hours)", "rate(-1 hours)", "rate(1 week)", "rate(1 hour", "every(1 hour)",
		"at(2026-03-01T10:00:00)", "cron(0 3 * * ?)", "cron(0 3 * * * *)", "cron(0 3 ? * ? *)", "cron(0 3 * * ? 2026)", "cron(61 3 * * ? *)", "cron(0 3 L * ? *)", "cron(0 3 ? * 2#1 *)",
	} {
		if _, err := parse(wrong, made); err == nil {
			t.Errorf("%q is understood", wrong)
		}
	}
}

// fakeFunctions is a function that notes for which times it was run.
type fakeFunctions struct {
	fails bool
	mu    sync.Mutex
	times []string
}

// Invoke implements Invoker.
func (f *fakeFunctions) Invoke(_ context.Context, folder string, payload []byte) ([]byte, error) {
	var event struct {
		Time   time.Time
		Source string
	}
	if err := json.Unmarshal(payload, &event); err != nil || event.Source != "aws.scheduler" {
		return nil, errors.Join(errors.New("no event of a schedule"), err)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.times = append(f.times, event.Time.Format(time.TimeOnly))
	if f.fails {
		return nil, errors.New("no")
	}
	return []byte(`{"done":1}`), nil
}

func (f *fakeFunctions) ran() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return strings.Join(f.times, " ")
}

func begin(t *testing.T, f *fakeFunctions, dir string) *Schedules {
	t.Helper()
	s, err := Start(t.Context(), Config{
		Stack: &template.Stack{Functions: []template.Function{
			{Folder: "sample/tidy", Schedules: []template.Schedule{{Name: "Hourly", Expression: "rate(1 hour)"}}}, {Folder: "sample/write"},
		}},
		Invoker: f, Dir: dir, Clock: clock.System{}, Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// Virtual time begins at midnight.
func TestByTheClock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir, f := t.TempDir(), &fakeFunctions{}
		s := begin(t, f, dir)
		time.Sleep(150 * time.Minute)
		s.Close()
		if got := f.ran(); got != "01:00:00 02:00:00" {
			t.Errorf("ran for %s", got)
		}
		// Three times are missed; the newest is made up for, and the rhythm stays.
		time.Sleep(3 * time.Hour)
		again := &fakeFunctions{}
		s = begin(t, again, dir)
		time.Sleep(time.Minute)
		if got := again.ran(); got != "05:00:00" {
			t.Errorf("made up for %s", got)
		}
		time.Sleep(time.Hour)
		s.Close()
		if got := again.ran(); got != "05:00:00 06:00:00" {
			t.Errorf("then ran for %s", got)
		}
		if diff := cmp.Diff([]Statistics{{Folder: "sample/tidy", Schedule: "Hourly", Runs: 2}}, s.Snapshot()); diff != "" {
			t.Error(diff)
		}
	})
}

// A run that fails is left to the next.
func TestAFailedRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fakeFunctions{fails: true}
		s := begin(t, f, "")
		time.Sleep(150 * time.Minute)
		s.Close()
		if got := f.ran(); got != "01:00:00 02:00:00" {
			t.Errorf("ran for %s", got)
		}
		if got := s.Snapshot()[0]; got.Runs != 2 || got.Failures != 2 {
			t.Errorf("counted %+v", got)
		}
	})
}

func TestOnRequest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fakeFunctions{}
		s := begin(t, f, "")
		defer s.Close()
		answer, err := s.Run(t.Context(), "sample/tidy")
		if err != nil || string(answer) != `{"done":1}` || f.ran() != "00:00:00" {
			t.Errorf("%s %v, ran for %s", answer, err, f.ran())
		}
		for _, without := range []string{"sample/write", "sample/nothing", ""} {
			if _, err := s.Run(t.Context(), without); !errors.Is(err, ErrNoSchedule) {
				t.Errorf("%s: %v", without, err)
			}
		}
	})
}
