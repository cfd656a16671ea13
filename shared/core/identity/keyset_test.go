package identity_test

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rapport/rapport/shared/core/clock"
	"github.com/rapport/rapport/shared/core/errs"
	"github.com/rapport/rapport/shared/core/identity"
	"github.com/rapport/rapport/shared/core/table"
	"github.com/rapport/rapport/shared/core/table/tabletest"
	"github.com/rapport/rapport/shared/testkit"
)

// fleet is many functions that trust one issuer and share the table Control.
type fleet struct {
	issuer  *testkit.Issuer
	control *table.Table
	clock   clock.Clock
}

func newFleet(t *testing.T) (*fleet, *clock.Manual) {
	t.Helper()
	c := clock.NewManual(time.Date(2026, 11, 23, 16, 0, 0, 0, time.UTC))
	return &fleet{testkit.NewIssuer(t), tabletest.One(t), c}, c
}

// cold is a function that has just started.
func (f *fleet) cold() *identity.KeySets {
	return identity.NewKeySets(f.control, f.clock, &http.Client{Timeout: 5 * time.Second})
}

// knows reports whether a function has the key; another error than that it is
// unknown fails the test.
func (f *fleet) knows(t *testing.T, function *identity.KeySets, kid string) bool {
	t.Helper()
	key, err := f.key(t.Context(), function, kid)
	if err != nil && strings.Contains(err.Error(), "unknown key") {
		return false
	}
	if err != nil || key == nil {
		t.Fatalf("key %s: %v", kid, err)
	}
	return true
}

func (f *fleet) key(ctx context.Context, function *identity.KeySets, kid string) (*rsa.PublicKey, error) {
	return function.Key(ctx, identity.Issuer{Issuer: f.issuer.Name, JWKSURL: f.issuer.URL}, kid)
}

func TestColdFunctionNeedsNoCallOutside(t *testing.T) {
	t.Parallel()
	f, c := newFleet(t)
	for range 3 {
		if !f.knows(t, f.cold(), "key-1") {
			t.Error("the key is unknown")
		}
		c.Advance(19 * time.Minute)
	}
	if got := f.issuer.Fetches(); got != 1 {
		t.Errorf("%d fetches, want 1", got)
	}
	f.issuer.Down(http.StatusServiceUnavailable)
	if !f.knows(t, f.cold(), "key-1") {
		t.Error("while the issuer is down, a key in the table is unknown")
	}
}

func TestManyColdFunctionsAtOnceFetchOnce(t *testing.T) {
	t.Parallel()
	f, _ := newFleet(t)
	f.clock = clock.System{}
	for i, err := range testkit.AtOnce(8, func(int) error {
		_, err := f.key(t.Context(), f.cold(), "key-1")
		return err
	}) {
		if err != nil {
			t.Errorf("function %d: %v", i, err)
		}
	}
	if got := f.issuer.Fetches(); got != 1 {
		t.Errorf("%d fetches, want 1", got)
	}
}

func TestMadeUpKeyIDsFetchAtMostEveryTenSeconds(t *testing.T) {
	t.Parallel()
	f, c := newFleet(t)
	functions := []*identity.KeySets{f.cold(), f.cold(), f.cold()}
	const seconds = 35
	for second := range seconds {
		for i, function := range functions {
			for n := range 10 {
				if f.knows(t, function, fmt.Sprintf("made-up-%d-%d-%d", second, i, n)) {
					t.Fatal("a made-up key id is known")
				}
			}
			if !f.knows(t, function, "key-1") {
				t.Fatal("in the flood, the right key is unknown")
			}
		}
		c.Advance(time.Second)
	}
	if got := f.issuer.Fetches(); got < 2 || got > 1+seconds/10 {
		t.Errorf("%d fetches in %d s, want at most one in 10 s", got, seconds)
	}
}

