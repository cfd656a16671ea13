package check

import (
	"context"
	"log/slog"
	"slices"
	"testing"
	"time"

	"github.com/rapport/rapport/functions"
	"github.com/rapport/rapport/infra/local/iam"
	"github.com/rapport/rapport/infra/local/proxy"
	"github.com/rapport/rapport/infra/local/runner"
	"github.com/rapport/rapport/shared/core/config"
	"github.com/rapport/rapport/shared/testkit/scene"
)

// enough bounds the whole scenario; nothing is asserted about time.
const enough = 2 * time.Minute

// TestPoliciesGrantWhatFunctionsDo plays every domain's scenario on the local
// runner, good calls and bad ones, and compares what each function did to the
// tables with what its policy in the templates allows. What a policy grants and
// no call used is only printed (-v): rarer paths may need it.
func TestPoliciesGrantWhatFunctionsDo(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), enough)
	defer cancel()
	stack, err := loadStack(root(t))
	if err != nil {
		t.Fatalf("templates:\n%v", err)
	}
	policies, err := iam.New(stack, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	watch := newGuard()
	settings, err := runner.FromEnvironment(config.Process().With(config.Env{ // ENGINE, as for all tests
		"PORT": "0", "WS_PORT": "0", "DATA_DIR": runner.Memory,
	}))
	if err != nil {
		t.Fatal(err)
	}
	r, err := runner.Start(ctx, runner.Config{Settings: settings, Root: root(t), Functions: functions.All(), Calls: []proxy.Middleware{watch.Middleware}, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := r.Stop(); err != nil {
			t.Log("stop:", err) // how it ends is the runner's own test
		}
	})
	scenes, err := scene.Load(root(t))
	if err != nil {
		t.Fatal(err)
	}
	domains, err := domainFolders(root(t))
	if err != nil {
		t.Fatal(err)
	}
	for _, domain := range domains {
		t.Run(domain, func(t *testing.T) { newHarness(t, r.URL, scenes, watch).play(ctx, scenes.Scenario(domain)) })
	}

	acted := map[string]bool{}
	for _, u := range watch.uses() {
		t.Logf("used: %s %s on %s", u.function, u.Name, u.Resource)
		acted[u.function] = true
		if policies.Decide(u.function, u.Action) != iam.Granted {
			t.Errorf("%s did %s on %s, which its policy does not grant", u.function, u.Name, u.Resource)
		}
	}
	for _, f := range stack.Functions {
		if !acted[f.Folder] && len(f.Policies) > 0 {
			t.Errorf("%s touched no table: no scenario in events/*/%s reaches it", f.Folder, scene.File)
		}
		for _, s := range f.Policies {
			for _, action := range s.Action {
				statement := s
				statement.Action = []string{action}
				if !slices.ContainsFunc(watch.uses(), func(u use) bool { return u.function == f.Folder && iam.Covers(statement, u.Action) }) {
					t.Logf("not used: %s %s on %s", f.Folder, action, s.Sid)
				}
			}
		}
	}
}
