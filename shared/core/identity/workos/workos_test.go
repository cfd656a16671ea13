package workos_test

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/rapport/rapport/shared/core/identity"
	"github.com/rapport/rapport/shared/core/identity/workos"
	"github.com/rapport/rapport/shared/core/identity/workos/workostest"
)

// directory answers by the escaped path; seen are the paths that were asked for.
func directory(t *testing.T, answers map[string]string) (*workos.Directory, *[]string) {
	t.Helper()
	var seen []string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer key" {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		seen = append(seen, r.URL.EscapedPath()+"?"+r.URL.RawQuery)
		answer, ok := answers[r.URL.EscapedPath()]
		if !ok {
			w.WriteHeader(http.StatusNotFound)
			answer = `{"message":"User not found","code":"entity_not_found"}`
		}
		if answer == "down" {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
		_, _ = io.WriteString(w, answer)
	}))
	t.Cleanup(server.Close)
	return workos.New(workostest.Secret("key"), server.URL, server.Client()), &seen
}

func TestLookup(t *testing.T) {
	t.Parallel()
	const ada = `{"object":"user","id":"user_ada","email":"ada@example.com","first_name":"Ada","last_name":"Lovelace"}`
	d, _ := directory(t, map[string]string{
		"/user_management/users/user_ada":      ada,
		"/user_management/users/user_nameless": `{"id":"user_nameless","email":"lin@example.com","first_name":null,"last_name":null}`,
		"/user_management/users/user_down":     "down",
		"/user_management/users/user_broken":   "<html>",
		"/user_management/users/external_id/1": ada,
		"/user_management/users/other":         ada,
	})
	tests := []struct {
		name, give string
		want       identity.Profile
		unknown    bool
		fails      bool
	}{
		{name: "known", give: "user_ada", want: identity.Profile{Email: "ada@example.com", DisplayName: "Ada Lovelace"}},
		{name: "without a name", give: "user_nameless", want: identity.Profile{Email: "lin@example.com", DisplayName: "lin"}},
		{name: "unknown", give: "user_eve", unknown: true},
		{name: "another id than was asked for", give: "other", unknown: true},
		{name: "a path to another question", give: "external_id/1", unknown: true},
		{name: "a query", give: "user_ada?x=1", unknown: true},
		{name: "a fragment", give: "user_ada#x", unknown: true},
		{name: "a way round", give: "x/../user_ada", unknown: true},
		{name: "an escaped id", give: "user%5Fada", unknown: true},
		{name: "one step up", give: "..", unknown: true},
		{name: "here", give: ".", unknown: true},
		{name: "nothing", give: "", unknown: true},
		{name: "a line break", give: "user_ada\n", unknown: true},
		{name: "a NUL", give: "user_ada\x00", unknown: true},
		{name: "bytes that are not UTF-8", give: "\xff", unknown: true},
		{name: "down", give: "user_down", fails: true},
		{name: "not understood", give: "user_broken", fails: true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := d.Lookup(t.Context(), tt.give)
			switch {
			case errors.Is(err, identity.ErrUnknown) != tt.unknown, (err != nil) != (tt.unknown || tt.fails):
				t.Fatalf("error %v", err)
			case !cmp.Equal(got, tt.want):
				t.Errorf("(-want +got):\n%s", cmp.Diff(tt.want, got))
			}
		})
	}
}

// A key that WorkOS refuses is nobody's absence.
func TestLookupWithARefusedKey(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(workostest.Users("key", func(string) (workostest.User, bool) { return workostest.User{ID: "user_ada"}, true }))
	t.Cleanup(server.Close)
	_, err := workos.New(workostest.Secret("other"), server.URL, server.Client()).Lookup(t.Context(), "user_ada")
	if err == nil || errors.Is(err, identity.ErrUnknown) || strings.Contains(err.Error(), "other") {
		t.Errorf("got %v", err)
	}
}

func TestLookupAsksOneQuestionOnly(t *testing.T) {
	t.Parallel()
	d, seen := directory(t, nil)
	for _, id := range []string{"a/b", "../../organizations/1", "a?b=c", "a b", "%2e%2e", "äöü"} {
		if _, err := d.Lookup(t.Context(), id); !errors.Is(err, identity.ErrUnknown) {
			t.Errorf("%q: %v", id, err)
		}
	}
	for _, path := range *seen {
		step, ok := strings.CutPrefix(path, "/user_management/users/")
		if !ok || strings.Contains(step, "/") || !strings.HasSuffix(step, "?") {
			t.Errorf("asked for %s", path)
		}
	}
}
