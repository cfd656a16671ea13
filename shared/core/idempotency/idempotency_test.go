package idempotency_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/rapport/rapport/shared/core/clock"
	"github.com/rapport/rapport/shared/core/errs"
	"github.com/rapport/rapport/shared/core/idempotency"
	"github.com/rapport/rapport/shared/core/table"
	"github.com/rapport/rapport/shared/core/table/tabletest"
	"github.com/rapport/rapport/shared/testkit"
)

const scope = "user_ada POST /v1/meetings"

// fixture is a store, the clock that it goes by, and a table for effects.
type fixture struct {
	*idempotency.Store
	*clock.Manual
	effects *table.Table
	// asleep runs whenever somebody waits.
	asleep func()
}

func newFixture(t *testing.T) *fixture {
	t.Helper()
	tables := tabletest.New(t)
	f := &fixture{Manual: clock.NewManual(time.Date(2026, 11, 23, 16, 0, 0, 0, time.UTC)), effects: tables.Data}
	f.Store = idempotency.New(tables.Control, f)
	return f
}

// Sleep implements clock.Clock.
func (f *fixture) Sleep(ctx context.Context, pause time.Duration) error {
	if f.asleep != nil {
		f.asleep()
	}
	return f.Manual.Sleep(ctx, pause)
}

// begin begins an execution, which must be allowed.
func (f *fixture) begin(t *testing.T, key, body string) *idempotency.Execution {
	t.Helper()
	execution, first, err := f.Begin(t.Context(), scope, key, []byte(body), []byte(body))
	if err != nil || execution == nil {
		t.Fatalf("begin %s: mark %v, first answer %q, %v", key, execution, first, err)
	}
	return execution
}

// TestRequestsAreComparedByContent: what is asked for counts, not how it is
// written; a record that has no content yet is compared by its bytes, as when it
// was made.
func TestRequestsAreComparedByContent(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	begin := func(key, content, sent string) (*idempotency.Execution, []byte, error) {
		return f.Begin(t.Context(), scope, key, []byte(content), []byte(sent))
	}
	finished := func(key string, content []byte, sent string) {
		t.Helper()
		execution, _, err := f.Begin(t.Context(), scope, key, content, []byte(sent))
		if err != nil {
			t.Fatal(err)
		}
		if err := f.Finish(t.Context(), execution, []byte("first")); err != nil {
			t.Fatal(err)
		}
	}
	finished("new", []byte("content"), "as sent")
	finished("old", nil, "as sent")
	for _, tt := range []struct {
		key, content, sent string
		want               bool
	}{
		{"new", "content", "as sent", true},
		{"new", "content", "sent in another way", true},
		{"new", "another content", "as sent", false},
		{"old", "content", "as sent", true},
		{"old", "content", "sent in another way", false},
	} {
		execution, first, err := begin(tt.key, tt.content, tt.sent)
		if again := err == nil && execution == nil && string(first) == "first"; again != tt.want || !tt.want && !errs.Is(err, errs.Conflict) {
			t.Errorf("%s key, %s, %s: mark %v, first answer %q, %v", tt.key, tt.content, tt.sent, execution, first, err)
		}
	}
	// A day later nobody remembers either.
	f.Advance(24*time.Hour + time.Second)
	for _, key := range []string{"new", "old"} {
		if execution, _, err := begin(key, "another content", "sent in another way"); err != nil || execution == nil {
			t.Errorf("the %s key a day later: mark %v, %v", key, execution, err)
		}
	}
}

// replays fails the test unless the key gives this first answer.
func (f *fixture) replays(t *testing.T, key, body, want string) {
	t.Helper()
	execution, first, err := f.Begin(t.Context(), scope, key, []byte(body), []byte(body))
	if err != nil || execution != nil || string(first) != want {
		t.Errorf("begin %s again: mark %v, first answer %q, want %q, %v", key, execution, first, want, err)
	}
}

// conflicts fails the test unless the key is refused.
func (f *fixture) conflicts(t *testing.T, key, body string) {
	t.Helper()
	execution, first, err := f.Begin(t.Context(), scope, key, []byte(body), []byte(body))
	if !errs.Is(err, errs.Conflict) {
		t.Errorf("begin %s again: mark %v, first answer %q, %v; want CONFLICT", key, execution, first, err)
	}
}

func (f *fixture) finish(t *testing.T, execution *idempotency.Execution, answer string) {
	t.Helper()
	if err := f.Finish(t.Context(), execution, []byte(answer)); err != nil {
		t.Fatal(err)
	}
}

