package gateway

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestRoutesGoToTheMostSpecific(t *testing.T) {
	rs, err := newRoutes([]Route{
		{"$default", "default"},
		{"GET /v1/meetings/{meetingId}", "get"},
		{"ANY /v1/meetings/{meetingId}", "any"},
		{"GET /v1/meetings/mine", "mine"},
		{"GET /v1/{proxy+}", "proxy"},
		{"GET /v1/meetings/{meetingId}/participants/{userId}", "participant"},
		{"GET /", "root"},
	})
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		give, wantKey string
		want          map[string]string
	}{
		{"GET /v1/meetings/mine", "GET /v1/meetings/mine", nil},
		{"GET /v1/meetings/m1", "GET /v1/meetings/{meetingId}", map[string]string{"meetingId": "m1"}},
		{"PATCH /v1/meetings/m1", "ANY /v1/meetings/{meetingId}", map[string]string{"meetingId": "m1"}},
		{"GET /v1/meetings/a%2Fb%20c", "GET /v1/meetings/{meetingId}", map[string]string{"meetingId": "a/b c"}},
		{"GET /v1/meetings/m/participants/u+1", "GET /v1/meetings/{meetingId}/participants/{userId}", map[string]string{"meetingId": "m", "userId": "u+1"}},
		{"GET /v1/meetings//participants/u", "GET /v1/{proxy+}", map[string]string{"proxy": "meetings//participants/u"}},
		{"GET /v1/x/y", "GET /v1/{proxy+}", map[string]string{"proxy": "x/y"}},
		{"GET /v1/meetings/", "GET /v1/{proxy+}", map[string]string{"proxy": "meetings/"}},
		{"GET /v1/", "$default", nil},
		{"GET /", "GET /", nil},
		{"POST /v1/nothing", "$default", nil},
		{"HEAD /v1/meetings/mine", "ANY /v1/meetings/{meetingId}", map[string]string{"meetingId": "mine"}},
	}
	for _, test := range tests {
		t.Run(test.give, func(t *testing.T) {
			method, path, _ := strings.Cut(test.give, " ")
			route, parameters := rs.match(method, path)
			if route.Key != test.wantKey {
				t.Errorf("route %q, want %q", route.Key, test.wantKey)
			}
			if diff := cmp.Diff(test.want, parameters); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestRoutesThatAWSWouldRefuse(t *testing.T) {
	for _, keys := range [][]string{
		{"GET"}, {"GET v1"}, {"GET /{a"}, {"GET /{}"}, {"GET /{rest+}/x"}, {"GET /a", "GET /a"},
	} {
		var list []Route
		for _, key := range keys {
			list = append(list, Route{Key: key, Folder: "f"})
		}
		if _, err := newRoutes(list); err == nil {
			t.Errorf("%q: no error", keys)
		}
	}
}

func TestSelection(t *testing.T) {
	s, err := newSelection("", []SocketRoute{{"$connect", "in"}, {"$default", "other"}, {"edit", "edit"}})
	if err != nil {
		t.Fatal(err)
	}
	tests := map[string]string{
		`{"action":"edit"}`:            "edit",
		`{"action":"nothing"}`:         "$default",
		`{"action":7}`:                 "$default",
		`{"Action":"edit"}`:            "$default",
		`{"action":"$connect"}`:        "$connect",
		`{"action":"$default"}`:        "$default",
		`["edit"]`:                     "$default",
		`edit`:                         "$default",
		``:                             "$default",
		`{"action":"edit"} trailing`:   "$default",
		`{"body":{"action":"edit"}}`:   "$default",
		`{"action":"e\u0064it","x":1}`: "edit",
	}
	for frame, want := range tests {
		if got := s.choose(frame).Key; got != want {
			t.Errorf("%s: route %q, want %q", frame, got, want)
		}
	}
	if _, err := newSelection("$request.header.x", nil); err == nil {
		t.Error("an expression that is not understood passed")
	}
}
