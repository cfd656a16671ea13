package people_test

import (
	"encoding/base64"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/rapport/rapport/functions"
	"github.com/rapport/rapport/shared/core/errs"
	"github.com/rapport/rapport/shared/people"
	"github.com/rapport/rapport/shared/testkit"
)

// project hands the function what has happened, until nothing more happens.
func project(t *testing.T, w *testkit.Harness) {
	t.Helper()
	for range 10 {
		got := w.Stream(t, "Data", "streams/project")
		if len(got.Failed) > 0 {
			t.Fatalf("failed: %v", got.Failed)
		}
		if got.Records == 0 {
			return
		}
	}
	t.Fatal("it never comes to rest")
}

func called(t *testing.T, w *testkit.Harness, id, name string) *testkit.Person {
	t.Helper()
	p := w.User(id)
	p.Call(t, "PATCH /v1/me", object{"displayName": name}).Expect(t, 200)
	return p
}

// found are the ids that a search finds, in pages of two.
func found(t *testing.T, p *testkit.Person, query string) []string {
	t.Helper()
	ids, cursor := []string{}, ""
	for {
		page := testkit.As[people.List[people.Found]](t, p.Call(t, "GET /v1/users?limit=2&query="+url.QueryEscape(query)+cursor, nil).Expect(t, 200))
		for _, one := range page.Items {
			ids = append(ids, one.UserID)
		}
		if page.NextCursor == nil {
			return ids
		}
		cursor = "&cursor=" + *page.NextCursor
	}
}

func TestFindByAnyPartOfTheName(t *testing.T) {
	t.Parallel()
	w := testkit.New(t, functions.All())
	picard := called(t, w, "picard", "Jean-Luc Picard")
	called(t, w, "zoe", "Zoë Ångström-Müller")
	called(t, w, "oneil", "Mary O’Neil")
	called(t, w, "wide", "Ｆｕｌｌ Ｗｉｄｔｈ")
	called(t, w, "lodz", "Łukasz Großmann")
	called(t, w, "twice", "Ann Annette Anning")
	called(t, w, "han", "李小龍")
	called(t, w, "kana", "がく たろう")
	project(t, w)
	for query, want := range map[string][]string{
		"jea": {"picard"}, "JEAN LUC": {"picard"}, "luc p": {"picard"}, "pic": {"picard"}, "icard": {}, "jean picard": {},
		"zoe": {"zoe"}, "ZOË": {"zoe"}, "angstrom": {"zoe"}, "mü": {"zoe"}, "oneil": {"oneil"}, "O'Neil": {"oneil"},
		"ｆｕ": {"wide"}, "full w": {"wide"}, "luk": {"lodz"}, "grossm": {"lodz"}, "an": {"twice", "zoe"}, "ann": {"twice"},
		"李小": {"han"}, "がく": {"kana"}, "かく": {}, "%": nil,
	} {
		if want == nil {
			continue
		}
		for i := range want {
			want[i] = "user_" + want[i]
		}
		got := found(t, picard, query)
		slices.Sort(got)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%q (-want +got):\n%s", query, diff)
		}
	}
	for _, query := range []string{"", "a", "a%20", "%2B%2B%2B", "%F0%9F%98%80%F0%9F%98%80"} {
		picard.Call(t, "GET /v1/users?query="+query, nil).Refused(t, errs.Validation, "query.query")
	}
	picard.Call(t, "GET /v1/users", nil).Refused(t, errs.Validation, "query.query")
	picard.Call(t, "GET /v1/users?query=an&cursor=x", nil).Refused(t, errs.Validation, "query.cursor")
	w.Nobody().Call(t, "GET /v1/users?query=an", nil).Refused(t, errs.Unauthorized)
}

// A new name replaces the old one, in whatever order and how often its records come.
func TestIndexFollowsNames(t *testing.T) {
	t.Parallel()
	w := testkit.New(t, functions.All())
	ada, ben := called(t, w, "ada", "Ada Byron"), w.User("ben")
	project(t, w)
	before := entries(t, w, ada)
	ada.Call(t, "PATCH /v1/me", object{"displayName": "Ada Lovelace"}).Expect(t, 200)
	// The index still has the old name, which finds nobody.
	if got := found(t, ben, "byr"); len(got) != 0 {
		t.Errorf("by an old name: %v", got)
	}
	project(t, w)
	if got := found(t, ben, "lov"); !slices.Equal(got, []string{ada.ID}) {
		t.Errorf("by the new name: %v", got)
	}
	if got := entries(t, w, ada); slices.Equal(got, before) || len(got) != 2 || strings.Contains(fmt.Sprint(got), "byron") {
		t.Errorf("the index has %v, had %v", got, before)
	}
	w.ChangesNothing(t, func() {
		record := object{
			"eventID": "1", "eventName": "MODIFY", "eventSourceARN": "arn:aws:dynamodb:us-east-1:123456789012:table/Data/stream/x",
			"dynamodb": object{"SequenceNumber": "1", "Keys": object{"PK": object{"S": "USER#" + ada.ID}, "SK": object{"S": "PROFILE"}}},
		}
		again := record
		if answer, err := w.Invoke(t.Context(), "streams/project", object{"Records": []any{record, again}}); err != nil || strings.Contains(string(answer), "itemIdentifier") {
			t.Errorf("again: %s, %v", answer, err)
		}
	})
}

func entries(t *testing.T, w *testkit.Harness, p *testkit.Person) []string {
	t.Helper()
	all := []string{}
	for key := range w.Stored(t, "Data") {
		if strings.HasPrefix(key, "NAMES#") && strings.HasSuffix(key, "#"+p.ID) {
			all = append(all, key)
		}
	}
	slices.Sort(all)
	return all
}

// Who may not be found isn't, and no cursor says that they are there.
func TestFindHidesPeople(t *testing.T) {
	t.Parallel()
	w := testkit.New(t, functions.All())
	me := called(t, w, "me", "Me")
	hide := func(p *testkit.Person, visibility string) {
		p.Call(t, "PUT /v1/me/profile", object{"visibility": visibility, "revision": 0}).Expect(t, 200)
	}
	open := called(t, w, "open", "Kim A")
	hide(called(t, w, "nobody", "Kim B"), "nobody")
	friend := called(t, w, "friend", "Kim C")
	hide(friend, "connections")
	accept(t, friend, connect(t, me, friend, "collaborator").ConnectionID)
	followed := called(t, w, "followed", "Kim D")
	hide(followed, "connections")
	connect(t, me, followed, "follow")
	blocker, blocked := called(t, w, "blocker", "Kim E"), called(t, w, "blocked", "Kim F")
	blocker.Call(t, "PUT /v1/me/blocks/"+me.ID, nil).Expect(t, 200)
	me.Call(t, "PUT /v1/me/blocks/"+blocked.ID, nil).Expect(t, 200)
	last := called(t, w, "last", "Kim G")
	project(t, w)
	if diff := cmp.Diff([]string{open.ID, friend.ID, last.ID}, found(t, me, "kim")); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	cursor := ""
	for {
		page := testkit.As[people.List[people.Found]](t, me.Call(t, "GET /v1/users?limit=1&query=kim"+cursor, nil).Expect(t, 200))
		if page.NextCursor == nil {
			break
		}
		raw, err := base64.RawURLEncoding.DecodeString(*page.NextCursor)
		if err != nil || !strings.HasSuffix(string(raw), page.Items[len(page.Items)-1].UserID) {
			t.Errorf("the cursor after %+v is %q, %v", page.Items, raw, err)
		}
		cursor = "&cursor=" + *page.NextCursor
	}
}
