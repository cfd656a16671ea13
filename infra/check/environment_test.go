package check

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/rapport/rapport/functions"
	"github.com/rapport/rapport/infra/local/pool"
	"github.com/rapport/rapport/shared/core/config"
	"github.com/rapport/rapport/shared/core/endpoint"
)

// TestFunctionsHaveTheVariablesThatTheyUse opens each function with the variables that
// its template gives it, which must be enough, and then without each of those that are
// not for everybody, which must not be.
func TestFunctionsHaveTheVariablesThatTheyUse(t *testing.T) {
	stack, err := loadStack(root(t))
	if err != nil {
		t.Fatalf("templates:\n%v", err)
	}
	issuers := config.Env{"ISSUERS": `[{"issuer":"https://issuer.test","jwksUrl":"https://issuer.test/jwks"}]`}
	for _, f := range functions.All() {
		spec, ok := stack.Function(f.Name)
		if !ok {
			continue // TestEveryFunctionIsComplete says so
		}
		env := pool.Environment(spec, nil)
		if _, given := env["ISSUERS"]; given {
			env = env.With(issuers)
		}
		if _, err := f.Open(t.Context(), env, endpoint.Overrides{}); err != nil {
			t.Errorf("%s lacks in %s: %v", f.Name, spec.Stack, err)
			continue
		}
		for _, variable := range slices.Sorted(maps.Keys(spec.Env)) {
			if !strings.HasSuffix(variable, "_SECRET_ID") && !strings.HasSuffix(variable, "_QUEUE_URL") {
				continue
			}
			less := env.With(nil)
			delete(less, variable)
			if _, err := f.Open(t.Context(), less, endpoint.Overrides{}); err == nil {
				t.Errorf("%s is given %s in %s, and doesn't use it", f.Name, variable, spec.Stack)
			}
		}
	}
}
