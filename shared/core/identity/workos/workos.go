// Package workos asks WorkOS who a user is. On a laptop it talks the same
// protocol to the local runner's stand-in.
package workos

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/workos/workos-go/v4/pkg/usermanagement"
	"github.com/workos/workos-go/v4/pkg/workos_errors"

	"github.com/rapport/rapport/shared/core/identity"
)

// Secret is a secret that may rotate while it is used, such as *secret.Secret. Try hands
// accept the values that are valid until one is accepted, and tells whether one was.
type Secret interface {
	Try(ctx context.Context, accept func(value string) (bool, error)) (bool, error)
}

// Directory is WorkOS's list of users.
type Directory struct {
	apiKey   Secret
	endpoint string
	client   *http.Client
}

// New makes a directory that is asked with an API key; an endpoint replaces
// WorkOS's own where it isn't empty.
func New(apiKey Secret, endpoint string, client *http.Client) *Directory {
	return &Directory{apiKey: apiKey, endpoint: endpoint, client: client}
}

// Lookup implements users.Directory. The client puts the subject into a path: it
// is escaped, and believed only where the answer is about that very one.
func (d *Directory) Lookup(ctx context.Context, subject string) (identity.Profile, error) {
	if subject == "" || subject == "." || subject == ".." {
		return identity.Profile{}, identity.ErrUnknown
	}
	var user usermanagement.User
	accepted, err := d.apiKey.Try(ctx, func(apiKey string) (accepted bool, err error) {
		user, err = d.with(apiKey).GetUser(ctx, usermanagement.GetUserOpts{User: url.PathEscape(subject)})
		if status(err) == http.StatusUnauthorized {
			return false, nil
		}
		return err == nil, err
	})
	if status(err) == http.StatusNotFound {
		return identity.Profile{}, identity.ErrUnknown
	}
	if err != nil {
		return identity.Profile{}, fmt.Errorf("workos: get user: %w", err)
	}
	if !accepted {
		return identity.Profile{}, errors.New("workos: get user: the API key is refused")
	}
	if user.ID != subject {
		return identity.Profile{}, identity.ErrUnknown
	}
	name := strings.TrimSpace(user.FirstName + " " + user.LastName)
	if name == "" {
		name, _, _ = strings.Cut(user.Email, "@")
	}
	return identity.Profile{Email: user.Email, DisplayName: name}, nil
}

// with gives a client with an API key.
func (d *Directory) with(apiKey string) *usermanagement.Client {
	c := usermanagement.NewClient(apiKey)
	c.HTTPClient = d.client
	if d.endpoint != "" {
		c.Endpoint = d.endpoint
	}
	return c
}

// status is that of an answer that the client took for an error; 0 for other errors.
func status(err error) int {
	var refused workos_errors.HTTPError
	if errors.As(err, &refused) {
		return refused.Code
	}
	return 0
}
