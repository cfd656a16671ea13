package users_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/rapport/rapport/shared/core/audit"
	"github.com/rapport/rapport/shared/core/caller"
	"github.com/rapport/rapport/shared/core/errs"
	"github.com/rapport/rapport/shared/core/identity"
	"github.com/rapport/rapport/shared/core/table"
	"github.com/rapport/rapport/shared/testkit"
	"github.com/rapport/rapport/shared/users"
)

func TestRegister(t *testing.T) {
	t.Parallel()
	s, d, _ := newService(t)
	first, second := register(t, s, of("ada")), register(t, s, of("ada"))
	want := users.User{
		UserID: first.UserID, Email: "ada@example.com", DisplayName: "From the directory", Revision: 1,
		CreatedAt: time.Date(2026, 11, 23, 16, 0, 0, 0, time.UTC),
	}
	if !cmp.Equal(first, want) || !cmp.Equal(second, want) {
		t.Errorf("(-want +first):\n%s(-want +second):\n%s", cmp.Diff(want, first), cmp.Diff(want, second))
	}
	if first.UserID == "" || strings.Contains(first.UserID, "ada") {
		t.Errorf("the id %q is not ours", first.UserID)
	}
	userID, err := s.Resolve(t.Context(), of("ada"))
	if err != nil || userID != first.UserID {
		t.Errorf("the identity names %q, %v; want %q", userID, err, first.UserID)
	}
	stored, err := s.Get(t.Context(), userID)
	if err != nil || !cmp.Equal(stored, want) {
		t.Errorf("stored, %v (-want +got):\n%s", err, cmp.Diff(want, stored))
	}
	if got := d.asked.Load(); got != 2 {
		t.Errorf("the directory was asked %d times", got)
	}
}

// Whoever comes at once by one identity is one user.
func TestRegisterAtOnce(t *testing.T) {
	t.Parallel()
	s, _, tables := newService(t)
	ids := testkit.AtOnce(8, func(int) string {
		user, err := s.Register(t.Context(), of("ada"))
		if err != nil {
			t.Error(err)
		}
		return user.UserID
	})
	slices.Sort(ids)
	if ids = slices.Compact(ids); len(ids) != 1 || ids[0] == "" {
		t.Fatalf("one person has the ids %q", ids)
	}
	if got := identities(t, tables.Data, ids[0]); !cmp.Equal(got, []identity.ID{of("ada")}) {
		t.Errorf("the user has %v", got)
	}
}

// Issuer and subject name somebody together: neither does alone, and what is
// written into one is not read out of the other.
func TestIdentitiesAreApart(t *testing.T) {
	t.Parallel()
	s, _, _ := newService(t)
	seen := map[string]identity.ID{}
	for _, id := range []identity.ID{
		{Issuer: "https://a.test", Subject: "ada"},
		{Issuer: "https://a.test/", Subject: "ada"},
		{Issuer: "https://b.test", Subject: "ada"},
		{Issuer: "https://b.test", Subject: "Ada"},
		{Issuer: "https://b.test", Subject: " ada"},
		{Issuer: "https://b.testa", Subject: "da"},
		{Issuer: "https://b.test#a", Subject: "da"},
		{Issuer: "https://b.test", Subject: "#a#da"},
		{Issuer: "https://b.test", Subject: "a\u0301da"},
		{Issuer: "https://b.test", Subject: strings.Repeat("x", 255)},
	} {
		user := register(t, s, id)
		if other, known := seen[user.UserID]; known {
			t.Errorf("%+v and %+v are one user", other, id)
		}
		seen[user.UserID] = id
	}
}

