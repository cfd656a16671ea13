package platform_test

import (
	"errors"
	"log/slog"
	"net/http"
	"testing"
	"time"

	"github.com/rapport/rapport/shared/core/clock"
	"github.com/rapport/rapport/shared/core/config"
	"github.com/rapport/rapport/shared/core/platform"
	"github.com/rapport/rapport/shared/core/table"
)

var errNoNetwork = errors.New("no network")

// network notes which call reached it.
type network struct{ called []string }

func (n *network) Do(r *http.Request) (*http.Response, error) {
	n.called = append(n.called, r.Header.Get("X-Amz-Target"))
	return nil, errNoNetwork
}

func environment() config.Env {
	return config.Env{
		"STAGE": "test", "DATA_TABLE": "d", "LOG_TABLE": "l", "REALTIME_TABLE": "r", "CONTROL_TABLE": "c", "AUDIT_TABLE": "a",
		"ISSUERS": `[{"issuer":"https://issuer.test","jwksUrl":"https://issuer.test/jwks"}]`, "WORKOS_API_KEY": "k",
		"AWS_REGION": "us-east-1", "AWS_ACCESS_KEY_ID": "k", "AWS_SECRET_ACCESS_KEY": "s",
	}
}

// A function stands on what its context says is outside, and what one context
// leaves open is as in the context before.
func TestOutside(t *testing.T) {
	t.Parallel()
	at := clock.NewManual(time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC))
	wire := &network{}
	ctx := platform.WithOutside(t.Context(), platform.Outside{Clock: at, Log: slog.New(slog.DiscardHandler)})
	ctx = platform.WithOutside(ctx, platform.Outside{Tables: wire})
	p, err := platform.Open(ctx, environment())
	if err != nil {
		t.Fatal(err)
	}
	if !p.Clock.Now().Equal(at.Now()) {
		t.Errorf("the clock shows %v", p.Clock.Now())
	}
	_, err = table.Get[struct{}](t.Context(), p.Data, table.Key{PK: "P", SK: "S"})
	if !errors.Is(err, errNoNetwork) || len(wire.called) == 0 || wire.called[0] != "DynamoDB_20120810.GetItem" {
		t.Errorf("a table call went elsewhere: %v, %v", wire.called, err)
	}
}
