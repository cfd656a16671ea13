package functions_test

import (
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
	for _, spec := range functions.All() {
		if strings.Contains(spec.Route, "/v1/admin/") != (spec.Class == endpoint.Admins) {
			t.Errorf("%s: %s is for %s", spec.Name, spec.Route, spec.Class)
		}
		if spec.Class != endpoint.Admins {
			continue
		}
		found++
		if spec.Action == "" {
			t.Errorf("%s names no action, under which a denial is audited", spec.Name)
		}
		t.Run(strings.ReplaceAll(spec.Name, "/", " "), func(t *testing.T) {
			t.Parallel()
			h := testkit.New(t, functions.All())
			root, ada := h.Operator("root"), h.User("ada")
			names := scene.Names{scene.Ada: ada.ID, scene.Fresh: clock.NewID(clock.System{})}
			request := root.Prepare(t, scenes, spec.Name, names)
			operators := root.Claims()["org_id"]
			call := func(p *testkit.Person, options ...testkit.Option) int {
				return p.Call(t, request.Line, request.Body, options...).Status
			}
			ada.Call(t, "GET /v1/me", nil).Expect(t, 200)
			if got := call(h.Nobody()); got != 401 {
				t.Errorf("nobody gets %d", got)
			}
			h.ChangesNothing(t, func() {
				for i, claims := range []jwt.MapClaims{
					{}, {"role": "admin"}, {"role": "admin", "org_id": nil}, {"role": "admin", "org_id": "org_other"},
					{"org_id": operators}, {"role": "member", "org_id": operators}, {"role": "Admin", "org_id": operators},
					{"permissions": []string{"admin"}, "org_id": operators},
				} {
					if got := call(ada, testkit.Bearer(ada.Token(t, claims))); got != 403 {
						t.Errorf("with the claims %v: %d", claims, got)
					}
					if got := ada.Denials(t, spec.Action, ""); got != i+1 {
						t.Errorf("with the claims %v: %d denials are audited, want %d", claims, got, i+1)
					}
				}
			})
			if got := call(root); got != spec.Status {
				t.Errorf("an operator gets %d", got)
			}
		})
	}
	if found == 0 {
		t.Error("no function is for operators")
	}
}
