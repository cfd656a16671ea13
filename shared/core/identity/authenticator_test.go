package identity_test

import (
	"context"
	"net/http"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/rapport/rapport/shared/core/audit"
	"github.com/rapport/rapport/shared/core/caller"
	"github.com/rapport/rapport/shared/core/clock"
	"github.com/rapport/rapport/shared/core/errs"
	"github.com/rapport/rapport/shared/core/identity"
	"github.com/rapport/rapport/shared/core/session"
	"github.com/rapport/rapport/shared/core/table"
	"github.com/rapport/rapport/shared/core/table/tabletest"
	"github.com/rapport/rapport/shared/testkit"
	"github.com/rapport/rapport/shared/users"
)

// everybody is a directory that knows whoever it is asked about.
type everybody struct{}

// Lookup implements users.Directory.
func (everybody) Lookup(_ context.Context, subject string) (identity.Profile, error) {
	return identity.Profile{Email: subject + "@example.com", DisplayName: subject}, nil
}

// fixture are the authenticators of several instances over one set of tables, which believe
// two issuers and an alias of the second.
type fixture struct {
	t                    *testing.T
	tables               *tabletest.Tables
	clock                *clock.Manual
	users                *users.Registrar
	sessions             *session.Store
	first, second, alias *testkit.Issuer
}

func newFixture(t *testing.T) *fixture {
	t.Helper()
	tables := tabletest.New(t)
	c := clock.NewManual(time.Date(2026, 11, 23, 16, 0, 0, 0, time.UTC))
	f := &fixture{
		t: t, tables: tables, clock: c, users: users.NewRegistrar(users.New(tables.Data, audit.New(tables.Audit, c), c, nil), everybody{}),
		sessions: session.New(tables.Control, c),
		first:    testkit.NewIssuer(t), second: testkit.NewIssuer(t), alias: testkit.NewIssuer(t),
	}
	f.second.Name, f.alias.Name = "https://second.test/", "https://alias.test/"
	return f
}

// authenticator is that of a new instance.
func (f *fixture) authenticator() *identity.Authenticator {
	issuers := []identity.Issuer{
		{Issuer: f.first.Name, JWKSURL: f.first.URL}, {Issuer: f.second.Name, JWKSURL: f.second.URL},
		{Issuer: f.alias.Name, JWKSURL: f.alias.URL, AliasOf: f.second.Name},
	}
	v := identity.NewVerifier(issuers, identity.NewKeySets(f.tables.Control, f.clock, http.DefaultClient), f.clock)
	return identity.NewAuthenticator(v, f.users, f.sessions)
}

// authenticate gives the caller of a token, and how the tables were read for it.
func (f *fixture) authenticate(g *identity.Authenticator, by *testkit.Issuer, subject, sid string) (caller.Caller, *table.Meter, error) {
	f.t.Helper()
	token := by.Sign(f.t, jwt.MapClaims{"iss": by.Name, "sub": subject, "sid": sid, "exp": f.clock.Now().Add(time.Minute).Unix()})
	ctx, meter := table.WithMeter(f.t.Context())
	c, err := g.Bearer(ctx, token)
	return c, meter, err
}

func (f *fixture) caller(g *identity.Authenticator, by *testkit.Issuer, subject string) caller.Caller {
	f.t.Helper()
	c, _, err := f.authenticate(g, by, subject, "session_1")
	if err != nil {
		f.t.Fatal(err)
	}
	return c
}

