package users_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/rapport/rapport/shared/clock"
	"github.com/rapport/rapport/shared/errs"
	"github.com/rapport/rapport/shared/idempotency"
	"github.com/rapport/rapport/shared/table"
	"github.com/rapport/rapport/shared/table/tabletest"
	"github.com/rapport/rapport/shared/users"
)

var errDown = errors.New("the directory is down")

// directory knows everybody but `nobody`, and can't be asked about `down`. What
// runs before an answer may interfere.
type directory struct {
	asked  atomic.Int64
	before func(userID string)
	// called is what it calls people, where that isn't what it calls everybody.
	called map[string]users.Person
}

// Lookup implements users.Directory.
func (d *directory) Lookup(_ context.Context, userID string) (users.Person, error) {
	d.asked.Add(1)
	if d.before != nil {
		d.before(userID)
	}
	switch userID {
	case "nobody":
		return users.Person{}, users.ErrUnknown
	case "down":
		return users.Person{}, errDown
	}
	if person, ok := d.called[userID]; ok {
		return person, nil
	}
	return users.Person{Email: userID + "@example.com", DisplayName: "From the directory"}, nil
}

func newService(t *testing.T) (*users.Service, *directory, *table.Table) {
	t.Helper()
	return newServiceAt(t, clock.NewManual(time.Date(2026, 11, 23, 16, 0, 0, 0, time.UTC)))
}

func newServiceAt(t *testing.T, c clock.Clock) (*users.Service, *directory, *table.Table) {
	t.Helper()
	tables := tabletest.New(t)
	d := &directory{}
	return users.New(tables.Data, tables.Control, d, c, idempotency.New(tables.Control, c)), d, tables.Data
}

func TestEnsure(t *testing.T) {
	t.Parallel()
	s, d, _ := newService(t)
	want := users.User{
		UserID: "ada", Email: "ada@example.com", DisplayName: "From the directory", Revision: 1,
		CreatedAt: time.Date(2026, 11, 23, 16, 0, 0, 0, time.UTC),
	}
	for range 2 {
		got, err := s.Ensure(t.Context(), "ada")
		if err != nil || !cmp.Equal(got, want) {
			t.Errorf("%v (-want +got):\n%s", err, cmp.Diff(want, got))
		}
	}
	if got := d.asked.Load(); got != 1 {
		t.Errorf("the directory was asked %d times", got)
	}
	if _, err := s.Ensure(t.Context(), "nobody"); !errors.Is(err, users.ErrUnknown) {
		t.Errorf("nobody: %v", err)
	}
	if _, err := s.Ensure(t.Context(), "down"); !errs.Is(err, errs.Provider) || !errors.Is(err, errDown) {
		t.Errorf("down: %v, want PROVIDER_ERROR with its cause", err)
	}
}

// Whoever comes second gets what the first has stored, and changes nothing.
func TestCreateMeetsAnother(t *testing.T) {
	t.Parallel()
	s, d, data := newService(t)
	first := users.User{UserID: "ada", Email: "x@example.com", DisplayName: "First", Revision: 3, CreatedAt: time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC)}
	d.before = func(string) {
		if err := data.Put(t.Context(), users.Key("ada"), first); err != nil {
			t.Error(err)
		}
	}
	got, err := s.Create(t.Context(), "ada")
	if err != nil || !cmp.Equal(got, first) {
		t.Errorf("%v (-first +got):\n%s", err, cmp.Diff(first, got))
	}
	stored, err := table.Get[users.User](t.Context(), data, users.Key("ada"))
	if err != nil || !cmp.Equal(stored, first) {
		t.Errorf("stored, %v (-first +stored):\n%s", err, cmp.Diff(first, stored))
	}
}

func TestFind(t *testing.T) {
	t.Parallel()
	s, d, _ := newService(t)
	var ids []string
	for i := range 100 {
		ids = append(ids, fmt.Sprintf("user_%03d", i))
	}
	ids = append(ids, "user_100", "user_100")
	for range 2 {
		got, err := s.Find(t.Context(), ids)
		if err != nil || len(got) != 101 {
			t.Fatalf("found %d of 101, %v", len(got), err)
		}
		for _, id := range ids {
			if got[id].UserID != id {
				t.Errorf("under %s stands %+v", id, got[id])
			}
		}
	}
	if got := d.asked.Load(); got != 101 {
		t.Errorf("the directory was asked %d times, want once about each", got)
	}
	if got, err := s.Find(t.Context(), nil); err != nil || len(got) != 0 {
		t.Errorf("nobody at all: %v, %v", got, err)
	}
	if _, err := s.Find(t.Context(), []string{"user_001", "down", "user_new"}); !errs.Is(err, errs.Provider) {
		t.Errorf("with one that can't be asked about: %v", err)
	}
}

// A list with one unknown id stores nobody, and doesn't ask about that id again
// for a minute.
func TestFindUnknown(t *testing.T) {
	t.Parallel()
	c := clock.NewManual(time.Date(2026, 11, 23, 16, 0, 0, 0, time.UTC))
	s, d, data := newServiceAt(t, c)
	find := func(wantAsked int64) {
		t.Helper()
		before := d.asked.Load()
		got, err := s.Find(t.Context(), []string{"ada", "nobody", "ben"})
		if err != nil || len(got) != 2 || got["ada"].DisplayName != "From the directory" || got["ben"].UserID != "ben" {
			t.Errorf("found %+v, %v, want ada and ben", got, err)
		}
		if asked := d.asked.Load() - before; asked != wantAsked {
			t.Errorf("the directory was asked %d times, want %d", asked, wantAsked)
		}
	}
	find(3)
	for _, id := range []string{"ada", "ben", "nobody"} {
		if _, err := table.Get[users.User](t.Context(), data, users.Key(id)); !errors.Is(err, table.ErrNotFound) {
			t.Errorf("%s is stored: %v", id, err)
		}
	}
	find(2)
	c.Advance(59 * time.Second)
	find(2)
	// The table has not swept the row yet: its time alone counts.
	c.Advance(2 * time.Second)
	find(3)
	if _, err := s.Create(t.Context(), "ada"); err != nil {
		t.Error(err)
	}
	find(1)
}

// What the directory calls people is cleaned, and keeps nobody out.
func TestNamesOfTheDirectory(t *testing.T) {
	t.Parallel()
	s, d, _ := newService(t)
	d.called = map[string]users.Person{
		"turned":     {Email: "turned@example.com", DisplayName: "Grace\u202e(tsoh)"},
		"broken":     {Email: "broken@example.com", DisplayName: "Grace\nHopper\u0000"},
		"unseen":     {Email: "unseen@example.com", DisplayName: "\u200b \u3164"},
		"nameless":   {Email: "\u2060@example.com"},
		"\u200b":     {},
		"decomposed": {DisplayName: " Ame\u0301lie "},
		"long":       {DisplayName: strings.Repeat("é", 300)},
		"heaped":     {DisplayName: "Z" + strings.Repeat("\u0336\u0337", 50) + "algo"},
	}
	for userID, want := range map[string]string{
		"turned": "Grace(tsoh)", "broken": "Grace Hopper", "unseen": "unseen", "nameless": "nameless", "\u200b": "Unnamed",
		"decomposed": "Amélie", "long": strings.Repeat("é", 100), "heaped": "Z\u0336\u0337\u0336\u0337algo",
	} {
		got, err := s.Ensure(t.Context(), userID)
		if err != nil || got.DisplayName != want {
			t.Errorf("%+q is called %+q, %v; want %+q", userID, got.DisplayName, err, want)
		}
	}
}
