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

// doors are the authenticators of several instances over one set of tables, which believe
// two issuers and an alias of the second.
type doors struct {
	t                    *testing.T
	tables               *tabletest.Tables
	clock                *clock.Manual
	users                *users.Registrar
	sessions             *session.Store
	first, second, alias *testkit.Issuer
}

func newDoors(t *testing.T) *doors {
	t.Helper()
	tables := tabletest.New(t)
	c := clock.NewManual(time.Date(2026, 11, 23, 16, 0, 0, 0, time.UTC))
	d := &doors{
		t: t, tables: tables, clock: c, users: users.NewRegistrar(users.New(tables.Data, audit.New(tables.Audit, c), c, nil), everybody{}),
		sessions: session.New(tables.Control, c),
		first:    testkit.NewIssuer(t), second: testkit.NewIssuer(t), alias: testkit.NewIssuer(t),
	}
	d.second.Name, d.alias.Name = "https://second.test/", "https://alias.test/"
	return d
}

// authenticator is that of a new instance.
func (d *doors) authenticator() *identity.Authenticator {
	issuers := []identity.Issuer{
		{Issuer: d.first.Name, JWKSURL: d.first.URL}, {Issuer: d.second.Name, JWKSURL: d.second.URL},
		{Issuer: d.alias.Name, JWKSURL: d.alias.URL, AliasOf: d.second.Name},
	}
	v := identity.NewVerifier(issuers, identity.NewKeySets(d.tables.Control, d.clock, http.DefaultClient), d.clock)
	return identity.NewAuthenticator(v, d.users, d.sessions)
}

// enter gives the caller of a token, and how the tables were read for it.
func (d *doors) enter(g *identity.Authenticator, by *testkit.Issuer, subject, sid string) (caller.Caller, *table.Meter, error) {
	d.t.Helper()
	token := by.Sign(d.t, jwt.MapClaims{"iss": by.Name, "sub": subject, "sid": sid, "exp": d.clock.Now().Add(time.Minute).Unix()})
	ctx, meter := table.WithMeter(d.t.Context())
	c, err := g.Bearer(ctx, token)
	return c, meter, err
}

func (d *doors) in(g *identity.Authenticator, by *testkit.Issuer, subject string) caller.Caller {
	d.t.Helper()
	c, _, err := d.enter(g, by, subject, "session_1")
	if err != nil {
		d.t.Fatal(err)
	}
	return c
}

// One subject of two issuers is two people with two sessions; of an issuer and
// its alias it is one.
func TestSecondIssuer(t *testing.T) {
	t.Parallel()
	d := newDoors(t)
	g := d.authenticator()
	ada, other, same := d.in(g, d.first, "user_1"), d.in(g, d.second, "user_1"), d.in(g, d.alias, "user_1")
	if ada.UserID == other.UserID || ada.SessionID == other.SessionID {
		t.Errorf("two people are one: %+v, %+v", ada, other)
	}
	if same.UserID != other.UserID || same.SessionID != other.SessionID {
		t.Errorf("one person is two: %+v, %+v", other, same)
	}
	if err := d.sessions.End(t.Context(), other.SessionID); err != nil {
		t.Fatal(err)
	}
	for _, g := range []*identity.Authenticator{g, d.authenticator()} {
		d.in(g, d.first, "user_1")
		for _, by := range []*testkit.Issuer{d.second, d.alias} {
			if _, _, err := d.enter(g, by, "user_1", "session_1"); !errs.Is(err, errs.Unauthorized) {
				t.Errorf("%s: a session that has ended: %v", by.Name, err)
			}
		}
	}
}

// An identity that was attached is the user's own, also to an instance that knows
// the user by another.
func TestAttachedIdentity(t *testing.T) {
	t.Parallel()
	d := newDoors(t)
	g := d.authenticator()
	ada := d.in(g, d.first, "user_1")
	id := identity.ID{Issuer: d.second.Name, Subject: "ada"}
	if err := d.users.Attach(t.Context(), caller.Caller{}, ada.UserID, id); err != nil {
		t.Fatal(err)
	}
	for _, g := range []*identity.Authenticator{g, d.authenticator()} {
		got := d.in(g, d.second, "ada")
		if got.UserID != ada.UserID || got.Email != ada.Email || got.SessionID == ada.SessionID {
			t.Errorf("came back as %+v, was %+v", got, ada)
		}
	}
}

// What a call costs before it does anything: one read of two items by an instance
// that has met the person.
func TestCostOfATokensCaller(t *testing.T) {
	t.Parallel()
	d := newDoors(t)
	g := d.authenticator()
	d.in(g, d.first, "somebody else") // the instance has the keys
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
		_, meter, err := d.enter(tt.instance, d.first, "user_1", "session_1")
		if err != nil || meter.Calls() != tt.calls || meter.Read() != tt.read || meter.Write() != tt.write {
			t.Errorf("%s: %d calls, %v read and %v write units, %v; want %d, %v, %v",
				tt.name, meter.Calls(), meter.Read(), meter.Write(), err, tt.calls, tt.read, tt.write)
		}
	}
	another := d.authenticator()
	d.in(another, d.first, "somebody else")
	if _, meter, err := d.enter(another, d.first, "user_1", "session_1"); err != nil || meter.Calls() != 2 || meter.Read() != 3 {
		t.Errorf("an instance that meets the person: %d calls, %v read units, %v; want 2 and 3", meter.Calls(), meter.Read(), err)
	}
}

// Whoever comes back after they were erased is somebody new, also to an instance
// that remembers them.
func TestErasedUser(t *testing.T) {
	t.Parallel()
	d := newDoors(t)
	g := d.authenticator()
	before := d.in(g, d.first, "user_1")
	rows, err := table.List[struct{}](t.Context(), d.tables.Data, table.Query{PK: "USER#" + before.UserID})
	if err != nil || len(rows.Items) != 2 {
		t.Fatalf("the user has %d rows, %v; want a profile and an identity", len(rows.Items), err)
	}
	keys := []table.Key{users.IdentityKey(identity.ID{Issuer: d.first.Name, Subject: "user_1"})}
	for _, row := range rows.Items {
		keys = append(keys, row.Key)
	}
	if err := d.tables.Data.DeleteAll(t.Context(), keys...); err != nil {
		t.Fatal(err)
	}
	after := d.in(g, d.first, "user_1")
	if after.UserID == before.UserID || after.UserID == "" {
		t.Errorf("was %q, came back as %q", before.UserID, after.UserID)
	}
	if again := d.in(d.authenticator(), d.first, "user_1"); again.UserID != after.UserID {
		t.Errorf("%q to one instance, %q to another", after.UserID, again.UserID)
	}
}