func TestAttach(t *testing.T) {
	t.Parallel()
	s, _, tables := newService(t)
	ada, ben := register(t, s, of("ada")), register(t, s, of("ben"))
	another := func(subject string) identity.ID {
		return identity.ID{Issuer: "https://another.test/", Subject: subject}
	}
	operator := caller.Caller{UserID: "operator", RequestID: "request_1"}
	attach := func(userID string, id identity.ID) error { return s.Attach(t.Context(), operator, userID, id) }
	if err := attach(ada.UserID, another("1")); err != nil {
		t.Fatal(err)
	}
	if userID, err := s.Resolve(t.Context(), another("1")); err != nil || userID != ada.UserID {
		t.Errorf("the identity names %q, %v; want %q", userID, err, ada.UserID)
	}
	for _, tt := range []struct {
		name   string
		userID string
		id     identity.ID
		want   errs.Kind
	}{
		{"the same again", ada.UserID, another("1"), errs.Conflict},
		{"what names another", ben.UserID, another("1"), errs.Conflict},
		{"what names another from the first", ben.UserID, of("ada"), errs.Conflict},
		{"a second of that issuer", ada.UserID, another("2"), errs.Conflict},
		{"a second of the first issuer", ada.UserID, of("ada's other"), errs.Conflict},
		{"to nobody", "01K0NOBODY0000000000000000", another("3"), errs.NotFound},
		{"no issuer", ben.UserID, identity.ID{Subject: "3"}, errs.Validation},
		{"no subject", ben.UserID, another(""), errs.Validation},
		{"a long subject", ben.UserID, another(strings.Repeat("x", 256)), errs.Validation},
	} {
		if err := attach(tt.userID, tt.id); !errs.Is(err, tt.want) {
			t.Errorf("%s: %v, want %s", tt.name, err, tt.want)
		}
	}
	if _, err := s.Resolve(t.Context(), another("2")); !errors.Is(err, identity.ErrUnknown) {
		t.Errorf("what was refused names somebody: %v", err)
	}
	if got := identities(t, tables.Data, ada.UserID); len(got) != 2 || !slices.Contains(got, of("ada")) || !slices.Contains(got, another("1")) {
		t.Errorf("ada has %v", got)
	}
	trail, err := table.List[audit.Entry](t.Context(), tables.Audit, table.Query{PK: "AUDIT#users/" + ada.UserID})
	if err != nil || len(trail.Items) != 1 || trail.Values()[0].Action != users.ActionAttach || trail.Values()[0].UserID != "operator" {
		t.Errorf("audited %v, %v; want what was done, once", trail.Values(), err)
	}
}

// Of two who attach one identity to different users at once, one succeeds; so
// does one of two who attach different ones of an issuer to a user.
func TestAttachAtOnce(t *testing.T) {
	t.Parallel()
	s, _, _ := newService(t)
	people := []users.User{register(t, s, of("ada")), register(t, s, of("ben"))}
	done := func(attach func(i int) error) (n int) {
		for _, err := range testkit.AtOnce(2, attach) {
			switch {
			case err == nil:
				n++
			case !errs.Is(err, errs.Conflict) && !errors.Is(err, table.ErrTransactionConflict):
				t.Error(err)
			}
		}
		return n
	}
	if n := done(func(i int) error {
		return s.Attach(t.Context(), caller.Caller{}, people[i].UserID, identity.ID{Issuer: "https://another.test/", Subject: "1"})
	}); n != 1 {
		t.Errorf("%d users are named by one identity", n)
	}
	if n := done(func(i int) error {
		return s.Attach(t.Context(), caller.Caller{}, people[0].UserID, identity.ID{Issuer: "https://third.test/", Subject: people[i].UserID})
	}); n != 1 {
		t.Errorf("a user has %d identities of one issuer", n)
	}
}

// A provider's person who was brought here by another way first is no newcomer.
func TestRegisterMeetsAnAttachedIdentity(t *testing.T) {
	t.Parallel()
	s, d, _ := newService(t)
	ada := register(t, s, of("ada"))
	late := identity.ID{Issuer: "https://another.test/", Subject: "ada"}
	d.before = func(string) {
		if err := s.Attach(t.Context(), caller.Caller{}, ada.UserID, late); err != nil {
			t.Error(err)
		}
	}
	if got := register(t, s, late); got.UserID != ada.UserID {
		t.Errorf("%q was made beside %q", got.UserID, ada.UserID)
	}
}

// identities are those that lie with a user.
func identities(t *testing.T, data *table.Table, userID string) (all []identity.ID) {
	t.Helper()
	page, err := table.List[identity.ID](t.Context(), data, table.Query{PK: "USER#" + userID, Prefix: "IDENTITY#"})
	if err != nil {
		t.Fatal(err)
	}
	return page.Values()
}
