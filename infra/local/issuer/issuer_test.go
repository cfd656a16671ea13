package issuer

import (
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"math/big"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/google/go-cmp/cmp"
	"github.com/workos/workos-go/v4/pkg/usermanagement"
	"github.com/workos/workos-go/v4/pkg/workos_errors"

	"github.com/rapport/rapport/shared/core/clock"
)

const (
	url    = "http://localhost:3000/dev"
	apiKey = "sk_local"
)

func start(t *testing.T, dir string) (*Issuer, *httptest.Server) {
	t.Helper()
	api := httptest.NewServer(&fakeAPI{})
	t.Cleanup(api.Close)
	i, err := New(Options{Dir: dir, URL: url, APIKey: apiKey, APIURL: api.URL, Clock: clock.System{}})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(i.Handler(slog.New(slog.DiscardHandler)))
	t.Cleanup(func() {
		server.Close()
		if err := i.Close(); err != nil {
			t.Error(err)
		}
	})
	return i, server
}

func call(t *testing.T, method, address, body string) (int, []byte, http.Header) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, address, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, text, response.Header
}

func mint(t *testing.T, server *httptest.Server, body string) issued {
	t.Helper()
	status, text, _ := call(t, "POST", server.URL+"/dev/token", body)
	if status != http.StatusOK {
		t.Fatalf("%s: %d %s", body, status, text)
	}
	var token issued
	if err := json.Unmarshal(text, &token); err != nil {
		t.Fatal(err)
	}
	return token
}

// verify checks a token with the published keys alone, as a function does.
func verify(t *testing.T, server *httptest.Server, token string) (jwt.MapClaims, error) {
	t.Helper()
	_, text, _ := call(t, "GET", server.URL+"/dev/jwks", "")
	var set struct {
		Keys []struct{ Kty, Use, Alg, Kid, N, E string }
	}
	if err := json.Unmarshal(text, &set); err != nil {
		t.Fatal(err)
	}
	claims := jwt.MapClaims{}
	_, err := jwt.ParseWithClaims(token, claims, func(token *jwt.Token) (any, error) {
		for _, key := range set.Keys {
			if key.Kid != token.Header["kid"] || key.Kty != "RSA" || key.Use != "sig" || key.Alg != "RS256" {
				continue
			}
			n, nErr := base64.RawURLEncoding.DecodeString(key.N)
			e, eErr := base64.RawURLEncoding.DecodeString(key.E)
			return &rsa.PublicKey{N: new(big.Int).SetBytes(n), E: int(new(big.Int).SetBytes(e).Int64())}, errors.Join(nErr, eErr)
		}
		return nil, errors.New("no such key")
	}, jwt.WithValidMethods([]string{"RS256"}), jwt.WithIssuer(url), jwt.WithExpirationRequired())
	return claims, err
}

func TestTokensAreThoseOfWorkOS(t *testing.T) {
	_, server := start(t, "")
	first, second := mint(t, server, `{"user":"ada"}`), mint(t, server, `{"user":"ada","expiresInSeconds":60}`)
	if first.UserID != ours("user_ada") || first.ExpiresIn != 3600 || second.UserID != ours("user_ada") || second.ExpiresIn != 60 {
		t.Errorf("answers %+v, %+v", first, second)
	}
	claims, err := verify(t, server, first.AccessToken)
	if err != nil {
		t.Fatal(err)
	}
	short, err := verify(t, server, second.AccessToken)
	if err != nil {
		t.Fatal(err)
	}
	if claims["sub"] != "user_ada" || claims["org_id"] != "org_local" || claims["role"] != "member" || claims["jti"] == "" ||
		claims["exp"].(float64)-claims["iat"].(float64) != 3600 || short["exp"].(float64)-short["iat"].(float64) != 60 {
		t.Errorf("claims %v", claims)
	}
	if sid, ok := claims["sid"].(string); !ok || !strings.HasPrefix(sid, "session_") || sid == short["sid"] {
		t.Errorf("sessions %v and %v", claims["sid"], short["sid"])
	}
}

func TestClaimsReplaceAndRemove(t *testing.T) {
	_, server := start(t, "")
	token := mint(t, server, `{"user":"ada","claims":{"permissions":["admin"],"org_id":null,"sid":null,"extra":{"n":12345678901234567890}}}`)
	claims, err := verify(t, server, token.AccessToken)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]any{"admin"}, claims["permissions"]); diff != "" {
		t.Error(diff)
	}
	for _, gone := range []string{"org_id", "sid"} {
		if value, there := claims[gone]; there {
			t.Errorf("%s is %v", gone, value)
		}
	}
	for body, want := range map[string]error{
		`{"user":"ada","claims":{"exp":1}}`:                      jwt.ErrTokenExpired,
		`{"user":"ada","claims":{"nbf":9999999999}}`:             jwt.ErrTokenNotValidYet,
		`{"user":"ada","claims":{"exp":null}}`:                   jwt.ErrTokenRequiredClaimMissing,
		`{"user":"ada","claims":{"iss":"https://evil.example"}}`: jwt.ErrTokenInvalidIssuer,
	} {
		if _, err := verify(t, server, mint(t, server, body).AccessToken); !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", body, err, want)
		}
	}
}

