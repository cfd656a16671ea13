package secret_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/rapport/rapport/shared/core/clock"
	"github.com/rapport/rapport/shared/core/secret"
	"github.com/rapport/rapport/shared/core/secret/secretsmanager"
	"github.com/rapport/rapport/shared/testkit/secrets"
)

const name = "rapport/test/key"

// world is a secret in Secrets Manager, over the real client, on a clock that tests move.
type world struct {
	clock *clock.Manual
	store *secrets.Store
	down  atomic.Bool
	key   *secret.Secret
}

func newWorld(t *testing.T, deployed bool) *world {
	t.Helper()
	w := &world{clock: clock.NewManual(time.Date(2026, time.March, 1, 12, 0, 0, 0, time.UTC))}
	w.store = secrets.New("us-east-1", "123456789012", w.clock)
	server := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if w.down.Load() {
			secrets.Fail(rw, http.StatusBadRequest, "AccessDeniedException", "Down for the test")
			return
		}
		w.store.ServeHTTP(rw, r)
	}))
	t.Cleanup(server.Close)
	w.key = secret.New(secretsmanager.New(secretsmanager.Config{Region: "us-east-1", AccessKeyID: "k", SecretAccessKey: "s", Endpoint: server.URL}), name, w.clock, deployed)
	return w
}

// tries gives the values that are tried where one is accepted, and whether it was.
func (w *world) tries(t *testing.T, accepted string) (tried []string, ok bool) {
	t.Helper()
	ok, err := w.key.Try(t.Context(), func(value string) (bool, error) {
		tried = append(tried, value)
		return value == accepted, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return tried, ok
}

func (w *world) expect(t *testing.T, accepted string, want ...string) {
	t.Helper()
	tried, ok := w.tries(t, accepted)
	if diff := cmp.Diff(want, tried); diff != "" {
		t.Errorf("tried (-want +got):\n%s", diff)
	}
	if known := len(want) > 0 && want[len(want)-1] == accepted; ok != known {
		t.Errorf("accepted %v, want %v", ok, known)
	}
}

func TestRotation(t *testing.T) {
	t.Parallel()
	w := newWorld(t, true)
	w.store.Put(name, "a")
	w.expect(t, "a", "a")
	w.store.Put(name, "b")
	w.expect(t, "a", "a") // as it was read
	w.expect(t, "b", "a", "b")
	w.expect(t, "a", "b", "a")
	w.clock.Advance(secret.Overlap - time.Second)
	w.expect(t, "a", "b", "a")
	w.clock.Advance(time.Second)
	w.expect(t, "a", "b")
	w.expect(t, "b", "b")
}

// What was read is used for a while, and then read again without a refusal.
func TestLife(t *testing.T) {
	t.Parallel()
	w := newWorld(t, true)
	w.store.Put(name, "a")
	w.expect(t, "a", "a")
	reads := w.store.Reads()
	w.clock.Advance(secret.Life - time.Second)
	w.expect(t, "a", "a")
	if got := w.store.Reads(); got != reads {
		t.Errorf("%d reads within its life, want %d", got, reads)
	}
	w.store.Put(name, "b")
	w.clock.Advance(time.Second)
	w.expect(t, "b", "b")
}

// A leaked value is gone within its life where the new one is put twice.
func TestLeak(t *testing.T) {
	t.Parallel()
	w := newWorld(t, true)
	w.store.Put(name, "leaked")
	w.expect(t, "leaked", "leaked")
	w.store.Put(name, "b")
	w.store.Put(name, "b")
	w.clock.Advance(secret.Life)
	w.expect(t, "leaked", "b")
}

// A rotation that is taken back leaves both values valid, from the newer one on.
func TestRotationTakenBack(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, time.March, 1, 12, 0, 0, 0, time.UTC)
	key := secret.New(fixed{secret.Versions{
		Current: secret.Version{Value: "a", CreatedAt: at.AddDate(0, -1, 0)}, Previous: &secret.Version{Value: "b", CreatedAt: at},
	}}, name, clock.NewManual(at), true)
	w := &world{key: key}
	w.expect(t, "b", "a", "b")
}

// Refused values make it be read again, but not at each of them, nor for as many calls
// at once.
func TestRefusalsAreBounded(t *testing.T) {
	t.Parallel()
	w := newWorld(t, true)
	w.store.Put(name, "a")
	w.expect(t, "a", "a")
	for range 5 {
		before := w.store.Reads()
		for range 100 {
			w.expect(t, "forged", "a")
		}
		if got := w.store.Reads() - before; got != 2 {
			t.Errorf("%d values were asked for by 100 forgeries, want two: the current one and the one before", got)
		}
		w.clock.Advance(secret.RefreshInterval)
	}
}

func TestWhatCannotBeRead(t *testing.T) {
	t.Parallel()
	fails := func(t *testing.T, w *world, want string) {
		t.Helper()
		_, err := w.key.Try(t.Context(), func(string) (bool, error) { return true, nil })
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "local-") {
			t.Errorf("got %v, want an error with %q", err, want)
		}
	}
	w := newWorld(t, true)
	fails(t, w, secret.ErrNotFound.Error())
	w.store.Put(name, "")
	fails(t, w, "empty")
	w.store.Put(name, "local-key")
	fails(t, w, "a laptop's value")
	// Nor is such a value valid while it is the one before.
	w.store.Put(name, "a")
	w.expect(t, "local-key", "a")
	w.store.Put(name, "")
	w.store.Put(name, "a")
	w.clock.Advance(secret.Life)
	w.expect(t, "", "a")
	w.clock.Advance(secret.RefreshInterval)

	// What is known is not used beyond its life, and a refusal is no answer where it
	// may be wrong.
	w.down.Store(true)
	w.expect(t, "a", "a")
	if _, err := w.key.Try(t.Context(), func(string) (bool, error) { return false, nil }); err == nil {
		t.Error("a value was refused that may be the new one")
	}
	w.clock.Advance(secret.Life)
	fails(t, w, "AccessDeniedException")

	laptop := newWorld(t, false)
	laptop.store.Put(name, "local-key")
	laptop.expect(t, "local-key", "local-key")
}

// An error of the one who tries ends it, and a printed version shows nothing.
func TestErrorsAndPrints(t *testing.T) {
	t.Parallel()
	w := newWorld(t, true)
	w.store.Put(name, "a")
	broken := errors.New("broken")
	if _, err := w.key.Try(t.Context(), func(string) (bool, error) { return false, broken }); !errors.Is(err, broken) {
		t.Errorf("got %v", err)
	}
	v := secret.Version{Value: "hidden"}
	var logged strings.Builder
	slog.New(slog.NewJSONHandler(&logged, nil)).Info("read", "version", v)
	for _, shown := range []string{fmt.Sprintf("%v %+v %#v %s %q", v, v, v, v, v), fmt.Sprintf("%+v", secret.Versions{Current: v}), logged.String()} {
		if strings.Contains(shown, "hidden") {
			t.Errorf("shown: %s", shown)
		}
	}
}

// fixed is a store that always gives the same.
type fixed struct{ versions secret.Versions }

// Read implements secret.Store.
func (f fixed) Read(context.Context, string) (secret.Versions, error) { return f.versions, nil }