func TestRotation(t *testing.T) {
	t.Parallel()
	f, c := newFleet(t)
	warm := f.cold()
	if !f.knows(t, warm, "key-1") {
		t.Fatal("the first key is unknown")
	}
	f.issuer.Publish(testkit.NewSigningKey(t, "key-2"), f.issuer.Key())
	c.Advance(11 * time.Second)
	for name, function := range map[string]*identity.KeySets{"warm": warm, "cold": f.cold()} {
		for _, kid := range []string{"key-2", "key-1"} {
			if !f.knows(t, function, kid) {
				t.Errorf("a %s function does not know %s", name, kid)
			}
		}
	}
	if got := f.issuer.Fetches(); got != 2 {
		t.Errorf("%d fetches, want 2", got)
	}
}

// impatient is a clock that does something while it is waited on.
type impatient struct {
	*clock.Manual
	asleep func()
}

// Sleep implements clock.Clock.
func (i impatient) Sleep(ctx context.Context, d time.Duration) error {
	i.asleep()
	return i.Manual.Sleep(ctx, d)
}

// While one function fetches, another that meets the new key waits for it, and
// doesn't remember it as unknown.
func TestRotationUnderWay(t *testing.T) {
	t.Parallel()
	f, c := newFleet(t)
	waiting := f.cold()
	if !f.knows(t, waiting, "key-1") {
		t.Fatal("the first key is unknown")
	}
	c.Advance(11 * time.Second)
	document, err := json.Marshal(map[string]any{"keys": []any{testkit.NewSigningKey(t, "key-2").JWK(), f.issuer.Key().JWK()}})
	if err != nil {
		t.Fatal(err)
	}
	asked, release, fetched := make(chan struct{}), make(chan struct{}), make(chan error, 1)
	f.issuer.Answer(func(w http.ResponseWriter) {
		close(asked)
		<-release
		_, _ = w.Write(document)
	})
	slow := f.cold()
	go func() {
		_, err := f.key(t.Context(), slow, "key-2")
		fetched <- err
	}()
	<-asked
	// Whoever needs no new key waits for nobody.
	began := c.Now()
	if !f.knows(t, waiting, "key-1") || !f.knows(t, f.cold(), "key-1") || c.Now() != began {
		t.Errorf("a known key takes %s while the set is fetched", c.Now().Sub(began))
	}
	var once sync.Once
	f.clock = impatient{c, func() {
		once.Do(func() {
			close(release)
			if err := <-fetched; err != nil {
				t.Errorf("the one that fetches: %v", err)
			}
		})
	}}
	if !f.knows(t, f.cold(), "key-2") {
		t.Error("the key that is being fetched is unknown")
	}
	once.Do(func() { close(release); <-fetched })
	if !f.knows(t, waiting, "key-2") {
		t.Error("the key that was being fetched is remembered as unknown")
	}
}

// A fetch that died is waited for once, and no longer than it may take.
func TestAbandonedFetchIsTakenOver(t *testing.T) {
	t.Parallel()
	f, c := newFleet(t)
	ctx, die := context.WithCancel(t.Context())
	f.issuer.Answer(func(http.ResponseWriter) { die() })
	if _, err := f.key(ctx, f.cold(), "key-1"); err == nil {
		t.Fatal("a dying function has the key")
	}
	f.issuer.Up()
	began := c.Now()
	for range 3 {
		if _, err := f.key(t.Context(), f.cold(), "key-1"); !errs.Is(err, errs.Provider) {
			t.Errorf("%v, want PROVIDER_ERROR", err)
		}
	}
	if waited := c.Now().Sub(began); waited < 3*time.Second || waited > 4*time.Second {
		t.Errorf("three calls waited %s for it, want about 3 s in all", waited)
	}
	c.Advance(10 * time.Second)
	if !f.knows(t, f.cold(), "key-1") {
		t.Error("the key is unknown ever after")
	}
}

func TestWithdrawnKey(t *testing.T) {
	t.Parallel()
	f, c := newFleet(t)
	warm := f.cold()
	f.knows(t, warm, "key-1")
	f.issuer.Publish(testkit.NewSigningKey(t, "key-2"))
	c.Advance(59 * time.Minute)
	if !f.knows(t, warm, "key-1") {
		t.Error("within the hour the set is fetched anew")
	}
	c.Advance(2 * time.Minute)
	if f.knows(t, f.cold(), "key-1") {
		t.Error("a cold function believes a key that was withdrawn an hour ago")
	}
	if f.knows(t, warm, "key-1") {
		t.Error("a warm function believes a key that was withdrawn an hour ago")
	}
}

