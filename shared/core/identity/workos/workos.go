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

// Directory is WorkOS's list of users.
type Directory struct{ client *usermanagement.Client }

// New makes a directory that is asked with an API key; an endpoint replaces
// WorkOS's own where it isn't empty.
func New(apiKey, endpoint string, client *http.Client) *Directory {
	c := usermanagement.NewClient(apiKey)
	c.HTTPClient = client
	if endpoint != "" {
		c.Endpoint = endpoint
	}
	return &Directory{client: c}
}

// Lookup implements users.Directory. The client puts the subject into a path: it
// is escaped, and believed only where the answer is about that very one.
func (d *Directory) Lookup(ctx context.Context, subject string) (identity.Profile, error) {
	if subject == "" || subject == "." || subject == ".." {
		return identity.Profile{}, identity.ErrUnknown
	}
	user, err := d.client.GetUser(ctx, usermanagement.GetUserOpts{User: url.PathEscape(subject)})
	var refused workos_errors.HTTPError
	if errors.As(err, &refused) && refused.Code == http.StatusNotFound {
		return identity.Profile{}, identity.ErrUnknown
	}
	if err != nil {
		return identity.Profile{}, fmt.Errorf("workos: get user: %w", err)
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
