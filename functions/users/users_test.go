package users_test

import (
	"fmt"
	"net/http"
	"regexp"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/rapport/rapport/functions"
	"github.com/rapport/rapport/shared/core/errs"
	"github.com/rapport/rapport/shared/testkit"
	"github.com/rapport/rapport/shared/users"
)

func TestMe(t *testing.T) {
	t.Parallel()
	h := testkit.New(t, functions.All())
	ada := h.Newcomer("ada")
	first := testkit.As[users.Me](t, ada.Call(t, "GET /v1/me", nil))
	if id := regexp.MustCompile(`^[0-9A-HJKMNP-TV-Z]{26}$`); !id.MatchString(first.UserID) {
		t.Errorf("the id %q is no ULID", first.UserID)
	}
	want := users.Me{UserID: first.UserID, Email: "ada@example.com", DisplayName: "Ada Test", OrgID: "org_test", OrgRole: "member"}
	for range 2 {
		if diff := cmp.Diff(want, testkit.As[users.Me](t, ada.Call(t, "GET /v1/me", nil).Expect(t, 200))); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	}
	if got := h.Directory.Lookups(); got != 1 {
		t.Errorf("the directory was asked %d times about one person, want once", got)
	}
}

func TestManyFirstCallsMakeOneUser(t *testing.T) {
	t.Parallel()
	h := testkit.New(t, functions.All())
	ada := h.Newcomer("ada")
	ids := map[string]bool{}
	for _, answer := range testkit.AtOnce(6, func(int) testkit.Answer { return ada.Call(t, "GET /v1/me", nil) }) {
		me := testkit.As[users.Me](t, answer)
		ids[me.UserID] = true
		if me.DisplayName != "Ada Test" {
			t.Errorf("got %+v", me)
		}
	}
	if stored := h.Stored(t, "Data"); len(ids) != 1 || len(stored) != 3 {
		t.Errorf("answered the ids %v, and stored %v: want one, with a user and two rows of an identity", ids, stored)
	}
}

func TestUpdate(t *testing.T) {
	t.Parallel()
	h := testkit.New(t, functions.All())
	ada, ben := h.User("ada"), h.User("ben")
	ben.Call(t, "GET /v1/me", nil).Expect(t, 200)
	for _, name := range []string{"Ada Lovelace", "Ада 😀", "x"} {
		got := testkit.As[users.Me](t, ada.Call(t, "PATCH /v1/me", map[string]string{"displayName": name}).Expect(t, 200))
		again := testkit.As[users.Me](t, ada.Call(t, "GET /v1/me", nil))
		if got.DisplayName != name || !cmp.Equal(got, again) {
			t.Errorf("renamed to %q: answered %+v, then %+v", name, got, again)
		}
	}
	if got := testkit.As[users.Me](t, ben.Call(t, "GET /v1/me", nil)); got.DisplayName != "Ben Test" {
		t.Errorf("ben is called %q", got.DisplayName)
	}
	if got := h.Stored(t, "Data")["USER#user_ada/PROFILE"]["revision"]; got != 4.0 {
		t.Errorf("ada's revision is %v after three changes", got)
	}
}

func TestUpdateRefuses(t *testing.T) {
	t.Parallel()
	h := testkit.New(t, functions.All())
	ada := h.User("ada")
	ada.Call(t, "GET /v1/me", nil).Expect(t, 200)
	tests := []struct {
		name, body string
		at         []string
	}{
		{"null", `{"displayName":null}`, []string{"body.displayName"}},
		{"an empty one", `{"displayName":""}`, []string{"body.displayName"}},
		{"a blank one", `{"displayName":"  "}`, []string{"body.displayName"}},
		{"one that shows nothing", `{"displayName":"\u200b\u3164"}`, []string{"body.displayName"}},
		{"one that turns its neighbours round", `{"displayName":"Grace\u202e(tsoh)"}`, []string{"body.displayName"}},
		{"one too long", fmt.Sprintf(`{"displayName":"%0101d"}`, 0), []string{"body.displayName"}},
		{"no string", `{"displayName":{"first":"Ada"}}`, []string{"body.displayName"}},
		{"somebody else's id", `{"displayName":"Ada","userId":"user_ben"}`, []string{"body.userId"}},
		{"another address", `{"displayName":"Ada","email":"x@example.com"}`, []string{"body.email"}},
		{"no JSON", `displayName=Ada`, []string{"body"}},
	}
	h.ChangesNothing(t, func() {
		for _, tt := range tests {
			ada.Call(t, "PATCH /v1/me", tt.body).Refused(t, errs.Validation, tt.at...)
		}
		ada.Call(t, "PATCH /v1/me?x=1", `{"displayName":"Ada"}`).Refused(t, errs.Validation, "query.x")
		ada.Call(t, "PATCH /v1/me", `{"displayName":"Ada"}`, testkit.Header("Content-Type", "text/plain")).Refused(t, errs.UnsupportedMediaType)
		h.Nobody().Call(t, "PATCH /v1/me", `{"displayName":"Ada"}`).Refused(t, errs.Unauthorized)
	})
}

func TestUpdateOnce(t *testing.T) {
	t.Parallel()
	h := testkit.New(t, functions.All())
	ada := h.User("ada")
	first := ada.Call(t, "PATCH /v1/me", `{"displayName":"First"}`, testkit.Key("k")).Expect(t, 200)
	ada.Call(t, "PATCH /v1/me", `{"displayName":"Second"}`, testkit.Key("l")).Expect(t, 200)
	h.ChangesNothing(t, func() {
		again := ada.Call(t, "PATCH /v1/me", `{"displayName":"First"}`, testkit.Key("k")).Expect(t, 200)
		if diff := cmp.Diff(string(first.Body), string(again.Body)); diff != "" {
			t.Errorf("another answer (-first +again):\n%s", diff)
		}
	})
	if got := testkit.As[users.Me](t, ada.Call(t, "GET /v1/me", nil)); got.DisplayName != "Second" {
		t.Errorf("the repeated change was made again: %+v", got)
	}
}

func TestDirectoryThatIsDown(t *testing.T) {
	t.Parallel()
	h := testkit.New(t, functions.All())
	ada, ben := h.Newcomer("ada"), h.Newcomer("ben")
	ada.Call(t, "GET /v1/me", nil).Expect(t, 200)
	h.Directory.Down(http.StatusInternalServerError)
	h.ChangesNothing(t, func() {
		ben.Call(t, "GET /v1/me", nil).Refused(t, errs.Provider)
		ada.Call(t, "GET /v1/me", nil).Expect(t, 200)
	})
	h.Directory.Down(0)
	ben.Call(t, "GET /v1/me", nil).Expect(t, 200)
}
