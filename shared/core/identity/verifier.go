// Package identity says who calls, by the access tokens of an identity provider
// (WorkOS AuthKit in production, the local issuer on a laptop: the same code).
//
// A token is a JWT signed with RS256 (RFC 7519, RFC 7518) by one of a
// configured list of issuers. Its signature is verified in the function against
// the issuer's key set, which is kept in the table Control so that a cold
// function needs no call outside. Then its session must not have ended, and its
// user, whom issuer and subject name together, is created on first sight. Tokens are
// never logged.
package identity

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/rapport/rapport/shared/core/clock"
	"github.com/rapport/rapport/shared/core/errs"
)

const (
	// leeway is how far the clocks of issuer and function may differ.
	leeway = 5 * time.Second
	// maxToken bounds a token, in bytes.
	maxToken = 8 << 10
	// maxName bounds the claims that become ids here, in bytes.
	maxName = 255
)

// Issuer is somebody whose tokens are believed.
type Issuer struct {
	// Issuer is the `iss` claim, exactly.
	Issuer string `json:"issuer"`
	// JWKSURL is where its key set is fetched.
	JWKSURL string `json:"jwksUrl"`
	// AliasOf is the issuer whose people and sessions this one names, where a
	// provider signs under several names, as WorkOS does while a custom domain is
	// introduced. Any other issuer has people and sessions of its own.
	AliasOf string `json:"aliasOf"`
}

// name is the issuer under which its people and sessions are known here.
func (i Issuer) name() string { return cmp.Or(i.AliasOf, i.Issuer) }

// Issuers is the configured list, as JSON: one or more. The first is WorkOS, or
// what stands in for it.
type Issuers []Issuer

// UnmarshalText reads the list from an environment variable.
func (i *Issuers) UnmarshalText(text []byte) error {
	var list []Issuer
	if err := json.Unmarshal(text, &list); err != nil {
		return err
	}
	if len(list) == 0 {
		return errors.New("the list of issuers is empty")
	}
	for _, issuer := range list {
		switch {
		case issuer.Issuer == "" || issuer.JWKSURL == "":
			return errors.New("an issuer needs issuer and jwksUrl")
		case len(issuer.Issuer) > maxName:
			return fmt.Errorf("an issuer may have %d bytes at most", maxName)
		}
		if issuer.AliasOf == "" {
			continue
		}
		if !slices.ContainsFunc(list, func(other Issuer) bool { return other.Issuer == issuer.AliasOf && other.AliasOf == "" }) {
			return fmt.Errorf("aliasOf must name an issuer of the list that is no alias: %s", issuer.AliasOf)
		}
	}
	*i = list
	return nil
}

// Primary is the name of the first issuer, whose webhooks are taken; empty for
// an empty list, which no environment gives.
func (i Issuers) Primary() string {
	if len(i) == 0 {
		return ""
	}
	return i[0].name()
}

// Claims are what is read from a token.
type Claims struct {
	jwt.RegisteredClaims
	SessionID   string   `json:"sid"`
	OrgID       string   `json:"org_id"`
	Role        string   `json:"role"`
	Permissions []string `json:"permissions"`
}

// Verifier verifies access tokens.
type Verifier struct {
	issuers []Issuer
	keys    *KeySets
	parser  *jwt.Parser
}

// NewVerifier makes a verifier for a list of issuers.
func NewVerifier(issuers []Issuer, keys *KeySets, c clock.Clock) *Verifier {
	return &Verifier{issuers: issuers, keys: keys, parser: jwt.NewParser(
		jwt.WithValidMethods([]string{jwt.SigningMethodRS256.Alg()}),
		jwt.WithExpirationRequired(),
		jwt.WithLeeway(leeway),
		jwt.WithTimeFunc(c.Now),
	)}
}

// Verify gives a token's claims, with the issuer under which its people are known.
// Every defect of the token is UNAUTHORIZED, without saying which; PROVIDER_ERROR
// says that no keys could be had at all.
func (v *Verifier) Verify(ctx context.Context, token string) (Claims, error) {
	if token == "" || len(token) > maxToken {
		return Claims{}, unauthorized(errors.New("no token, or one of over 8 KB"))
	}
	var claims Claims
	// What goes wrong on our side while a key is looked up isn't the token's fault.
	var trouble error
	var name string
	_, err := v.parser.ParseWithClaims(token, &claims, func(t *jwt.Token) (any, error) {
		issuer, kid, err := v.signer(t, &claims)
		if err != nil {
			return nil, err
		}
		name = issuer.name()
		key, err := v.keys.Key(ctx, issuer, kid)
		if err != nil && !errors.Is(err, errUnknownKey) {
			trouble = err
		}
		return key, err
	})
	if trouble != nil {
		return Claims{}, trouble
	}
	if err != nil {
		return Claims{}, unauthorized(err)
	}
	if err := claims.check(); err != nil {
		return Claims{}, unauthorized(err)
	}
	claims.Issuer = name
	return claims, nil
}

// signer finds a token's issuer and key id. Headers that bring their own key are
// refused, not ignored: nothing honest sends them here.
func (v *Verifier) signer(t *jwt.Token, claims *Claims) (Issuer, string, error) {
	for _, name := range []string{"jku", "jwk", "x5u", "x5c", "crit"} {
		if _, ok := t.Header[name]; ok {
			return Issuer{}, "", fmt.Errorf("header %s is not allowed", name)
		}
	}
	kid, ok := t.Header["kid"].(string)
	if !ok || kid == "" || len(kid) > maxName {
		return Issuer{}, "", errors.New("no key id")
	}
	i := slices.IndexFunc(v.issuers, func(issuer Issuer) bool { return issuer.Issuer == claims.Issuer })
	if i < 0 {
		return Issuer{}, "", errors.New("unknown issuer")
	}
	return v.issuers[i], kid, nil
}

// check holds the claims that Rapport needs beside the signature. A token
// without a session could never be revoked, so it isn't taken.
func (c Claims) check() error {
	switch {
	case c.Subject == "" || len(c.Subject) > maxName:
		return errors.New("no subject, or a long one")
	case c.SessionID == "" || len(c.SessionID) > maxName:
		return errors.New("no session, or a long one")
	case len(c.OrgID) > maxName || len(c.Role) > maxName || len(c.Permissions) > 100:
		return errors.New("claims too long")
	}
	return nil
}

func unauthorized(cause error) *errs.Error {
	e := errs.New(errs.Unauthorized, "The access token is missing, expired or not valid. Please sign in again.")
	e.Err = cause
	return e
}
