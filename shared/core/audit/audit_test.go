package audit_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/rapport/rapport/shared/core/audit"
	"github.com/rapport/rapport/shared/core/caller"
	"github.com/rapport/rapport/shared/core/clock"
	"github.com/rapport/rapport/shared/core/table"
	"github.com/rapport/rapport/shared/core/table/tabletest"
)

func TestLog(t *testing.T) {
	t.Parallel()
	tables := tabletest.New(t)
	c := clock.NewManual(time.Date(2026, 11, 23, 16, 0, 0, 0, time.UTC))
	l := audit.New(tables.Audit, c)
	ada := caller.Caller{UserID: "user_ada", SessionID: "session_1", RequestID: "request_1", Email: "ada@example.com"}

	// Written on its own, in a transaction, and about parts of one resource.
	if err := l.Record(t.Context(), ada, "meetings.start", "meetings/1", audit.Denied); err != nil {
		t.Fatal(err)
	}
	c.Advance(time.Second)
	tx := table.NewTx()
	l.Add(tx, ada, "meetings.remove", "meetings/1/participants/user_ben")
	if err := tx.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := l.Record(t.Context(), ada, "meetings.get", "meetings/2", audit.Done); err != nil {
		t.Fatal(err)
	}

	page, err := table.List[audit.Entry](t.Context(), tables.Audit, table.Query{PK: "AUDIT#meetings/1"})
	if err != nil {
		t.Fatal(err)
	}
	at := time.Date(2026, 11, 23, 16, 0, 0, 0, time.UTC)
	want := []audit.Entry{
		{At: at, UserID: "user_ada", SessionID: "session_1", RequestID: "request_1", Action: "meetings.start", Resource: "meetings/1", Result: audit.Denied},
		{At: at.Add(time.Second), UserID: "user_ada", SessionID: "session_1", RequestID: "request_1", Action: "meetings.remove",
			Resource: "meetings/1/participants/user_ben", Result: audit.Done},
	}
	if diff := cmp.Diff(want, page.Values()); diff != "" {
		t.Errorf("what happened to one meeting, in order (-want +got):\n%s", diff)
	}
}

func TestAnEntryStandsExactlyWhenItsEffectDoes(t *testing.T) {
	t.Parallel()
	tables := tabletest.New(t)
	l := audit.New(tables.Audit, clock.System{})
	tx := table.NewTx()
	tx.Put(tables.Data, table.Key{PK: "A", SK: "A"}, struct{}{}, table.If(table.Exists()))
	l.Add(tx, caller.Caller{UserID: "user_ada"}, "meetings.start", "meetings/1")
	if err := tx.Commit(t.Context()); err == nil {
		t.Fatal("the effect happened")
	}
	page, err := table.List[audit.Entry](t.Context(), tables.Audit, table.Query{PK: "AUDIT#meetings/1"})
	if err != nil || len(page.Items) != 0 {
		t.Errorf("entries without effect: %v, %v", page.Values(), err)
	}
}
