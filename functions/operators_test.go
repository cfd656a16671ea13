package functions_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/golang-jwt/jwt/v5"

	"github.com/rapport/rapport/functions"
	"github.com/rapport/rapport/shared/core/clock"
	"github.com/rapport/rapport/shared/core/endpoint"
	"github.com/rapport/rapport/shared/testkit"
	"github.com/rapport/rapport/shared/testkit/scene"
)

// TestOperatorMatrix holds every function for operators against who may call it: the
// admins of the organisation that operates the suite, and nobody else. Each is called
// as its event in events/ says.
func TestOperatorMatrix(t *testing.T) {
	t.Parallel()
	scenes, err := scene.Load("..")
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	for _, unit := range functions.All() {
		if strings.Contains(unit.Route, "/v1/admin/") != (unit.Class == endpoint.Admins) {
			t.Errorf("%s: %s is for %s", unit.Name, unit.Route, unit.Class)
		}
		if unit.Class != endpoint.Admins {
			continue
		}
		found++
		if unit.Action == "" {
			t.Errorf("%s names no action, under which a denial is audited", unit.Name)
		}
		t.Run(strings.ReplaceAll(unit.Name, "/", " "), func(t *testing.T) {
			t.Parallel()
			w := testkit.New(t, functions.All())
			root, ada := w.Operator("root"), w.User("ada")
			names := scene.Names{scene.Ada: ada.ID, scene.Fresh: clock.NewID(clock.System{})}
			request := prepare(t, scenes, unit.Name, root, names)
			operators := root.Claims()["org_id"]
			call := func(p *testkit.Person, options ...testkit.Option) int {
				return p.Call(t, request.Line, request.Body, options...).Status
			}
			ada.Call(t, "GET /v1/me", nil).Expect(t, 200)
			if got := call(w.Nobody()); got != 401 {
				t.Errorf("nobody gets %d", got)
			}
			w.ChangesNothing(t, func() {
				for i, claims := range []jwt.MapClaims{
					{}, {"role": "admin"}, {"role": "admin", "org_id": nil}, {"role": "admin", "org_id": "org_other"},
					{"org_id": operators}, {"role": "member", "org_id": operators}, {"role": "Admin", "org_id": operators},
					{"permissions": []string{"admin"}, "org_id": operators},
				} {
					if got := call(ada, testkit.Bearer(ada.Token(t, claims))); got != 403 {
						t.Errorf("with the claims %v: %d", claims, got)
					}
					if got := denials(t, w, ada, unit); got != i+1 {
						t.Errorf("with the claims %v: %d denials are audited, want %d", claims, got, i+1)
					}
				}
			})
			if got := call(root); got != unit.Status {
				t.Errorf("an operator gets %d", got)
			}
		})
	}
	if found == 0 {
		t.Error("no function is for operators")
	}
}

// prepare makes everything ready for a function's event, played by an operator, and
// gives what a client sends for it.
func prepare(t *testing.T, scenes *scene.Scenes, function string, root *testkit.Person, names scene.Names) scene.Request {
	t.Helper()
	event, err := scenes.Event(function, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := scenes.Prepare(function, event, names, func(_ string, event []byte) ([]byte, error) {
		before, err := scene.RequestOf(event)
		if err != nil {
			return nil, err
		}
		answer := root.Call(t, before.Line, before.Body)
		if answer.Status > 299 {
			return nil, fmt.Errorf("%s: %d %s", before.Line, answer.Status, answer.Body)
		}
		return answer.Body, nil
	}); err != nil {
		t.Fatal(err)
	}
	request, err := scene.RequestOf(names.Replace(event))
	if err != nil {
		t.Fatal(err)
	}
	return request
}

// denials counts the entries of the audit log that say a person was denied what a
// function does.
func denials(t *testing.T, w *testkit.Harness, p *testkit.Person, unit endpoint.FunctionSpec) (n int) {
	t.Helper()
	for _, entry := range w.Stored(t, "Audit") {
		if entry["userId"] == p.ID && entry["action"] == string(unit.Action) && entry["result"] == "denied" {
			n++
		}
	}
	return n
}
