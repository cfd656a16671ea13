package issuer

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/rapport/rapport/infra/local/dev"
	"github.com/rapport/rapport/infra/local/gateway"
	"github.com/rapport/rapport/shared/clock"
	"github.com/rapport/rapport/shared/identity/workos"
	"github.com/rapport/rapport/shared/identity/workos/workostest"
)

const (
	// parallelWebhooks bounds the webhooks that are under way at once.
	parallelWebhooks = 8
	// webhookTries bounds how often one is sent; WorkOS tries for days.
	webhookTries = 5
	webhookPause = 100 * time.Millisecond
	webhookLimit = 15 * time.Second
	maxAnswer    = 64 << 10
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
	for n, one := range all {
		group.Go(func() error {
			if failures[n] = i.revoke(ctx, one); failures[n] == nil {
				failures[n] = i.sessions.end(one)
			}
			return nil
		})
	}
	_ = group.Wait() // failures are joined
	return Revoked{Sessions: len(all)}, errors.Join(failures...)
}

func (i *Issuer) revoke(ctx context.Context, one session) error {
	ended := workostest.Session{ID: one.ID, UserID: one.UserID, Organization: organization}
	body, err := ended.Revoked("event_"+clock.NewID(i.Clock), i.Clock.Now())
	if err != nil {
		return err
	}
	for try := 1; ; try++ {
		again, err := i.deliver(ctx, body)
		if err == nil || !again || try == webhookTries {
			return err
		}
		if err := i.Clock.Sleep(ctx, webhookPause<<try); err != nil {
			return err
		}
	}
}

// deliver sends a webhook once, and tells whether it may be sent again.
func (i *Issuer) deliver(ctx context.Context, body []byte) (again bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, webhookLimit)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, i.WebhookURL, bytes.NewReader(body))
	if err != nil {
		return false, err
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("User-Agent", "WorkOS/1")
	request.Header.Set(workos.SignatureHeader, workos.Sign(i.WebhookSecret, i.Clock.Now(), body))
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return true, fmt.Errorf("send webhook: %w", err)
	}
	answer, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer))
	if err := errors.Join(err, response.Body.Close()); err != nil {
		return true, fmt.Errorf("send webhook: %w", err)
	}
	if response.StatusCode != http.StatusOK {
		again = response.StatusCode == http.StatusTooManyRequests || response.StatusCode >= http.StatusInternalServerError
		return again, fmt.Errorf("the webhook was answered %d: %.200s", response.StatusCode, answer)
	}
	return false, nil
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