// Whoever is written strangely signs in all the same, and is shown as it can be.
func TestStrangeNamesSignIn(t *testing.T) {
	i, server := start(t, "")
	want := map[string]string{
		"grace\u202e(tsoh)": "Grace(tsoh)", "\u200b": "user_-", "\u2060ada": "ada", "\u05d0\u05d3\u05d4": "\u05d0\u05d3\u05d4",
		"\U0001f469\u200d\U0001f467 ada": "\U0001f469\u200d\U0001f467 ada",
	}
	for name := range want {
		body, err := json.Marshal(map[string]string{"user": name})
		if err != nil {
			t.Fatal(err)
		}
		if status, text, _ := call(t, "POST", server.URL+"/dev/token", string(body)); status != 200 {
			t.Errorf("%+q: %d %s", name, status, text)
		}
	}
	for _, user := range i.Users() {
		if shown, ok := want[user.Name]; ok && !strings.HasPrefix(user.DisplayName(), shown) {
			t.Errorf("%+q is shown as %+q, want %+q", user.Name, user.DisplayName(), shown)
		}
	}
}

func TestTokenRequestsThatAreRefused(t *testing.T) {
	i, server := start(t, "")
	before := len(i.Users())
	tests := []struct {
		name, give   string
		want         int
		wantCode     string
		wantLocation string
	}{
		{"no JSON", `user=ada`, 400, "VALIDATION_ERROR", "body"},
		{"empty", ``, 400, "VALIDATION_ERROR", "body"},
		{"a list", `[]`, 400, "VALIDATION_ERROR", "body"},
		{"two objects", `{"user":"new"}{}`, 400, "VALIDATION_ERROR", "body"},
		{"unknown field", `{"user":"new","name":"x"}`, 400, "VALIDATION_ERROR", "body"},
		{"bad UTF-8", "{\"user\":\"\xff\"}", 400, "VALIDATION_ERROR", "body"},
		{"no user", `{}`, 400, "VALIDATION_ERROR", "body.user"},
		{"user of another type", `{"user":7}`, 400, "VALIDATION_ERROR", "body.user"},
		{"user with a control character", `{"user":"a\u0000b"}`, 400, "VALIDATION_ERROR", "body.user"},
		{"user with white space around", `{"user":" new"}`, 400, "VALIDATION_ERROR", "body.user"},
		{"long user", `{"user":"` + strings.Repeat("x", 65) + `"}`, 400, "VALIDATION_ERROR", "body.user"},
		{"no life", `{"user":"new","expiresInSeconds":0}`, 400, "VALIDATION_ERROR", "body.expiresInSeconds"},
		{"long life", `{"user":"new","expiresInSeconds":86401}`, 400, "VALIDATION_ERROR", "body.expiresInSeconds"},
		{"claims of another type", `{"user":"new","claims":[]}`, 400, "VALIDATION_ERROR", "body.claims"},
		{"large", `{"user":"` + strings.Repeat("x", 17<<10) + `"}`, 413, "PAYLOAD_TOO_LARGE", ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			status, text, header := call(t, "POST", server.URL+"/dev/token", test.give)
			var problem struct {
				Code      string
				RequestID string
				Errors    []struct{ Location, Detail string }
			}
			if err := json.Unmarshal(text, &problem); err != nil {
				t.Fatal(err)
			}
			if status != test.want || problem.Code != test.wantCode || problem.RequestID == "" ||
				header.Get("Content-Type") != "application/problem+json" {
				t.Errorf("%d %s", status, text)
			}
			if test.wantLocation != "" && (len(problem.Errors) != 1 || problem.Errors[0].Location != test.wantLocation || problem.Errors[0].Detail == "") {
				t.Errorf("errors %v, want %s", problem.Errors, test.wantLocation)
			}
		})
	}
	if after := len(i.Users()); after != before {
		t.Errorf("refused requests made %d users", after-before)
	}
	if status, _, header := call(t, "GET", server.URL+"/dev/token", ""); status != 405 || header.Get("Allow") != "POST" {
		t.Errorf("GET: %d, Allow %q", status, header.Get("Allow"))
	}
	if status, _, _ := call(t, "GET", server.URL+"/dev/nothing", ""); status != 404 {
		t.Errorf("unknown path: %d", status)
	}
}