// effect is what an execution writes: how often it ran.
type effect struct {
	Count int `json:"count"`
}

func effectKey() table.Key { return table.Key{PK: "EFFECT", SK: "EFFECT"} }

// commit runs an execution's effect in one transaction with its answer.
func (f *fixture) commit(t *testing.T, execution *idempotency.Execution, answer string) error {
	t.Helper()
	tx := table.NewTx()
	tx.Update(f.effects, effectKey(), table.Update{Add: map[string]any{"count": 1}})
	return f.Commit(t.Context(), tx, execution, answer)
}

func (f *fixture) ran(t *testing.T, want int) {
	t.Helper()
	got, err := table.Get[effect](t.Context(), f.effects, effectKey())
	if err != nil && !errors.Is(err, table.ErrNotFound) {
		t.Fatal(err)
	}
	if got.Count != want {
		t.Errorf("the effect happened %d times, want %d", got.Count, want)
	}
}

func TestFirstAnswerAgain(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.finish(t, f.begin(t, "k", "body"), "answer")
	f.replays(t, "k", "body", "answer")
	f.replays(t, "k", "body", "answer")
	f.conflicts(t, "k", "other body")
	f.finish(t, f.begin(t, "no answer", "body"), "")
	f.replays(t, "no answer", "body", "")
}

func TestKeysBelongToTheirScope(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	seen := map[string]bool{}
	for _, one := range [][2]string{{scope, "k"}, {scope + " ", "k"}, {scope, " k"}, {"user_ben POST /v1/meetings", "k"}, {scope, "K"}, {scope + "k", ""}} {
		execution, _, err := f.Begin(t.Context(), one[0], one[1], []byte("body"), []byte("body"))
		if err != nil || execution == nil {
			t.Fatalf("%q: %v", one, err)
		}
		if seen[execution.Key] {
			t.Errorf("%q shares its record with another", one)
		}
		seen[execution.Key] = true
	}
}

func TestDuplicateUnderWay(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	execution := f.begin(t, "k", "body")
	began := f.Now()
	f.conflicts(t, "k", "other body")
	if f.Now() != began {
		t.Error("a duplicate with another body waits, though it can't be right")
	}
	f.conflicts(t, "k", "body")
	if waited := f.Now().Sub(began); waited < 2*time.Second || waited > 3*time.Second {
		t.Errorf("a duplicate waits %s, want 2 s", waited)
	}
	f.asleep = func() { f.finish(t, execution, "answer") }
	f.replays(t, "k", "body", "answer")
}

func TestManyAtOnce(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	marks := 0
	for _, err := range testkit.AtOnce(8, func(int) error {
		execution, _, err := f.Begin(t.Context(), scope, "k", []byte("body"), []byte("body"))
		if err == nil && execution == nil {
			return errors.New("an answer, but nobody gave one")
		}
		return err
	}) {
		switch {
		case err == nil:
			marks++
		case !errs.Is(err, errs.Conflict):
			t.Error(err)
		}
	}
	if marks != 1 {
		t.Errorf("%d executions began, want 1", marks)
	}
}

func TestRefusedRequestsDoNotUseUpTheirKey(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	execution := f.begin(t, "k", "body")
	if err := f.Abandon(t.Context(), execution); err != nil {
		t.Fatal(err)
	}
	next := f.begin(t, "k", "mended body")
	// The refused one is late: it must not free what isn't its own any more.
	f.finish(t, next, "answer")
	if err := f.Abandon(t.Context(), execution); err != nil {
		t.Fatal(err)
	}
	f.replays(t, "k", "mended body", "answer")
}

func TestFailedRequestsCanBeRepeatedAtOnce(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	failed := f.begin(t, "k", "body")
	if err := f.Release(t.Context(), failed); err != nil {
		t.Fatal(err)
	}
	f.conflicts(t, "k", "other body")
	next := f.begin(t, "k", "body")
	if next.Owner == failed.Owner {
		t.Errorf("two executions are both %s", next.Owner)
	}
	// What the failed one still does has no effect on the next.
	if err := f.Release(t.Context(), failed); err != nil {
		t.Fatal(err)
	}
	f.conflicts(t, "k", "body")
	f.finish(t, failed, "late answer")
	f.finish(t, next, "answer")
	f.replays(t, "k", "body", "answer")
	if err := f.Release(t.Context(), next); err != nil {
		t.Fatal(err)
	}
	f.replays(t, "k", "body", "answer")
}

