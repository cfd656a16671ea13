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

// desk is a store, the clock that it goes by, and a table for effects.
type desk struct {
	*idempotency.Store
	*clock.Manual
	effects *table.Table
	// asleep runs whenever somebody waits.
	asleep func()
}

func newDesk(t *testing.T) *desk {
	t.Helper()
	tables := tabletest.New(t)
	d := &desk{Manual: clock.NewManual(time.Date(2026, 11, 23, 16, 0, 0, 0, time.UTC)), effects: tables.Data}
	d.Store = idempotency.New(tables.Control, d)
	return d
}

// Sleep implements clock.Clock.
func (d *desk) Sleep(ctx context.Context, pause time.Duration) error {
	if d.asleep != nil {
		d.asleep()
	}
	return d.Manual.Sleep(ctx, pause)
}

// begin begins an execution, which must be allowed.
func (d *desk) begin(t *testing.T, key, body string) *idempotency.Execution {
	t.Helper()
	once, first, err := d.Begin(t.Context(), scope, key, []byte(body), []byte(body))
	if err != nil || once == nil {
		t.Fatalf("begin %s: mark %v, first answer %q, %v", key, once, first, err)
	}
	return once
}

// TestRequestsAreComparedByContent: what is asked for counts, not how it is
// written; a record that has no content yet is compared by its bytes, as when it
// was made.
func TestRequestsAreComparedByContent(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	begin := func(key, content, sent string) (*idempotency.Execution, []byte, error) {
		return d.Begin(t.Context(), scope, key, []byte(content), []byte(sent))
	}
	finished := func(key string, content []byte, sent string) {
		t.Helper()
		once, _, err := d.Begin(t.Context(), scope, key, content, []byte(sent))
		if err != nil {
			t.Fatal(err)
		}
		if err := d.Finish(t.Context(), once, []byte("first")); err != nil {
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
		once, first, err := begin(tt.key, tt.content, tt.sent)
		if again := err == nil && once == nil && string(first) == "first"; again != tt.want || !tt.want && !errs.Is(err, errs.Conflict) {
			t.Errorf("%s key, %s, %s: mark %v, first answer %q, %v", tt.key, tt.content, tt.sent, once, first, err)
		}
	}
	// A day later nobody remembers either.
	d.Advance(24*time.Hour + time.Second)
	for _, key := range []string{"new", "old"} {
		if once, _, err := begin(key, "another content", "sent in another way"); err != nil || once == nil {
			t.Errorf("the %s key a day later: mark %v, %v", key, once, err)
		}
	}
}

// replays fails the test unless the key gives this first answer.
func (d *desk) replays(t *testing.T, key, body, want string) {
	t.Helper()
	once, first, err := d.Begin(t.Context(), scope, key, []byte(body), []byte(body))
	if err != nil || once != nil || string(first) != want {
		t.Errorf("begin %s again: mark %v, first answer %q, want %q, %v", key, once, first, want, err)
	}
}

// conflicts fails the test unless the key is refused.
func (d *desk) conflicts(t *testing.T, key, body string) {
	t.Helper()
	once, first, err := d.Begin(t.Context(), scope, key, []byte(body), []byte(body))
	if !errs.Is(err, errs.Conflict) {
		t.Errorf("begin %s again: mark %v, first answer %q, %v; want CONFLICT", key, once, first, err)
	}
}

func (d *desk) finish(t *testing.T, once *idempotency.Execution, answer string) {
	t.Helper()
	if err := d.Finish(t.Context(), once, []byte(answer)); err != nil {
		t.Fatal(err)
	}
}

// effect is what an execution writes: how often it ran.
type effect struct {
	Count int `json:"count"`
}

func effectKey() table.Key { return table.Key{PK: "EFFECT", SK: "EFFECT"} }

// commit runs an execution's effect in one transaction with its answer.
func (d *desk) commit(t *testing.T, once *idempotency.Execution, answer string) error {
	t.Helper()
	tx := table.NewTx()
	tx.Update(d.effects, effectKey(), table.Update{Add: map[string]any{"count": 1}})
	return d.Commit(t.Context(), tx, once, answer)
}

func (d *desk) ran(t *testing.T, want int) {
	t.Helper()
	got, err := table.Get[effect](t.Context(), d.effects, effectKey())
	if err != nil && !errors.Is(err, table.ErrNotFound) {
		t.Fatal(err)
	}
	if got.Count != want {
		t.Errorf("the effect happened %d times, want %d", got.Count, want)
	}
}

func TestFirstAnswerAgain(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.finish(t, d.begin(t, "k", "body"), "answer")
	d.replays(t, "k", "body", "answer")
	d.replays(t, "k", "body", "answer")
	d.conflicts(t, "k", "other body")
	d.finish(t, d.begin(t, "no answer", "body"), "")
	d.replays(t, "no answer", "body", "")
}

func TestKeysBelongToTheirScope(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	seen := map[string]bool{}
	for _, one := range [][2]string{{scope, "k"}, {scope + " ", "k"}, {scope, " k"}, {"user_ben POST /v1/meetings", "k"}, {scope, "K"}, {scope + "k", ""}} {
		once, _, err := d.Begin(t.Context(), one[0], one[1], []byte("body"), []byte("body"))
		if err != nil || once == nil {
			t.Fatalf("%q: %v", one, err)
		}
		if seen[once.Key] {
			t.Errorf("%q shares its record with another", one)
		}
		seen[once.Key] = true
	}
}

func TestDuplicateUnderWay(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	once := d.begin(t, "k", "body")
	began := d.Now()
	d.conflicts(t, "k", "other body")
	if d.Now() != began {
		t.Error("a duplicate with another body waits, though it can't be right")
	}
	d.conflicts(t, "k", "body")
	if waited := d.Now().Sub(began); waited < 2*time.Second || waited > 3*time.Second {
		t.Errorf("a duplicate waits %s, want 2 s", waited)
	}
	d.asleep = func() { d.finish(t, once, "answer") }
	d.replays(t, "k", "body", "answer")
}

func TestManyAtOnce(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	marks := 0
	for _, err := range testkit.AtOnce(8, func(int) error {
		once, _, err := d.Begin(t.Context(), scope, "k", []byte("body"), []byte("body"))
		if err == nil && once == nil {
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
	d := newDesk(t)
	once := d.begin(t, "k", "body")
	if err := d.Abandon(t.Context(), once); err != nil {
		t.Fatal(err)
	}
	next := d.begin(t, "k", "mended body")
	// The refused one is late: it must not free what isn't its own any more.
	d.finish(t, next, "answer")
	if err := d.Abandon(t.Context(), once); err != nil {
		t.Fatal(err)
	}
	d.replays(t, "k", "mended body", "answer")
}

func TestFailedRequestsCanBeRepeatedAtOnce(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	failed := d.begin(t, "k", "body")
	if err := d.Release(t.Context(), failed); err != nil {
		t.Fatal(err)
	}
	d.conflicts(t, "k", "other body")
	next := d.begin(t, "k", "body")
	if next.Owner == failed.Owner {
		t.Errorf("two executions are both %s", next.Owner)
	}
	// What the failed one still does has no effect on the next.
	if err := d.Release(t.Context(), failed); err != nil {
		t.Fatal(err)
	}
	d.conflicts(t, "k", "body")
	d.finish(t, failed, "late answer")
	d.finish(t, next, "answer")
	d.replays(t, "k", "body", "answer")
	if err := d.Release(t.Context(), next); err != nil {
		t.Fatal(err)
	}
	d.replays(t, "k", "body", "answer")
}

func TestDeathBeforeTheEffect(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	dead := d.begin(t, "k", "body")
	d.Advance(30 * time.Second)
	d.conflicts(t, "k", "body")
	d.Advance(5 * time.Second)
	next := d.begin(t, "k", "body")
	if err := d.commit(t, next, "answer"); err != nil {
		t.Fatal(err)
	}
	d.ran(t, 1)
	// The dead one was only slow.
	if err := d.commit(t, dead, "late answer"); !errs.Is(err, errs.Conflict) {
		t.Errorf("the one that was taken over commits: %v", err)
	}
	d.ran(t, 1)
	d.finish(t, next, "")
	d.replays(t, "k", "body", `"answer"`)
}

// Who takes over an execution that never recorded its answer is told when the
// first one began, for that is as far as it must look for what was committed.
func TestSince(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	first := d.begin(t, "k", "body")
	if !first.Since.IsZero() {
		t.Errorf("the first execution is said to follow one of %s", first.Since)
	}
	began := d.Now()
	d.Advance(36 * time.Second)
	second := d.begin(t, "k", "body")
	if err := d.Release(t.Context(), second); err != nil {
		t.Fatal(err)
	}
	d.Advance(time.Hour)
	third := d.begin(t, "k", "body")
	for _, once := range []*idempotency.Execution{second, third} {
		if !once.Since.Equal(began) {
			t.Errorf("the first execution began at %s, not %s", began, once.Since)
		}
	}
	// A refused one leaves nothing, a forgotten one neither.
	if err := d.Abandon(t.Context(), third); err != nil {
		t.Fatal(err)
	}
	if fourth := d.begin(t, "k", "body"); !fourth.Since.IsZero() {
		t.Errorf("after a refusal one of %s is remembered", fourth.Since)
	}
	d.Advance(25 * time.Hour)
	if fifth := d.begin(t, "k", "body"); !fifth.Since.IsZero() {
		t.Errorf("after a day one of %s is remembered", fifth.Since)
	}
}

// Many find an execution dead at once: one takes over.
func TestManyReclaim(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.begin(t, "k", "body")
	d.Advance(36 * time.Second)
	marks := 0
	for _, err := range testkit.AtOnce(8, func(int) error {
		_, _, err := d.Begin(t.Context(), scope, "k", []byte("body"), []byte("body"))
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
func (d *desk) resumes(t *testing.T, key, body, want string) *idempotency.Execution {
	t.Helper()
	once, first, err := d.Begin(t.Context(), scope, key, []byte(body), []byte(body))
	if err != nil || once == nil || string(first) != want || !once.Recorded {
		t.Fatalf("begin %s: mark %v, first answer %q, want both, %q, %v", key, once, first, want, err)
	}
	return once
}

func TestDeathAfterTheEffect(t *testing.T) {
	t.Parallel()
	for name, die := range map[string]func(*desk, *idempotency.Execution) error{
		"silently": func(d *desk, _ *idempotency.Execution) error { d.Advance(36 * time.Second); return nil },
		"failing":  func(d *desk, once *idempotency.Execution) error { return d.Release(t.Context(), once) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := newDesk(t)
			dead := d.begin(t, "k", "body")
			if err := d.commit(t, dead, "answer"); err != nil {
				t.Fatal(err)
			}
			// What comes after the effect may be under way: nobody is answered.
			d.conflicts(t, "k", "body")
			if err := die(d, dead); err != nil {
				t.Fatal(err)
			}
			d.conflicts(t, "k", "other body")
			next := d.resumes(t, "k", "body", `"answer"`)
			d.conflicts(t, "k", "body")
			if err := d.commit(t, next, "another answer"); !errs.Is(err, errs.Conflict) || !next.Recorded {
				t.Errorf("the effect happens twice: %v", err)
			}
			// A refusal doesn't free the key, and the dead one has no say any more.
			if err := d.Abandon(t.Context(), next); err != nil {
				t.Error(err)
			}
			d.finish(t, dead, "")
			if err := d.Release(t.Context(), dead); err != nil {
				t.Error(err)
			}
			d.conflicts(t, "k", "body")
			if err := d.Release(t.Context(), next); err != nil {
				t.Error(err)
			}
			last := d.resumes(t, "k", "body", `"answer"`)
			d.finish(t, last, "another answer")
			d.replays(t, "k", "body", `"answer"`)
			if err := d.commit(t, &idempotency.Execution{Key: dead.Key, Owner: dead.Owner}, "answer"); !errs.Is(err, errs.Conflict) {
				t.Errorf("one execution commits twice: %v", err)
			}
			d.ran(t, 1)
		})
	}
}

func TestFinishedAfterTheEffect(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	once := d.begin(t, "k", "body")
	if err := d.commit(t, once, "answer"); err != nil {
		t.Fatal(err)
	}
	d.asleep = func() { d.finish(t, once, "another answer") }
	d.replays(t, "k", "body", `"answer"`)
	d.Advance(time.Hour)
	d.replays(t, "k", "body", `"answer"`)
	d.ran(t, 1)
}

func TestManyTakeOver(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	once := d.begin(t, "k", "body")
	if err := d.commit(t, once, "answer"); err != nil {
		t.Fatal(err)
	}
	if err := d.Release(t.Context(), once); err != nil {
		t.Fatal(err)
	}
	marks := 0
	for _, err := range testkit.AtOnce(8, func(int) error {
		once, _, err := d.Begin(t.Context(), scope, "k", []byte("body"), []byte("body"))
		if err == nil && once == nil {
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
	d := newDesk(t)
	late := d.begin(t, "k", "body")
	if err := d.Abandon(t.Context(), late); err != nil {
		t.Fatal(err)
	}
	if err := d.commit(t, late, "late answer"); !errs.Is(err, errs.Conflict) {
		t.Errorf("it commits into nobody's claim: %v", err)
	}
	next := d.begin(t, "k", "body")
	if err := d.commit(t, late, "late answer"); !errs.Is(err, errs.Conflict) {
		t.Errorf("it commits into another's claim: %v", err)
	}
	if err := d.commit(t, next, "answer"); err != nil {
		t.Fatal(err)
	}
	d.finish(t, next, "")
	d.ran(t, 1)
	d.replays(t, "k", "body", `"answer"`)
}

func TestEffectThatFails(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	once := d.begin(t, "k", "body")
	tx := table.NewTx()
	tx.Update(d.effects, effectKey(), table.Update{Add: map[string]any{"count": 1}, If: table.Exists()}, table.Named("effect"))
	if err := d.Commit(t.Context(), tx, once, "answer"); table.FailedOp(err, "effect") == nil {
		t.Fatalf("%v, want the effect's condition", err)
	}
	d.ran(t, 0)
	if once.Recorded {
		t.Error("an answer is said to be recorded that isn't")
	}
	if err := d.commit(t, once, "answer"); err != nil {
		t.Fatal(err)
	}
	d.ran(t, 1)
	d.finish(t, once, "")
	d.replays(t, "k", "body", `"answer"`)
}

func TestWithoutKey(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	for range 2 {
		if err := d.commit(t, nil, "answer"); err != nil {
			t.Fatal(err)
		}
	}
	d.ran(t, 2)
}

func TestAnswersAreForgottenAfterADay(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.finish(t, d.begin(t, "k", "body"), "answer")
	d.Advance(23 * time.Hour)
	d.replays(t, "k", "body", "answer")
	// The table has not swept the record yet: its time alone counts.
	d.Advance(2 * time.Hour)
	d.finish(t, d.begin(t, "k", "other body"), "other answer")
	d.replays(t, "k", "other body", "other answer")
}

func TestOnlyADuplicateUnderWayMayBeTriedAgain(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.begin(t, "k", "body")
	for body, want := range map[string]bool{"body": true, "another body": false} {
		_, _, err := d.Begin(t.Context(), scope, "k", []byte(body), []byte(body))
		if refused, ok := errors.AsType[*errs.Error](err); !ok || refused.Kind != errs.Conflict || refused.Retryable != want {
			t.Errorf("%s: %+v, want retryable %v", body, err, want)
		}
	}
}
