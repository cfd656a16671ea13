package e2e

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/rapport/rapport/infra/client"
	"github.com/rapport/rapport/infra/journey"
)

// token gets somebody's access token from the local issuer.
func token(ctx context.Context, t *testing.T, r *suite, body map[string]any) string {
	t.Helper()
	var answer struct {
		AccessToken string `json:"accessToken"`
	}
	// Any client will do: the issuer wants no token.
	if err := signIn(ctx, t, r, "ada").Do(ctx, http.MethodPost, "/dev/token", body, &answer); err != nil {
		t.Fatal(err)
	}
	return answer.AccessToken
}

// What `make verify` walks at a deployed stack holds here: by two people, by one,
// and not where something is broken; and no meeting is left under way.
func TestVerify(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("walks whole journeys at a runner")
	}
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	r := start(t, ":memory:")
	ada := token(ctx, t, r, map[string]any{"user": "ada"})
	grace := token(ctx, t, r, map[string]any{"user": "grace"})

	pair := []string{"health", "edit, until its express event", "edit, until the durable head with its hash", "new role", "end"}
	for name, test := range map[string]struct {
		options journey.Options
		says    []string
		silent  string // what is not said
		fails   string
	}{
		"two people":       {options: journey.Options{Token: ada, Guest: grace, Repeats: 2}, says: pair},
		"one person":       {options: journey.Options{Token: ada, Repeats: 1}, says: []string{"presence", "end"}, silent: "new role"},
		"no token of ours": {options: journey.Options{Token: ada + "x", Repeats: 1}, silent: "health", fails: "UNAUTHORIZED"},
		"one person twice": {options: journey.Options{Token: ada, Guest: ada, Repeats: 1}, silent: "health", fails: "same person"},
	} {
		test.options.URL = r.base()
		said, err := verify(ctx, test.options)
		switch {
		case test.fails == "" && err != nil:
			t.Errorf("%s: %v", name, err)
		case test.fails != "" && (err == nil || !strings.Contains(err.Error(), test.fails)):
			t.Errorf("%s: %v, want %s", name, err, test.fails)
		}
		for _, step := range test.says {
			if !strings.Contains(said, step) {
				t.Errorf("%s: %q is missing in\n%s", name, step, said)
			}
		}
		if test.silent != "" && strings.Contains(said, test.silent) {
			t.Errorf("%s: %q is in\n%s", name, test.silent, said)
		}
	}

	site := client.NewServer(r.base())
	defer site.Close()
	operator, err := site.Bearer(ctx, token(ctx, t, r, map[string]any{"user": "root", "claims": map[string]any{"role": "admin", "org_id": nil}}))
	if err != nil {
		t.Fatal(err)
	}
	kill := map[string]any{"revision": 0, "kill": true, "reason": "to see it fail"}
	if err := operator.Do(ctx, http.MethodPatch, "/v1/admin/flags/transcription", kill, nil); err != nil {
		t.Fatal(err)
	}
	// Functions hold a flag for two seconds: the first walks may pass.
	for {
		said, err := verify(ctx, journey.Options{URL: r.base(), Token: ada, Guest: grace, Repeats: 1})
		if problem, ok := errors.AsType[*client.Problem](err); ok && problem.Code == "CONFLICT" {
			if !strings.Contains(err.Error(), "transcript") || !strings.Contains(said, "durable head") || strings.Contains(said, "transcript") {
				t.Errorf("a broken transcript: %v, with\n%s", err, said)
			}
			break
		}
		if err != nil || ctx.Err() != nil {
			t.Fatalf("where transcription is off: %v, want CONFLICT", err)
		}
	}
	concluded(ctx, t, signIn(ctx, t, r, "ada"))
}

func verify(ctx context.Context, o journey.Options) (string, error) {
	var said strings.Builder
	err := journey.Verify(ctx, o, &said)
	return said.String(), err
}

// concluded fails where one of somebody's meetings is still to end.
func concluded(ctx context.Context, t *testing.T, c *client.Client) {
	t.Helper()
	var list struct{ Items []struct{ State string } }
	if err := c.Do(ctx, http.MethodGet, "/v1/meetings?limit=200", nil, &list); err != nil {
		t.Fatal(err)
	}
	if len(list.Items) < 4 {
		t.Errorf("%d meetings were held, want 4 and more", len(list.Items))
	}
	for _, meeting := range list.Items {
		if meeting.State != "concluded" {
			t.Errorf("a meeting is left %s", meeting.State)
		}
	}
}
