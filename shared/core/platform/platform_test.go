package platform_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/rapport/rapport/shared/core/clock"
	"github.com/rapport/rapport/shared/core/config"
	"github.com/rapport/rapport/shared/core/endpoint"
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
		"STAGE": "test", "DATA_TABLE": "d", "AWS_REGION": "us-east-1", "AWS_ACCESS_KEY_ID": "k", "AWS_SECRET_ACCESS_KEY": "s",
	}
}

// A function stands on its overrides; those of its own go before those that it is
// opened with.
func TestOverrides(t *testing.T) {
	t.Parallel()
	at := clock.NewManual(time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC))
	wire := &network{}
	p := platform.New(environment(), endpoint.Overrides{Tables: wire}.Or(endpoint.Overrides{Tables: &network{}, Clock: at}))
	if !p.Clock.Now().Equal(at.Now()) {
		t.Errorf("the clock shows %v", p.Clock.Now())
	}
	_, err := table.Get[struct{}](t.Context(), p.Data(), table.Key{PK: "P", SK: "S"})
	if !errors.Is(err, errNoNetwork) || len(wire.called) == 0 || wire.called[0] != "DynamoDB_20120810.GetItem" {
		t.Errorf("a table call went elsewhere: %v, %v", wire.called, err)
	}
}

// What is missing is told together, and only of what was asked for.
func TestMissingVariables(t *testing.T) {
	t.Parallel()
	p := platform.New(environment(), endpoint.Overrides{})
	p.Data()
	if _, err := platform.App(p, endpoint.Runtime{}, 0); err != nil {
		t.Errorf("with all that it needs: %v", err)
	}
	p = platform.New(config.Env{"LOG_TABLE": "", "CONTROL_TABLE": "c"}, endpoint.Overrides{})
	p.LogTable()
	p.Audit()
	p.Idempotency()
	_, err := platform.App(p, endpoint.Runtime{}, 0)
	if err == nil {
		t.Fatal("it opens")
	}
	const want = "AUDIT_TABLE is missing; AWS_ACCESS_KEY_ID is empty; AWS_REGION is empty; AWS_SECRET_ACCESS_KEY is empty; LOG_TABLE is empty; STAGE is missing"
	if _, said, _ := strings.Cut(err.Error(), "environment: "); said != want {
		t.Errorf("said %q, want %q", said, want)
	}
}
