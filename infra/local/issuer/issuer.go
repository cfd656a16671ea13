// Package issuer is the identity provider of a laptop, in the place of WorkOS:
// it signs access tokens as WorkOS does, publishes its keys, keeps a directory
// of local people, and answers the part of WorkOS's REST interface that
// functions call. Functions verify its tokens as they verify those of WorkOS;
// it is only another entry in their list of issuers, which a deployed stack
// can't have.
//
// Anybody who reaches it gets a token for anybody, so the runner serves it on
// loopback only, to requests for localhost, and to no page of another origin.
// Its key, its people and their sessions live in the data directory and survive
// restarts, so that tokens stay valid over one and can be revoked after it.
package issuer

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/rapport/rapport/shared/core/clock"
	"github.com/rapport/rapport/shared/core/identity/workos/workostest"
)

const (
	// tokenLife is how long a token lives unless its request says otherwise.
	tokenLife = time.Hour
	// maxTokenLife is the longest life that can be asked for.
	maxTokenLife = 24 * time.Hour
	// organization is everybody's.
	organization = "org_local"
)

// Options say where an issuer keeps things and how it is known.
type Options struct {
	// Dir keeps the key and the people; empty keeps nothing.
	Dir string
	// URL is the issuer's name in its tokens, and where it is served:
	// `http://localhost:3000/dev`.
	URL string
	// APIKey is what callers of the WorkOS stand-in must present.
	APIKey string
	// APIURL is where the functions are served, which learn of ended sessions there
	// and are asked what they call somebody. WebhookSecret is what events for them
	// are signed with, until SignWith says another.
	APIURL        string
	WebhookSecret string
	Clock         clock.Clock
}

// Issuer signs tokens for local people.
type Issuer struct {
	Options
	key      workostest.Key
	people   *directory
	sessions *sessions
	ids      ids
	client   *http.Client
	// signs is what webhooks are signed with now.
	signs atomic.Pointer[string]
}

// New reads the key and the people of a directory, or makes them.
func New(options Options) (*Issuer, error) {
	key, err := loadKey(options.Dir)
	if err != nil {
		return nil, fmt.Errorf("local issuer: %w", err)
	}
	people, err := openDirectory(options.Dir, options.Clock)
	if err != nil {
		return nil, fmt.Errorf("local issuer: %w", err)
	}
	sessions, err := openSessions(options.Dir, options.Clock)
	if err != nil {
		return nil, fmt.Errorf("local issuer: %w", errors.Join(err, people.close()))
	}
	i := &Issuer{
		Options: options, key: key, people: people, sessions: sessions, ids: ids{byUser: map[string]string{}},
		// A connection that was opened beside others and not needed would look, to a
		// server that is to stop, like a request that is still to come.
		client: &http.Client{Transport: &http.Transport{DisableKeepAlives: true}},
	}
	i.SignWith(options.WebhookSecret)
	return i, nil
}

// SignWith gives webhooks another secret.
func (i *Issuer) SignWith(secret string) { i.signs.Store(&secret) }

// Close lets go of the files.
func (i *Issuer) Close() error { return errors.Join(i.people.close(), i.sessions.close()) }

// Users lists the local people, in the order in which they came.
func (i *Issuer) Users() []User { return i.people.list() }

// TokenRequest asks for a token.
type TokenRequest struct {
	// User is the name of a local person, who is created on first use.
	User string `json:"user"`
	// ExpiresInSeconds shortens the token's life; nil means an hour.
	ExpiresInSeconds *int `json:"expiresInSeconds"`
	// Claims replace those of the token; a JSON null removes one.
	Claims map[string]json.RawMessage `json:"claims"`
}

// Token is a signed token, which names a local person or whom its claims say.
type Token struct {
	AccessToken string
	// User is the local person whom the token is of, or, where its claims name
	// nobody here, for whom it was asked.
	User User
	// ExpiresIn is in seconds.
	ExpiresIn int
}

// Mint signs a token of a new session. The request has been checked.
func (i *Issuer) Mint(r TokenRequest) (Token, error) {
	user, err := i.people.ensure(r.User)
	if err != nil {
		return Token{}, err
	}
	life := int(tokenLife / time.Second)
	if r.ExpiresInSeconds != nil {
		life = *r.ExpiresInSeconds
	}
	now := i.Clock.Now()
	begun := workostest.Session{ID: "session_" + clock.NewID(i.Clock), UserID: user.ID, Organization: organization}
	claims := begun.Claims(i.URL, now, time.Duration(life)*time.Second)
	claims["jti"], claims["nbf"] = clock.NewID(i.Clock), now.Unix()
	for name, value := range r.Claims {
		claims[name] = value
	}
	maps.DeleteFunc(claims, func(_ string, value any) bool {
		raw, ok := value.(json.RawMessage)
		return ok && string(raw) == "null"
	})
	if session, ok := sessionOf(claims, now); ok {
		if err := i.sessions.begin(session); err != nil {
			return Token{}, err
		}
	}
	signed, err := i.key.Sign(claims)
	if err != nil {
		return Token{}, fmt.Errorf("sign token: %w", err)
	}
	if other, known := i.people.of(textOf(claims, "sub")); known {
		user = other
	}
	return Token{AccessToken: signed, User: user, ExpiresIn: life}, nil
}