func TestNamesGiveDifferentIDs(t *testing.T) {
	seen := map[string]string{}
	for _, name := range []string{"ada", "Ada", "ada.l", "ada l", "ada@l", "ada-l", "ádá", "阿达", "ada/../x"} {
		id := identifier(name)
		if other, taken := seen[id]; taken {
			t.Errorf("%q and %q are both %s", name, other, id)
		}
		seen[id] = name
		if strings.Trim(id, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-") != "" {
			t.Errorf("%q gives %q", name, id)
		}
	}
	if identifier("ada") != "user_ada" {
		t.Errorf("ada is %s", identifier("ada"))
	}
}

func TestKeyAndPeopleSurviveARestart(t *testing.T) {
	dir := t.TempDir()
	first, err := New(Options{Dir: dir, URL: url, Clock: clock.System{}})
	if err != nil {
		t.Fatal(err)
	}
	token, err := first.Mint(TokenRequest{User: "zoë"})
	if err != nil {
		t.Fatal(err)
	}
	want := first.Users()
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(filepath.Join(dir, keyFile))
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode().Perm() != 0o600 {
		t.Errorf("the key's mode is %v", info.Mode())
	}
	// A crash in the middle of a line.
	people, err := os.OpenFile(filepath.Join(dir, peopleFile), os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := people.WriteString(`{"name":"half`); err != nil {
		t.Fatal(err)
	}
	if err := people.Close(); err != nil {
		t.Fatal(err)
	}

	second, server := start(t, dir)
	if _, err := verify(t, server, token.AccessToken); err != nil {
		t.Errorf("an old token: %v", err)
	}
	if diff := cmp.Diff(want, second.Users()); diff != "" {
		t.Error(diff)
	}
	mint(t, server, `{"user":"later"}`)
	third, _ := start(t, dir)
	if len(third.Users()) != len(want)+1 {
		t.Errorf("%d users, want %d", len(third.Users()), len(want)+1)
	}
}

func TestADamagedKeyIsNotReplaced(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, keyFile)
	if err := os.WriteFile(path, []byte("nonsense"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := New(Options{Dir: dir, URL: url, Clock: clock.System{}}); err == nil || !strings.Contains(err.Error(), path) {
		t.Errorf("error %v doesn't name the file", err)
	}
	if text, err := os.ReadFile(path); err != nil || string(text) != "nonsense" {
		t.Errorf("the file is now %q, %v", text, err)
	}
}

func TestUsersForTheConsole(t *testing.T) {
	_, server := start(t, "")
	mint(t, server, `{"user":"zoë k"}`)
	_, text, _ := call(t, "GET", server.URL+"/dev/users", "")
	var got struct{ Items []listed }
	if err := json.Unmarshal(text, &got); err != nil {
		t.Fatal(err)
	}
	if len(got.Items) != 5 {
		t.Fatalf("%s", text)
	}
	want := listed{"ada", ours("user_ada"), "Ada Lovelace", "ada@example.com"}
	if diff := cmp.Diff(want, got.Items[0]); diff != "" {
		t.Error(diff)
	}
	if last := got.Items[4]; last.User != "zoë k" || last.DisplayName != "Zoë k" {
		t.Errorf("%+v", last)
	}
}

func TestWorkOSsOwnClient(t *testing.T) {
	_, server := start(t, "")
	client := usermanagement.NewClient(apiKey)
	client.Endpoint = server.URL + "/dev/workos"
	client.HTTPClient = &http.Client{Timeout: 20 * time.Second}

	user, err := client.GetUser(t.Context(), usermanagement.GetUserOpts{User: "user_grace"})
	if err != nil {
		t.Fatal(err)
	}
	if user.ID != "user_grace" || user.FirstName != "Grace" || user.LastName != "Hopper" || user.Email != "grace@example.com" ||
		!user.EmailVerified || user.CreatedAt != "2026-01-01T00:00:00.000Z" {
		t.Errorf("%+v", user)
	}
	for _, id := range []string{"user_nobody", "grace", "user_%C3%A9"} {
		_, err = client.GetUser(t.Context(), usermanagement.GetUserOpts{User: id})
		if missing, ok := errors.AsType[workos_errors.HTTPError](err); !ok || missing.Code != 404 || missing.ErrorCode != "entity_not_found" {
			t.Errorf("unknown user %s: %v", id, err)
		}
	}
	client.APIKey = "wrong"
	_, err = client.GetUser(t.Context(), usermanagement.GetUserOpts{User: "user_grace"})
	if refused, ok := errors.AsType[workos_errors.HTTPError](err); !ok || refused.Code != 401 {
		t.Errorf("wrong key: %v", err)
	}
}