func TestIssuerDown(t *testing.T) {
	t.Parallel()
	f, c := newFleet(t)
	f.issuer.Down(http.StatusServiceUnavailable)
	began := c.Now()
	for name, function := range map[string]*identity.KeySets{"first": f.cold(), "second": f.cold()} {
		if _, err := f.key(t.Context(), function, "key-1"); !errs.Is(err, errs.Provider) {
			t.Errorf("the %s function: %v, want PROVIDER_ERROR", name, err)
		}
	}
	if got := f.issuer.Fetches(); got != 1 {
		t.Errorf("%d fetches within ten seconds, want 1", got)
	}
	if c.Now() != began {
		t.Errorf("the second function waits %s for a fetch that has failed", c.Now().Sub(began))
	}
	f.issuer.Up()
	c.Advance(11 * time.Second)
	warm := f.cold()
	if !f.knows(t, warm, "key-1") {
		t.Fatal("the issuer is up, but its key is unknown")
	}

	// What is known goes on serving while the issuer can't be reached.
	f.issuer.Down(http.StatusBadGateway)
	c.Advance(2 * time.Hour)
	if !f.knows(t, warm, "key-1") || !f.knows(t, f.cold(), "key-1") {
		t.Error("an issuer that is down locks everybody out")
	}
	f.issuer.Publish(testkit.NewSigningKey(t, "key-2"))
	f.issuer.Up()
	c.Advance(11 * time.Second)
	if f.knows(t, warm, "key-1") {
		t.Error("the issuer is up again, but its withdrawn key is believed")
	}
}

func TestKeySetDocuments(t *testing.T) {
	t.Parallel()
	small, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	with := func(change map[string]string) map[string]string {
		key := testkit.SigningKey{ID: "other", Private: small}.JWK()
		for name, value := range change {
			key[name] = value
		}
		return key
	}
	tests := []struct {
		name  string
		other map[string]string
	}{
		{"a small key", with(nil)},
		{"a key to encrypt", with(map[string]string{"use": "enc"})},
		{"a key for another algorithm", with(map[string]string{"alg": "RS512"})},
		{"a key of another kind", map[string]string{"kty": "EC", "crv": "P-256", "kid": "other", "x": "AA", "y": "AA"}},
		{"a secret", map[string]string{"kty": "oct", "kid": "other", "k": "c2VjcmV0"}},
		{"a kind from the future", map[string]string{"kty": "PQ", "kid": "other"}},
		{"a key without its number", map[string]string{"kty": "RSA", "kid": "other", "e": "AQAB"}},
		{"a key that is no base64", with(map[string]string{"n": "!!!"})},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			f, c := newFleet(t)
			document, err := json.Marshal(map[string]any{"keys": []any{tt.other, f.issuer.Key().JWK()}})
			if err != nil {
				t.Fatal(err)
			}
			f.issuer.Answer(func(w http.ResponseWriter) { _, _ = w.Write(document) })
			function := f.cold()
			if !f.knows(t, function, "key-1") {
				t.Error("the good key beside it is unknown")
			}
			c.Advance(11 * time.Second)
			if f.knows(t, function, "other") {
				t.Error("it may sign")
			}
		})
	}
}

func TestKeySetsThatAreNone(t *testing.T) {
	t.Parallel()
	for name, document := range map[string]string{
		"a page": "<html>Welcome</html>", "nothing": "", "a list": "[]", "too large": `{"keys":[]}` + strings.Repeat(" ", 257<<10),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f, _ := newFleet(t)
			f.issuer.Answer(func(w http.ResponseWriter) { _, _ = io.WriteString(w, document) })
			if _, err := f.key(t.Context(), f.cold(), "key-1"); !errs.Is(err, errs.Provider) {
				t.Errorf("%v, want PROVIDER_ERROR", err)
			}
		})
	}
}

func TestKeySetWaitsForItsContext(t *testing.T) {
	t.Parallel()
	f, _ := newFleet(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := f.key(ctx, f.cold(), "key-1"); !errors.Is(err, context.Canceled) {
		t.Errorf("%v, want the context's error", err)
	}
}
