package issuer

import (
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/rapport/rapport/infra/local/dev"
	"github.com/rapport/rapport/shared/core/clock"
	"github.com/rapport/rapport/shared/core/identity/workos"
	"github.com/rapport/rapport/shared/core/identity/workos/workostest"
)

// fakeAPI takes webhooks as the API does, and answers who somebody is.
type fakeAPI struct {
	secret string
	clock  clock.Clock

	mu      sync.Mutex
	refused int
	asked   int
	ended   []string
}

func (a *fakeAPI) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodGet && r.URL.Path == "/v1/me" {
		a.serveMe(w, r)
		return
	}
	body, err := io.ReadAll(r.Body)
	if err != nil || workos.NewSignatures(workostest.Secret(a.secret), a.clock).Check(r.Context(), r.Header.Get(workos.SignatureHeader), body) != nil {
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	var event struct {
		Event string
		Data  struct {
			ID     string
			UserID string `json:"user_id"`
		}
	}
	if json.Unmarshal(body, &event) != nil || event.Event != "session.revoked" {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.refused > 0 {
		a.refused--
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	}
	a.ended = append(a.ended, event.Data.UserID+" "+event.Data.ID)
}

// serveMe answers who calls, each time they ask.
func (a *fakeAPI) serveMe(w http.ResponseWriter, r *http.Request) {
	claims := jwt.MapClaims{}
	_, _, err := jwt.NewParser().ParseUnverified(strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer "), claims)
	sub, named := claims["sub"].(string)
	a.mu.Lock()
	defer a.mu.Unlock()
	a.asked++
	if a.refused > 0 {
		a.refused--
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	}
	if err != nil || !named {
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	dev.WriteJSON(w, map[string]string{"userId": ours(sub)})
}

// userID is the id that the API gives to somebody whom the issuer knows by another.
func ours(sub string) string { return "our " + sub }

// taken gives what has ended since it was last asked.
func (a *fakeAPI) taken() []string {
	a.mu.Lock()
	defer a.mu.Unlock()
	ended := a.ended
	a.ended = nil
	slices.Sort(ended)
	return ended
}

// newIssuer is an issuer whose webhooks go to an API, on a clock of its own.
func newIssuer(t *testing.T, dir string, c clock.Clock, api *fakeAPI) *Issuer {
	t.Helper()
	server := httptest.NewServer(api)
	t.Cleanup(server.Close)
	i, err := New(Options{Dir: dir, URL: url, APIKey: apiKey, Clock: c, APIURL: server.URL, WebhookSecret: "whsec"})
	if err != nil {
		t.Fatal(err)
	}
	return i
}

// begun gives a new token's subject and session.
func begun(t *testing.T, i *Issuer, r TokenRequest) string {
	t.Helper()
	token, err := i.Mint(r)
	if err != nil {
		t.Fatal(err)
	}
	claims := jwt.MapClaims{}
	if _, _, err := jwt.NewParser().ParseUnverified(token.AccessToken, claims); err != nil {
		t.Fatal(err)
	}
	sub, _ := claims["sub"].(string)
	sid, _ := claims["sid"].(string)
	return sub + " " + sid
}

func TestRevokeEndsAllSessionsOfOne(t *testing.T) {
	c := clock.NewManual(time.Date(2026, time.March, 1, 12, 0, 0, 0, time.UTC))
	api := &fakeAPI{secret: "whsec", clock: c}
	dir := t.TempDir()
	i := newIssuer(t, dir, c, api)
	raw := func(text string) json.RawMessage { return json.RawMessage(text) }
	short := 1
	want := []string{
		begun(t, i, TokenRequest{User: "ada"}),
		begun(t, i, TokenRequest{User: "ada", ExpiresInSeconds: &short}),
		begun(t, i, TokenRequest{User: "grace", Claims: map[string]json.RawMessage{"sub": raw(`"user_ada"`), "sid": raw(`"session_own"`)}}),
	}
	begun(t, i, TokenRequest{User: "grace"})
	begun(t, i, TokenRequest{User: "ada", Claims: map[string]json.RawMessage{"sid": raw(`null`)}})
	// A token of the past, and one that is over with all that it can have opened.
	begun(t, i, TokenRequest{User: "ada", Claims: map[string]json.RawMessage{"exp": raw(`1`)}})
	slices.Sort(want)

	// The runner is started again; a token has ended, a socket of it has not.
	if err := i.Close(); err != nil {
		t.Fatal(err)
	}
	c.Advance(2 * time.Minute)
	i = newIssuer(t, dir, c, api)
	server := httptest.NewServer(i.Handler(slog.New(slog.DiscardHandler)))
	t.Cleanup(server.Close)
	api.refused = 2
	status, body, _ := call(t, "POST", server.URL+"/dev/revoke", `{"user":"ada"}`)
	if status != 200 || strings.TrimSpace(string(body)) != `{"sessions":3}` {
		t.Errorf("answered %d %s", status, body)
	}
	if got := api.taken(); !slices.Equal(got, want) {
		t.Errorf("ended %v, want %v", got, want)
	}

	again := begun(t, i, TokenRequest{User: "ada"})
	if _, err := i.Revoke(t.Context(), "ada"); err != nil {
		t.Fatal(err)
	}
	if got := api.taken(); !slices.Equal(got, []string{again}) {
		t.Errorf("ended %v, want the one new session %s", got, again)
	}
	begun(t, i, TokenRequest{User: "ada"})
	c.Advance(24 * time.Hour)
	if _, err := i.Revoke(t.Context(), "ada"); err != nil || len(api.taken()) > 0 {
		t.Errorf("a session that has long been over was ended: %v", err)
	}
	if err := i.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestRevokeThatFails(t *testing.T) {
	c := clock.NewManual(time.Date(2026, time.March, 1, 12, 0, 0, 0, time.UTC))
	api := &fakeAPI{secret: "another", clock: c}
	i := newIssuer(t, "", c, api)
	server := httptest.NewServer(i.Handler(slog.New(slog.DiscardHandler)))
	t.Cleanup(server.Close)
	begun(t, i, TokenRequest{User: "ada"})
	if status, body, _ := call(t, "POST", server.URL+"/dev/revoke", `{"user":"ada"}`); status != 502 {
		t.Errorf("answered %d %s, want 502", status, body)
	}
	api.secret = "whsec"
	api.refused = sendTries
	if status, body, _ := call(t, "POST", server.URL+"/dev/revoke", `{"user":"ada"}`); status != 502 {
		t.Errorf("answered %d %s, want 502", status, body)
	}
	if status, body, _ := call(t, "POST", server.URL+"/dev/revoke", `{"user":"ada"}`); status != 200 || len(api.taken()) != 1 {
		t.Errorf("the session that could not be ended before: %d %s", status, body)
	}
	for _, body := range []string{``, `[]`, `{}`, `{"user":7}`, `{"user":""}`, `{"user":"ada","x":1}`, `{"user":"ada"}{}`} {
		if status, text, _ := call(t, "POST", server.URL+"/dev/revoke", body); status != 400 {
			t.Errorf("%s: answered %d %s, want 400", body, status, text)
		}
	}
	if status, _, header := call(t, "GET", server.URL+"/dev/revoke", ""); status != 405 || header.Get("Allow") != "POST" {
		t.Errorf("GET: %d, Allow %q", status, header.Get("Allow"))
	}
}

// The journal of sessions does not grow with those that are over.
func TestSessionsAreTidied(t *testing.T) {
	c := clock.NewManual(time.Date(2026, time.March, 1, 12, 0, 0, 0, time.UTC))
	dir := t.TempDir()
	s, err := openSessions(dir, c)
	if err != nil {
		t.Fatal(err)
	}
	live := session{UserID: "user_ada"}
	for n := range 3000 {
		live.ID, live.Until = "session_"+strings.Repeat("x", n%7)+clock.NewID(c), c.Now().Add(time.Hour)
		if err := s.begin(live); err != nil {
			t.Fatal(err)
		}
		if err := s.end(live); err != nil {
			t.Fatal(err)
		}
	}
	if s.lines > 1100 {
		t.Errorf("the journal has %d lines for no session", s.lines)
	}
	live.ID = "session_last"
	if err := s.begin(live); err != nil {
		t.Fatal(err)
	}
	if err := s.close(); err != nil {
		t.Fatal(err)
	}
	if s, err = openSessions(dir, c); err != nil || len(s.of("user_ada")) != 1 {
		t.Errorf("read again: %v, %v; want one session", s.of("user_ada"), err)
	}
	if err := s.close(); err != nil {
		t.Fatal(err)
	}
}