func TestCrashBeforeTheEffect(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	dead := f.begin(t, "k", "body")
	f.Advance(30 * time.Second)
	f.conflicts(t, "k", "body")
	f.Advance(5 * time.Second)
	next := f.begin(t, "k", "body")
	if err := f.commit(t, next, "answer"); err != nil {
		t.Fatal(err)
	}
	f.ran(t, 1)
	// The dead one was only slow.
	if err := f.commit(t, dead, "late answer"); !errs.Is(err, errs.Conflict) {
		t.Errorf("the one that was taken over commits: %v", err)
	}
	f.ran(t, 1)
	f.finish(t, next, "")
	f.replays(t, "k", "body", `"answer"`)
}

// Who takes over an execution that never recorded its answer is told when the
// first one began, for that is as far as it must look for what was committed.
func TestSince(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	first := f.begin(t, "k", "body")
	if !first.Since.IsZero() {
		t.Errorf("the first execution is said to follow one of %s", first.Since)
	}
	began := f.Now()
	f.Advance(36 * time.Second)
	second := f.begin(t, "k", "body")
	if err := f.Release(t.Context(), second); err != nil {
		t.Fatal(err)
	}
	f.Advance(time.Hour)
	third := f.begin(t, "k", "body")
	for _, execution := range []*idempotency.Execution{second, third} {
		if !execution.Since.Equal(began) {
			t.Errorf("the first execution began at %s, not %s", began, execution.Since)
		}
	}
	// A refused one leaves nothing, a forgotten one neither.
	if err := f.Abandon(t.Context(), third); err != nil {
		t.Fatal(err)
	}
	if fourth := f.begin(t, "k", "body"); !fourth.Since.IsZero() {
		t.Errorf("after a refusal one of %s is remembered", fourth.Since)
	}
	f.Advance(25 * time.Hour)
	if fifth := f.begin(t, "k", "body"); !fifth.Since.IsZero() {
		t.Errorf("after a day one of %s is remembered", fifth.Since)
	}
}

// Many find an execution dead at once: one takes over.
func TestManyReclaim(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.begin(t, "k", "body")
	f.Advance(36 * time.Second)
	marks := 0
	for _, err := range testkit.AtOnce(8, func(int) error {
		_, _, err := f.Begin(t.Context(), scope, "k", []byte("body"), []byte("body"))
		return err
	}) {
		switch {
		case err == nil:
			marks++
		case !errs.Is(err, errs.Conflict):
			t.Error(err)
		}
	}
	if marks != 1 {
		t.Errorf("%d executions took over, want 1", marks)
	}
}

// resumes begins an execution of what comes after an effect.
func (f *fixture) resumes(t *testing.T, key, body, want string) *idempotency.Execution {
	t.Helper()
	execution, first, err := f.Begin(t.Context(), scope, key, []byte(body), []byte(body))
	if err != nil || execution == nil || string(first) != want || !execution.Recorded {
		t.Fatalf("begin %s: mark %v, first answer %q, want both, %q, %v", key, execution, first, want, err)
	}
	return execution
}

func TestCrashAfterTheEffect(t *testing.T) {
	t.Parallel()
	for name, die := range map[string]func(*fixture, *idempotency.Execution) error{
		"silently": func(f *fixture, _ *idempotency.Execution) error { f.Advance(36 * time.Second); return nil },
		"failing":  func(f *fixture, execution *idempotency.Execution) error { return f.Release(t.Context(), execution) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t)
			dead := f.begin(t, "k", "body")
			if err := f.commit(t, dead, "answer"); err != nil {
				t.Fatal(err)
			}
			// What comes after the effect may be under way: nobody is answered.
			f.conflicts(t, "k", "body")
			if err := die(f, dead); err != nil {
				t.Fatal(err)
			}
			f.conflicts(t, "k", "other body")
			next := f.resumes(t, "k", "body", `"answer"`)
			f.conflicts(t, "k", "body")
			if err := f.commit(t, next, "another answer"); !errs.Is(err, errs.Conflict) || !next.Recorded {
				t.Errorf("the effect happens twice: %v", err)
			}
			// A refusal doesn't free the key, and the dead one has no say any more.
			if err := f.Abandon(t.Context(), next); err != nil {
				t.Error(err)
			}
			f.finish(t, dead, "")
			if err := f.Release(t.Context(), dead); err != nil {
				t.Error(err)
			}
			f.conflicts(t, "k", "body")
			if err := f.Release(t.Context(), next); err != nil {
				t.Error(err)
			}
			last := f.resumes(t, "k", "body", `"answer"`)
			f.finish(t, last, "another answer")
			f.replays(t, "k", "body", `"answer"`)
			if err := f.commit(t, &idempotency.Execution{Key: dead.Key, Owner: dead.Owner}, "answer"); !errs.Is(err, errs.Conflict) {
				t.Errorf("one execution commits twice: %v", err)
			}
			f.ran(t, 1)
		})
	}
}

