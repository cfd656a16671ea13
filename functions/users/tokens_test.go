package users_test

import (
	"crypto/x509"
	"encoding/pem"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/rapport/rapport/functions"
	"github.com/rapport/rapport/shared/core/errs"
	"github.com/rapport/rapport/shared/testkit"
)

// What the verifier refuses has tests beside it; these go through the adapter.
func TestTokens(t *testing.T) {
	t.Parallel()
	h := testkit.New(t, functions.All())
	ada := h.User("ada")
	ada.Call(t, "GET /v1/me", nil).Expect(t, 200)

	key := h.Issuer.Key()
	kid := map[string]any{"kid": key.ID}
	mine := testkit.NewSigningKey(t, key.ID)
	public, err := x509.MarshalPKIXPublicKey(&key.Private.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	forged := func(method jwt.SigningMethod, by any, header map[string]any) string {
		return testkit.SignWith(t, method, by, ada.Claims(), header)
	}
	in := func(d time.Duration) int64 { return time.Now().Add(d).Unix() }
	good := ada.Token(t)
	signature := strings.LastIndex(good, ".") + 1
	refused := map[string]string{
		"malformed":                "hello",
		"cut":                      good[:len(good)/2],
		"without signature":        good[:signature],
		"somebody else's claims":   h.User("ben").Token(t)[:strings.LastIndex(h.User("ben").Token(t), ".")+1] + good[signature:],
		"expired":                  ada.Token(t, jwt.MapClaims{"exp": in(-10 * time.Second)}),
		"not yet valid":            ada.Token(t, jwt.MapClaims{"nbf": in(time.Minute)}),
		"without end":              ada.Token(t, jwt.MapClaims{"exp": nil}),
		"of another issuer":        ada.Token(t, jwt.MapClaims{"iss": "https://evil.test/"}),
		"without subject":          ada.Token(t, jwt.MapClaims{"sub": nil}),
		"without session":          ada.Token(t, jwt.MapClaims{"sid": nil}),
		"of nobody":                ada.Token(t, jwt.MapClaims{"sub": "subject_nobody"}),
		"unsigned":                 forged(jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType, kid),
		"signed with a public key": forged(jwt.SigningMethodHS256, pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: public}), kid),
		"signed by me":             forged(jwt.SigningMethodRS256, mine.Private, kid),
		"with my key in it":        forged(jwt.SigningMethodRS256, mine.Private, map[string]any{"kid": key.ID, "jwk": mine.JWK()}),
		"with my key's address":    forged(jwt.SigningMethodRS256, mine.Private, map[string]any{"kid": key.ID, "jku": "https://evil.test/jwks"}),
		"with my certificate":      forged(jwt.SigningMethodRS256, mine.Private, map[string]any{"kid": key.ID, "x5u": "https://evil.test/cert"}),
		"with an unknown key id":   forged(jwt.SigningMethodRS256, mine.Private, map[string]any{"kid": "key-9"}),
	}
	fetches := h.Issuer.Fetches()
	h.ChangesNothing(t, func() {
		for name, token := range refused {
			answer := ada.Call(t, "GET /v1/me", nil, testkit.Bearer(token))
			problem := answer.Refused(t, errs.Unauthorized)
			if answer.Header.Get("WWW-Authenticate") != "Bearer" || strings.Contains(problem.Detail, token) {
				t.Errorf("%s: %v %s", name, answer.Header, answer.Body)
			}
			if t.Failed() {
				t.Fatalf("a token that is %s", name)
			}
		}
		h.Nobody().Call(t, "GET /v1/me", nil).Refused(t, errs.Unauthorized)
		ada.Call(t, "GET /v1/me", nil, testkit.Header("Authorization", "Basic "+good)).Refused(t, errs.Unauthorized)
	})
	if got := h.Issuer.Fetches(); got != fetches {
		t.Errorf("forged tokens made %d fetches of the key set", got-fetches)
	}
	ada.Call(t, "GET /v1/me", nil, testkit.Header("Authorization", "bearer "+good)).Expect(t, 200)
	ada.Call(t, "GET /v1/me", nil, testkit.Bearer(ada.Token(t, jwt.MapClaims{"exp": in(-time.Second)}))).Expect(t, 200)
}

func TestEndedSession(t *testing.T) {
	t.Parallel()
	h := testkit.New(t, functions.All())
	ada, ben := h.User("ada"), h.User("ben")
	ada.Call(t, "GET /v1/me", nil).Expect(t, 200)
	for range 2 {
		if err := ada.EndSession(t.Context()); err != nil {
			t.Fatal(err)
		}
		ada.Call(t, "GET /v1/me", nil).Refused(t, errs.Unauthorized)
		ada.Call(t, "POST /v1/meetings", `{"title":"x"}`).Refused(t, errs.Unauthorized)
	}
	ada.Session = "session_of_the_next_day"
	ada.Call(t, "GET /v1/me", nil).Expect(t, 200)
	ben.Call(t, "GET /v1/me", nil).Expect(t, 200)
}

func TestKeysOfTheIssuer(t *testing.T) {
	t.Parallel()
	h := testkit.New(t, functions.All())
	ada := h.User("ada")
	h.Issuer.Down(http.StatusServiceUnavailable)
	ada.Call(t, "GET /v1/me", nil).Refused(t, errs.Provider)

	// Another harness, because nobody asks again within ten seconds.
	h = testkit.New(t, functions.All())
	ada = h.User("ada")
	ada.Call(t, "GET /v1/me", nil).Expect(t, 200)
	h.Issuer.Down(http.StatusServiceUnavailable)
	h.Restart()
	ada.Call(t, "GET /v1/me", nil).Expect(t, 200)
	if got := h.Issuer.Fetches(); got != 1 {
		t.Errorf("%d fetches of the key set, want 1: a cold function has it from the table", got)
	}
}
