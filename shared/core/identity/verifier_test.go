package identity_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"maps"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/google/go-cmp/cmp"

	"github.com/rapport/rapport/shared/core/clock"
	"github.com/rapport/rapport/shared/core/errs"
	"github.com/rapport/rapport/shared/core/identity"
	"github.com/rapport/rapport/shared/core/table/tabletest"
	"github.com/rapport/rapport/shared/testkit"
)

// bench is a verifier with its issuer, at a fixed time.
type bench struct {
	*identity.Verifier
	issuer *testkit.Issuer
	clock  *clock.Manual
}

func newBench(t *testing.T) bench {
	t.Helper()
	issuer := testkit.NewIssuer(t)
	c := clock.NewManual(time.Date(2026, 11, 23, 16, 0, 0, 0, time.UTC))
	keys := identity.NewKeySets(tabletest.One(t), c, http.DefaultClient)
	return bench{identity.NewVerifier([]identity.Issuer{{Issuer: issuer.Name, JWKSURL: issuer.URL}}, keys, c), issuer, c}
}

// claims are good ones, with changes; nil removes one.
func (b bench) claims(changes jwt.MapClaims) jwt.MapClaims {
	claims := jwt.MapClaims{
		"iss": b.issuer.Name, "sub": "user_1", "sid": "session_1", "org_id": "org_1", "role": "member",
		"permissions": []string{"admin"}, "exp": b.clock.Now().Add(time.Minute).Unix(),
	}
	maps.Copy(claims, changes)
	maps.DeleteFunc(claims, func(_ string, v any) bool { return v == nil })
	return claims
}

func TestVerify(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	got, err := b.Verify(t.Context(), b.issuer.Sign(t, b.claims(nil)))
	if err != nil {
		t.Fatal(err)
	}
	if got.Subject != "user_1" || got.SessionID != "session_1" || got.OrgID != "org_1" || got.Role != "member" || !cmp.Equal(got.Permissions, []string{"admin"}) {
		t.Errorf("got %+v", got)
	}
}

func TestVerifyClaims(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	in := func(d time.Duration) int64 { return b.clock.Now().Add(d).Unix() }
	long := strings.Repeat("x", 256)
	tests := []struct {
		name   string
		change jwt.MapClaims
		want   bool
	}{
		{"expired within the leeway", jwt.MapClaims{"exp": in(-4 * time.Second)}, true},
		{"expired", jwt.MapClaims{"exp": in(-6 * time.Second)}, false},
		{"without end", jwt.MapClaims{"exp": nil}, false},
		{"its end is a word", jwt.MapClaims{"exp": "tomorrow"}, false},
		{"valid in a moment", jwt.MapClaims{"nbf": in(4 * time.Second)}, true},
		{"not yet valid", jwt.MapClaims{"nbf": in(6 * time.Second)}, false},
		{"another issuer", jwt.MapClaims{"iss": "https://evil.test/"}, false},
		{"an issuer in other case", jwt.MapClaims{"iss": strings.ToUpper(b.issuer.Name)}, false},
		{"an issuer without its slash", jwt.MapClaims{"iss": strings.TrimSuffix(b.issuer.Name, "/")}, false},
		{"no issuer", jwt.MapClaims{"iss": nil}, false},
		{"no subject", jwt.MapClaims{"sub": nil}, false},
		{"an empty subject", jwt.MapClaims{"sub": ""}, false},
		{"a subject that is a number", jwt.MapClaims{"sub": 7}, false},
		{"a long subject", jwt.MapClaims{"sub": long}, false},
		{"no session", jwt.MapClaims{"sid": nil}, false},
		{"an empty session", jwt.MapClaims{"sid": ""}, false},
		{"a session that is a list", jwt.MapClaims{"sid": []string{"a"}}, false},
		{"a long session", jwt.MapClaims{"sid": long}, false},
		{"a long role", jwt.MapClaims{"role": long}, false},
		{"no organisation", jwt.MapClaims{"org_id": nil, "role": nil, "permissions": nil}, true},
		{"a claim that nobody knows", jwt.MapClaims{"colour": "red"}, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := b.Verify(t.Context(), b.issuer.Sign(t, b.claims(tt.change)))
			if (err == nil) != tt.want || (err != nil && !errs.Is(err, errs.Unauthorized)) {
				t.Errorf("taken: %t, want %t: %v", err == nil, tt.want, err)
			}
		})
	}
}

