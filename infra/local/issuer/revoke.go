package issuer

import (
	"context"
	"errors"
	"log/slog"
	"net/http"

	"golang.org/x/sync/errgroup"

	"github.com/rapport/rapport/infra/local/dev"
	"github.com/rapport/rapport/infra/local/gateway"
	"github.com/rapport/rapport/shared/core/clock"
	"github.com/rapport/rapport/shared/core/identity/workos"
	"github.com/rapport/rapport/shared/core/identity/workos/workostest"
)

const (
	// parallelWebhooks bounds the webhooks that are under way at once.
	parallelWebhooks = 8
	webhookPath      = "/v1/webhooks/workos"
)

// RevokeRequest ends the sessions of a local person.
type RevokeRequest struct {
	User string `json:"user"`
}

// Revoked says how many sessions were ended.
type Revoked struct {
	Sessions int `json:"sessions"`
}

// Revoke ends all sessions of a person as WorkOS would: it sends a signed
// `session.revoked` for each. When it returns without error, each was answered:
// the tokens are refused and the sockets closed.
func (i *Issuer) Revoke(ctx context.Context, user string) (Revoked, error) {
	all := i.sessions.of(identifier(user))
	var group errgroup.Group
	group.SetLimit(parallelWebhooks)
	failures := make([]error, len(all))
	for n, session := range all {
		group.Go(func() error {
			if failures[n] = i.revoke(ctx, session); failures[n] == nil {
				failures[n] = i.sessions.end(session)
			}
			return nil
		})
	}
	_ = group.Wait() // failures are joined
	return Revoked{Sessions: len(all)}, errors.Join(failures...)
}

func (i *Issuer) revoke(ctx context.Context, live session) error {
	ended := workostest.Session{ID: live.ID, UserID: live.UserID, Organization: organization}
	body, err := ended.Revoked("event_"+clock.NewID(i.Clock), i.Clock.Now())
	if err != nil {
		return err
	}
	_, err = i.send(ctx, http.MethodPost, webhookPath, body, http.Header{
		"Content-Type": {"application/json"}, "User-Agent": {"WorkOS/1"},
		http.CanonicalHeaderKey(workos.SignatureHeader): {workos.Sign(*i.signs.Load(), i.Clock.Now(), body)},
	})
	return err
}

// serveRevoke answers POST /dev/revoke.
func (i *Issuer) serveRevoke(w http.ResponseWriter, r *http.Request, log *slog.Logger) {
	var in RevokeRequest
	if !dev.Read(w, r, &in) {
		return
	}
	if problem := checkName(in.User); problem != "" {
		dev.Refuse(w, "body.user", problem)
		return
	}
	revoked, err := i.Revoke(r.Context(), in.User)
	if err != nil {
		log.Error("revoke", "error", err.Error())
		gateway.WriteProblem(w, http.StatusBadGateway, "PROVIDER_ERROR", "Not all sessions could be ended. Please try again.")
		return
	}
	dev.WriteJSON(w, revoked)
}
