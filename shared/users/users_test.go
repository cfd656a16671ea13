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

	"github.com/rapport/rapport/shared/core/audit"
	"github.com/rapport/rapport/shared/core/caller"
	"github.com/rapport/rapport/shared/core/clock"
	"github.com/rapport/rapport/shared/core/errs"
	"github.com/rapport/rapport/shared/core/idempotency"
	"github.com/rapport/rapport/shared/core/identity"
	"github.com/rapport/rapport/shared/core/table/tabletest"
	"github.com/rapport/rapport/shared/users"
)

var errDown = errors.New("the directory is down")

// directory knows everybody but `nobody`, and can't be asked about `down`. What
// runs before an answer may interfere.
type directory struct {
	asked  atomic.Int64
	before func(subject string)
	// called is what it calls people, where that isn't what it calls everybody.
	called map[string]identity.Profile
}

// Lookup implements users.Directory.
func (d *directory) Lookup(_ context.Context, subject string) (identity.Profile, error) {
	d.asked.Add(1)
	if d.before != nil {
		d.before(subject)
	}
	switch subject {
	case "nobody":
		return identity.Profile{}, identity.ErrUnknown
	case "down":
		return identity.Profile{}, errDown
	}
	if person, ok := d.called[subject]; ok {
		return person, nil
	}
	return identity.Profile{Email: subject + "@example.com", DisplayName: "From the directory"}, nil
}

func newService(t *testing.T) (*users.Registrar, *directory, *tabletest.Tables) {
	t.Helper()
	tables := tabletest.New(t)
	c := clock.NewManual(time.Date(2026, 11, 23, 16, 0, 0, 0, time.UTC))
	d := &directory{}
	service := users.New(tables.Data, audit.New(tables.Audit, c), c, idempotency.New(tables.Control, c))
	return users.NewRegistrar(service, d), d, tables
}

// of is who an issuer calls by a subject.
func of(subject string) identity.ID {
	return identity.ID{Issuer: "https://issuer.test/", Subject: subject}
}

// register is a user at first sight.
func register(t *testing.T, s *users.Registrar, id identity.ID) users.User {
	t.Helper()
	c, err := s.Register(t.Context(), id)
	if err != nil {
		t.Fatalf("register %+v: %v", id, err)
	}
	user, err := s.Get(t.Context(), c.UserID)
	if err != nil {
		t.Fatalf("read %+v: %v", id, err)
	}
	want := caller.Caller{UserID: user.UserID, Email: user.Email, DisplayName: user.DisplayName, Revision: user.Revision}
	if diff := cmp.Diff(want, c); diff != "" {
		t.Errorf("registered %+v (-stored +got):\n%s", id, diff)
	}
	return user
}

func TestFind(t *testing.T) {
	t.Parallel()
	s, d, _ := newService(t)
	want := map[string]users.User{}
	ids := []string{"nobody", "subject_001"}
	for i := range 101 {
		user := register(t, s, of(fmt.Sprintf("subject_%03d", i)))
		want[user.UserID] = user
		ids = append(ids, user.UserID, user.UserID)
	}
	before := d.asked.Load()
	got, err := s.Find(t.Context(), ids)
	if err != nil || !cmp.Equal(got, want) {
		t.Errorf("%v (-want +got):\n%s", err, cmp.Diff(want, got))
	}
	if got, err := s.Find(t.Context(), nil); err != nil || len(got) != 0 {
		t.Errorf("nobody at all: %v, %v", got, err)
	}
	if got := d.asked.Load(); got != before {
		t.Error("the directory was asked about ids that are ours")
	}
}

// What the directory calls people is cleaned, and keeps nobody out.
func TestNamesOfTheDirectory(t *testing.T) {
	t.Parallel()
	s, d, _ := newService(t)
	d.called = map[string]identity.Profile{
		"turned":     {Email: "turned@example.com", DisplayName: "Grace\u202e(tsoh)"},
		"broken":     {Email: "broken@example.com", DisplayName: "Grace\nHopper\u0000"},
		"unseen":     {Email: "unseen@example.com", DisplayName: "\u200b \u3164"},
		"nameless":   {Email: "\u2060@example.com"},
		"\u200b":     {},
		"decomposed": {DisplayName: " Ame\u0301lie "},
		"long":       {DisplayName: strings.Repeat("é", 300)},
		"heaped":     {DisplayName: "Z" + strings.Repeat("\u0336\u0337", 50) + "algo"},
	}
	for subject, want := range map[string]string{
		"turned": "Grace(tsoh)", "broken": "Grace Hopper", "unseen": "unseen", "nameless": "nameless", "\u200b": "Unnamed",
		"decomposed": "Amélie", "long": strings.Repeat("é", 100), "heaped": "Z\u0336\u0337\u0336\u0337algo",
	} {
		if got := register(t, s, of(subject)); got.DisplayName != want {
			t.Errorf("%+q is called %+q; want %+q", subject, got.DisplayName, want)
		}
	}
}

func TestWhomTheDirectoryDoesNotTell(t *testing.T) {
	t.Parallel()
	s, _, _ := newService(t)
	if _, err := s.Register(t.Context(), of("nobody")); !errors.Is(err, identity.ErrUnknown) {
		t.Errorf("nobody: %v", err)
	}
	if _, err := s.Register(t.Context(), of("down")); !errs.Is(err, errs.Provider) || !errors.Is(err, errDown) {
		t.Errorf("down: %v, want PROVIDER_ERROR with its cause", err)
	}
	for _, subject := range []string{"nobody", "down"} {
		if _, err := s.Resolve(t.Context(), of(subject)); !errors.Is(err, identity.ErrUnknown) {
			t.Errorf("%s names somebody: %v", subject, err)
		}
	}
}