func TestVerifyForgeries(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	key := b.issuer.Key()
	good := b.issuer.Sign(t, b.claims(nil))
	parts := strings.Split(good, ".")
	kid := map[string]any{"kid": key.ID}
	header := func(more map[string]any) map[string]any {
		all := maps.Clone(kid)
		maps.Copy(all, more)
		return all
	}
	mine := testkit.NewSigningKey(t, key.ID)
	public, err := x509.MarshalPKIXPublicKey(&key.Private.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	publicPEM := pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: public})
	curve, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	claims := b.claims(nil)
	admin := base64.RawURLEncoding.EncodeToString([]byte(`{"iss":"` + b.issuer.Name + `","sub":"user_2","sid":"s","exp":4000000000}`))
	sign := func(method jwt.SigningMethod, key any, headers map[string]any) string {
		return testkit.SignWith(t, method, key, claims, headers)
	}
	rs256 := jwt.SigningMethodRS256
	tests := map[string]string{
		"nothing":                     "",
		"a word":                      "hello",
		"two parts":                   parts[0] + "." + parts[1],
		"four parts":                  good + ".x",
		"parts that are no base64":    "!.!.!",
		"parts that are no JSON":      "aGk.aGk.aGk",
		"padded":                      parts[0] + "=." + parts[1] + "." + parts[2],
		"without signature":           parts[0] + "." + parts[1] + ".",
		"with other claims":           parts[0] + "." + admin + "." + parts[2],
		"with a changed signature":    parts[0] + "." + parts[1] + "." + flip(parts[2]),
		"over 8 KB":                   sign(rs256, key.Private, header(map[string]any{"x": strings.Repeat("x", 8<<10)})),
		"unsigned":                    sign(jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType, kid),
		"unsigned, in other case":     sign(jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType, header(map[string]any{"alg": "nOnE"})),
		"HS256 with the public key":   sign(jwt.SigningMethodHS256, publicPEM, kid),
		"HS256 with its DER":          sign(jwt.SigningMethodHS256, public, kid),
		"HS256 with the modulus":      sign(jwt.SigningMethodHS256, key.Private.N.Bytes(), kid),
		"RS512":                       sign(jwt.SigningMethodRS512, key.Private, kid),
		"PS256":                       sign(jwt.SigningMethodPS256, key.Private, kid),
		"ES256":                       sign(jwt.SigningMethodES256, curve, kid),
		"another key under that id":   sign(rs256, mine.Private, kid),
		"an unknown key id":           sign(rs256, mine.Private, map[string]any{"kid": "key-9"}),
		"no key id":                   sign(rs256, key.Private, nil),
		"an empty key id":             sign(rs256, key.Private, map[string]any{"kid": ""}),
		"a key id that is a number":   sign(rs256, key.Private, map[string]any{"kid": 1}),
		"a long key id":               sign(rs256, key.Private, map[string]any{"kid": strings.Repeat("k", 256)}),
		"a key that it brings itself": sign(rs256, mine.Private, header(map[string]any{"jwk": mine.JWK()})),
		"a key set of its own":        sign(rs256, mine.Private, header(map[string]any{"jku": "https://evil.test/jwks"})),
		"a certificate's address":     sign(rs256, mine.Private, header(map[string]any{"x5u": "https://evil.test/cert"})),
		"a certificate":               sign(rs256, mine.Private, header(map[string]any{"x5c": []string{"MIIB"}})),
		"a critical extension":        sign(rs256, key.Private, header(map[string]any{"crit": []string{"exp"}, "exp": 1})),
		"an embedded key, well signed by the issuer": sign(rs256, key.Private, header(map[string]any{"jwk": key.JWK()})),
	}
	if _, err := b.Verify(t.Context(), good); err != nil {
		t.Fatalf("the good token is refused: %v", err)
	}
	fetches := b.issuer.Fetches()
	for name, token := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := b.Verify(t.Context(), token)
			if !errs.Is(err, errs.Unauthorized) {
				t.Fatalf("%v, want UNAUTHORIZED", err)
			}
			if token != "" && strings.Contains(err.Error(), token) {
				t.Errorf("the token would be logged: %v", err)
			}
		})
	}
	if got := b.issuer.Fetches(); got != fetches {
		t.Errorf("the forgeries made %d fetches", got-fetches)
	}
}

// flip changes a signature's first character.
func flip(signature string) string {
	if signature[0] == 'A' {
		return "B" + signature[1:]
	}
	return "A" + signature[1:]
}

func TestVerifyTwoIssuers(t *testing.T) {
	t.Parallel()
	first, second := testkit.NewIssuer(t), testkit.NewIssuer(t)
	second.Name = "https://second.test/"
	second.Publish(testkit.NewSigningKey(t, "key-1"))
	c := clock.NewManual(time.Date(2026, 11, 23, 16, 0, 0, 0, time.UTC))
	v := identity.NewVerifier([]identity.Issuer{{Issuer: first.Name, JWKSURL: first.URL}, {Issuer: second.Name, JWKSURL: second.URL}},
		identity.NewKeySets(tabletest.One(t), c, http.DefaultClient), c)
	for _, signer := range []*testkit.Issuer{first, second} {
		for _, named := range []*testkit.Issuer{first, second} {
			claims := jwt.MapClaims{"iss": named.Name, "sub": "user_1", "sid": "s", "exp": c.Now().Add(time.Minute).Unix()}
			_, err := v.Verify(t.Context(), signer.Sign(t, claims))
			if (err == nil) != (signer == named) {
				t.Errorf("signed by %s, in the name of %s: %v", signer.Name, named.Name, err)
			}
		}
	}
}

func TestIssuersFromEnvironment(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]bool{
		`[{"issuer":"a","jwksUrl":"b"}]`: true, `[]`: false, `[{"issuer":"a"}]`: false, `[{"jwksUrl":"b"}]`: false, `{}`: false, `x`: false,
		`[{"issuer":"a","jwksUrl":"b"},{"issuer":"c","jwksUrl":"d","aliasOf":"a"}]`:               true,
		`[{"issuer":"a","jwksUrl":"b"},{"issuer":"c","jwksUrl":"d","aliasOf":"e"}]`:               false,
		`[{"issuer":"a","jwksUrl":"b","aliasOf":"a"}]`:                                            false,
		`[{"issuer":"a","jwksUrl":"b","aliasOf":"c"},{"issuer":"c","jwksUrl":"d","aliasOf":"a"}]`: false,
		`[{"issuer":"` + strings.Repeat("a", 256) + `","jwksUrl":"b"}]`:                           false,
	} {
		var issuers identity.Issuers
		if err := issuers.UnmarshalText([]byte(text)); (err == nil) != want {
			t.Errorf("%s: %v", text, err)
		}
	}
}
