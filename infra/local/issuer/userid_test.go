package issuer

import (
	"log/slog"
	"net/http/httptest"
	"testing"

	"github.com/rapport/rapport/shared/core/clock"
)

// A token's answer names whom its claims name, as far as that is somebody.
func TestTokensTellTheIDOfWhomTheyName(t *testing.T) {
	_, server := start(t, "")
	mint(t, server, `{"user":"grace"}`)
	for body, want := range map[string]string{
		`{"user":"ada"}`: "user_ada",
		`{"user":"ada","claims":{"sub":"user_grace"}}`:              "user_grace",
		`{"user":"ada","claims":{"sub":"user_nobody"}}`:             "user_ada",
		`{"user":"ada","claims":{"sub":null}}`:                      "user_ada",
		`{"user":"ada","claims":{"sub":7}}`:                         "user_ada",
		`{"user":"ada","claims":{"iss":"https://evil.example"}}`:    "user_ada",
		`{"user":"ada","claims":{"exp":1,"sid":null}}`:              "user_ada",
		`{"user":"somebody new","claims":{"sub":"user_margaret"}}`:  "user_margaret",
		`{"user":"ada","expiresInSeconds":1,"claims":{"email":""}}`: "user_ada",
	} {
		if got := mint(t, server, body).UserID; got != ours(want) {
			t.Errorf("%s: %q, want %q", body, got, ours(want))
		}
	}
}

// The functions are asked about a person once, and again while they don't say.
func TestUserIDIsAskedOnce(t *testing.T) {
	api := &fakeAPI{secret: "whsec", clock: clock.System{}, refused: 1}
	i := newIssuer(t, "", clock.System{}, api)
	server := httptest.NewServer(i.Handler(slog.New(slog.DiscardHandler)))
	t.Cleanup(server.Close)
	for range 3 {
		mint(t, server, `{"user":"ada"}`)
	}
	if api.asked != 2 {
		t.Errorf("asked %d times, want once and once more after the refusal", api.asked)
	}
	api.refused = sendTries
	if status, text, _ := call(t, "POST", server.URL+"/dev/token", `{"user":"grace"}`); status != 502 {
		t.Errorf("while the functions are down: %d %s, want 502", status, text)
	}
	api.refused = 2
	if status, text, _ := call(t, "GET", server.URL+"/dev/users", ""); status != 200 {
		t.Errorf("the list: %d %s", status, text)
	}
}