func TestFinishedAfterTheEffect(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	execution := f.begin(t, "k", "body")
	if err := f.commit(t, execution, "answer"); err != nil {
		t.Fatal(err)
	}
	f.asleep = func() { f.finish(t, execution, "another answer") }
	f.replays(t, "k", "body", `"answer"`)
	f.Advance(time.Hour)
	f.replays(t, "k", "body", `"answer"`)
	f.ran(t, 1)
}

func TestManyTakeOver(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	execution := f.begin(t, "k", "body")
	if err := f.commit(t, execution, "answer"); err != nil {
		t.Fatal(err)
	}
	if err := f.Release(t.Context(), execution); err != nil {
		t.Fatal(err)
	}
	marks := 0
	for _, err := range testkit.AtOnce(8, func(int) error {
		execution, _, err := f.Begin(t.Context(), scope, "k", []byte("body"), []byte("body"))
		if err == nil && execution == nil {
			return errors.New("an answer, before anybody has finished")
		}
		return err
	}) {
		switch {
		case err == nil:
			marks++
		case !errs.Is(err, errs.Conflict):
			t.Error(err)
		}
	}
	if marks != 1 {
		t.Errorf("%d executions took over, want 1", marks)
	}
}

// A refused request frees its key, and a late transaction of it must not commit
// into the claim of the next.
func TestLateTransactionOfARefusedRequest(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	late := f.begin(t, "k", "body")
	if err := f.Abandon(t.Context(), late); err != nil {
		t.Fatal(err)
	}
	if err := f.commit(t, late, "late answer"); !errs.Is(err, errs.Conflict) {
		t.Errorf("it commits into nobody's claim: %v", err)
	}
	next := f.begin(t, "k", "body")
	if err := f.commit(t, late, "late answer"); !errs.Is(err, errs.Conflict) {
		t.Errorf("it commits into another's claim: %v", err)
	}
	if err := f.commit(t, next, "answer"); err != nil {
		t.Fatal(err)
	}
	f.finish(t, next, "")
	f.ran(t, 1)
	f.replays(t, "k", "body", `"answer"`)
}

func TestEffectThatFails(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	execution := f.begin(t, "k", "body")
	tx := table.NewTx()
	tx.Update(f.effects, effectKey(), table.Update{Add: map[string]any{"count": 1}, If: table.Exists()}, table.Named("effect"))
	if err := f.Commit(t.Context(), tx, execution, "answer"); table.FailedOp(err, "effect") == nil {
		t.Fatalf("%v, want the effect's condition", err)
	}
	f.ran(t, 0)
	if execution.Recorded {
		t.Error("an answer is said to be recorded that isn't")
	}
	if err := f.commit(t, execution, "answer"); err != nil {
		t.Fatal(err)
	}
	f.ran(t, 1)
	f.finish(t, execution, "")
	f.replays(t, "k", "body", `"answer"`)
}

func TestWithoutKey(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	for range 2 {
		if err := f.commit(t, nil, "answer"); err != nil {
			t.Fatal(err)
		}
	}
	f.ran(t, 2)
}

func TestAnswersAreForgottenAfterADay(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.finish(t, f.begin(t, "k", "body"), "answer")
	f.Advance(23 * time.Hour)
	f.replays(t, "k", "body", "answer")
	// The table has not swept the record yet: its time alone counts.
	f.Advance(2 * time.Hour)
	f.finish(t, f.begin(t, "k", "other body"), "other answer")
	f.replays(t, "k", "other body", "other answer")
}

func TestOnlyADuplicateUnderWayMayBeTriedAgain(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.begin(t, "k", "body")
	for body, want := range map[string]bool{"body": true, "another body": false} {
		_, _, err := f.Begin(t.Context(), scope, "k", []byte(body), []byte(body))
		if refused, ok := errors.AsType[*errs.Error](err); !ok || refused.Kind != errs.Conflict || refused.Retryable != want {
			t.Errorf("%s: %+v, want retryable %v", body, err, want)
		}
	}
}