// One subject of two issuers is two people with two sessions; of an issuer and
// its alias it is one.
func TestSecondIssuer(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	g := f.authenticator()
	ada, other, same := f.caller(g, f.first, "user_1"), f.caller(g, f.second, "user_1"), f.caller(g, f.alias, "user_1")
	if ada.UserID == other.UserID || ada.SessionID == other.SessionID {
		t.Errorf("two people are one: %+v, %+v", ada, other)
	}
	if same.UserID != other.UserID || same.SessionID != other.SessionID {
		t.Errorf("one person is two: %+v, %+v", other, same)
	}
	if err := f.sessions.End(t.Context(), other.SessionID); err != nil {
		t.Fatal(err)
	}
	for _, g := range []*identity.Authenticator{g, f.authenticator()} {
		f.caller(g, f.first, "user_1")
		for _, by := range []*testkit.Issuer{f.second, f.alias} {
			if _, _, err := f.authenticate(g, by, "user_1", "session_1"); !errs.Is(err, errs.Unauthorized) {
				t.Errorf("%s: a session that has ended: %v", by.Name, err)
			}
		}
	}
}

// An identity that was attached is the user's own, also to an instance that knows
// the user by another.
func TestAttachedIdentity(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	g := f.authenticator()
	ada := f.caller(g, f.first, "user_1")
	id := identity.ID{Issuer: f.second.Name, Subject: "ada"}
	if err := f.users.Attach(t.Context(), caller.Caller{}, ada.UserID, id); err != nil {
		t.Fatal(err)
	}
	for _, g := range []*identity.Authenticator{g, f.authenticator()} {
		got := f.caller(g, f.second, "ada")
		if got.UserID != ada.UserID || got.Email != ada.Email || got.SessionID == ada.SessionID {
			t.Errorf("came back as %+v, was %+v", got, ada)
		}
	}
}

// What a call costs before it does anything: one read of two items by an instance
// that has met the person.
func TestCostOfATokensCaller(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	g := f.authenticator()
	f.caller(g, f.first, "somebody else") // the instance has the keys
	for _, tt := range []struct {
		name        string
		instance    *identity.Authenticator
		calls       int
		read, write float64
	}{
		{"first sight", g, 2, 2, 6},
		{"again", g, 1, 2, 0},
		{"and again", g, 1, 2, 0},
	} {
		_, meter, err := f.authenticate(tt.instance, f.first, "user_1", "session_1")
		if err != nil || meter.Calls() != tt.calls || meter.Read() != tt.read || meter.Write() != tt.write {
			t.Errorf("%s: %d calls, %v read and %v write units, %v; want %d, %v, %v",
				tt.name, meter.Calls(), meter.Read(), meter.Write(), err, tt.calls, tt.read, tt.write)
		}
	}
	another := f.authenticator()
	f.caller(another, f.first, "somebody else")
	if _, meter, err := f.authenticate(another, f.first, "user_1", "session_1"); err != nil || meter.Calls() != 2 || meter.Read() != 3 {
		t.Errorf("an instance that meets the person: %d calls, %v read units, %v; want 2 and 3", meter.Calls(), meter.Read(), err)
	}
}

// Whoever comes back after they were erased is somebody new, also to an instance
// that remembers them.
func TestErasedUser(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	g := f.authenticator()
	before := f.caller(g, f.first, "user_1")
	rows, err := table.List[struct{}](t.Context(), f.tables.Data, table.Query{PK: "USER#" + before.UserID})
	if err != nil || len(rows.Items) != 2 {
		t.Fatalf("the user has %d rows, %v; want a profile and an identity", len(rows.Items), err)
	}
	keys := []table.Key{users.IdentityKey(identity.ID{Issuer: f.first.Name, Subject: "user_1"})}
	for _, row := range rows.Items {
		keys = append(keys, row.Key)
	}
	if err := f.tables.Data.DeleteAll(t.Context(), keys...); err != nil {
		t.Fatal(err)
	}
	after := f.caller(g, f.first, "user_1")
	if after.UserID == before.UserID || after.UserID == "" {
		t.Errorf("was %q, came back as %q", before.UserID, after.UserID)
	}
	if again := f.caller(f.authenticator(), f.first, "user_1"); again.UserID != after.UserID {
		t.Errorf("%q to one instance, %q to another", after.UserID, again.UserID)
	}
}
