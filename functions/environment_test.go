package functions_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/rapport/rapport/functions"
	"github.com/rapport/rapport/shared/core/config"
	"github.com/rapport/rapport/shared/core/endpoint"
	"github.com/rapport/rapport/shared/testkit"
)

// A function opens without what it doesn't use, secrets above all, and says which of
// what it uses is missing.
func TestFunctionsNeedWhatTheyUse(t *testing.T) {
	t.Parallel()
	signedIn := func(f endpoint.FunctionSpec) bool { return f.Trigger == endpoint.TriggerHTTP && f.Class.SignedIn() }
	of := func(domains ...string) func(endpoint.FunctionSpec) bool {
		return func(f endpoint.FunctionSpec) bool {
			domain, _, _ := strings.Cut(f.Name, "/")
			return slices.Contains(domains, domain) || slices.Contains(domains, f.Name)
		}
	}
	not := func(is func(endpoint.FunctionSpec) bool) func(endpoint.FunctionSpec) bool {
		return func(f endpoint.FunctionSpec) bool { return !is(f) }
	}
	messages := of("people/listmessages", "people/postmessage")
	needs := map[string]func(endpoint.FunctionSpec) bool{
		"STAGE":                    not(of()),
		"WORKOS_API_KEY_SECRET_ID": signedIn,
		"WORKOS_WEBHOOK_SECRET_ID": of("users/webhook"),
		"ISSUERS":                  func(f endpoint.FunctionSpec) bool { return signedIn(f) || f.Class == endpoint.Webhooks },
		"WS_ENDPOINT":              func(f endpoint.FunctionSpec) bool { return f.Trigger == endpoint.TriggerSocket },
		"DEPARTURES_QUEUE_URL":     of("realtime/disconnect"),
		"WS_URL":                   of("users/ticket"),
		"DATA_TABLE":               not(of("realtime", "system")),
		"LOG_TABLE": func(f endpoint.FunctionSpec) bool {
			return messages(f) || !of("realtime", "system", "users", "flags", "people")(f)
		},
		"REALTIME_TABLE": func(f endpoint.FunctionSpec) bool {
			return f.Name == "people/postmessage" || !of("system", "people", "users/get", "users/update", "flags/list", "flags/get", "flags/history", "flags/evaluate")(f)
		},
		"CONTROL_TABLE": not(of("system")),
		"AUDIT_TABLE":   not(of("system")),
	}
	h := testkit.New(t, functions.All())
	for _, f := range functions.All() {
		for variable, needed := range needs {
			env := h.Env()
			delete(env, variable)
			_, err := f.Open(t.Context(), env, endpoint.Overrides{})
			switch {
			case needed(f) && (err == nil || !strings.Contains(err.Error(), variable+" is missing")):
				t.Errorf("%s opens without %s, or doesn't say that it lacks it: %v", f.Name, variable, err)
			case !needed(f) && err != nil:
				t.Errorf("%s doesn't open without %s: %v", f.Name, variable, err)
			}
		}
		if _, err := f.Open(t.Context(), config.Env{}, endpoint.Overrides{}); err == nil {
			t.Errorf("%s opens without an environment", f.Name)
		}
	}
}
