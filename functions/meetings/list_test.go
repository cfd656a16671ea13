package meetings_test

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/rapport/rapport/functions"
	"github.com/rapport/rapport/shared/core/errs"
	"github.com/rapport/rapport/shared/core/table"
	"github.com/rapport/rapport/shared/meetings"
	"github.com/rapport/rapport/shared/testkit"
)

// pages walks through a list by its cursors and gives the pages' ids.
func pages[T any](t *testing.T, p *testkit.Person, path string, limit int, id func(T) string) [][]string {
	t.Helper()
	var all [][]string
	request := fmt.Sprintf("GET %s?limit=%d", path, limit)
	for range 100 {
		page := testkit.As[meetings.List[T]](t, p.Call(t, request, nil))
		var ids []string
		for _, item := range page.Items {
			ids = append(ids, id(item))
		}
		all = append(all, ids)
		if page.NextCursor == nil {
			return all
		}
		request = fmt.Sprintf("GET %s?limit=%d&cursor=%s", path, limit, url.QueryEscape(*page.NextCursor))
	}
	t.Fatalf("%s: the list has no end", path)
	return nil
}

func meetingID(m meetings.Meeting) string         { return m.MeetingID }
func participantID(p meetings.Participant) string { return p.UserID }

// cursorOf is a cursor that a list gives out.
func cursorOf(t *testing.T, p *testkit.Person, path string) string {
	t.Helper()
	page := testkit.As[struct{ NextCursor *string }](t, p.Call(t, "GET "+path+"?limit=1", nil))
	if page.NextCursor == nil {
		t.Fatalf("%s has one page only", path)
	}
	return *page.NextCursor
}

func TestList(t *testing.T) {
	t.Parallel()
	h := testkit.New(t, functions.All())
	ada, ben := h.User("ada"), h.User("ben")
	var want []string
	for i := range 7 {
		creator, guest := ada, ben
		if i%2 == 1 {
			creator, guest = ben, ada
		}
		m := testkit.As[meetings.Meeting](t, creator.Call(t, "POST /v1/meetings", object{
			"title": fmt.Sprint(i), "participants": list{invitee(guest, "observer")},
		}))
		want = append(want, m.MeetingID)
	}
	ben.Call(t, "POST /v1/meetings", object{"title": "Not ada's"}).Expect(t, 201)
	// Ids sort by time, and newest come first.
	slices.Sort(want)
	slices.Reverse(want)
	for limit := range 9 {
		if limit == 0 {
			continue
		}
		got := pages(t, ada, "/v1/meetings", limit, meetingID)
		if diff := cmp.Diff(want, slices.Concat(got...)); diff != "" {
			t.Errorf("with a limit of %d (-want +got):\n%s", limit, diff)
		}
		for i, page := range got {
			if len(page) != limit && i < len(got)-1 || len(page) == 0 {
				t.Errorf("with a limit of %d, page %d has %d", limit, i, len(page))
			}
		}
	}
	if got := testkit.As[meetings.List[meetings.Meeting]](t, ada.Call(t, "GET /v1/meetings", nil)); len(got.Items) != 7 || got.NextCursor != nil {
		t.Errorf("without a limit: %+v", got)
	}
	if got := h.User("cy").Call(t, "GET /v1/meetings", nil).Expect(t, 200); string(got.Body) != `{"items":[],"nextCursor":null}` {
		t.Errorf("of somebody without meetings: %s", got.Body)
	}
	for i := 1; i < len(want); i++ {
		if want[i] > want[i-1] {
			t.Error("ids don't sort by time")
		}
	}
}

// A list goes on where it was, whatever came and went meanwhile.
func TestListWhileItChanges(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	first := f.id
	f.start(t)
	second := f.id
	cursor := url.QueryEscape(cursorOf(t, f.member, "/v1/meetings"))
	f.host.Call(t, "DELETE "+f.participantPath(f.member), nil).Expect(t, 204)
	f.start(t)
	got := testkit.As[meetings.List[meetings.Meeting]](t, f.member.Call(t, "GET /v1/meetings?cursor="+cursor, nil))
	if len(got.Items) != 1 || got.Items[0].MeetingID != first || got.NextCursor != nil {
		t.Errorf("after %s, which is gone: %+v, want %s", second, got, first)
	}
}

// An index that lags behind a removal hands out nothing of the meeting.
func TestListWhereTheIndexIsBehind(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	first := f.id
	f.start(t)
	f.mark(t, "PARTICIPANT#"+f.member.ID, table.Update{Set: map[string]any{"status": "removed"}})
	got := pages(t, f.member, "/v1/meetings", 1, meetingID)
	if diff := cmp.Diff([]string{first}, slices.Concat(got...)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestListParticipants(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	want := []string{f.cohost.ID, f.host.ID, f.member.ID, f.observer.ID}
	for _, limit := range []int{1, 2, 3, 4, 200} {
		got := pages(t, f.observer, f.path+"/participants", limit, participantID)
		if diff := cmp.Diff(want, slices.Concat(got...)); diff != "" {
			t.Errorf("with a limit of %d (-want +got):\n%s", limit, diff)
		}
	}
}

func TestLimitsOutOfRange(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	for _, path := range []string{"/v1/meetings", f.path + "/participants", f.path + "/notes/changes"} {
		for _, limit := range []string{"0", "201", "-1", "1.5", "ten", "", "1e1", "99999999999999999999", "1&limit=2"} {
			f.host.Call(t, "GET "+path+"?limit="+limit, nil).Refused(t, errs.Validation, "query.limit")
		}
		for _, limit := range []string{"1", "200"} {
			f.host.Call(t, "GET "+path+"?limit="+limit, nil).Expect(t, 200)
		}
		f.host.Call(t, "GET "+path+"?Limit=1", nil).Refused(t, errs.Validation, "query.Limit")
		f.host.Call(t, "GET "+path+"?limit=0&cursor=%21&page=2", nil).Refused(t, errs.Validation, "query.limit", "query.page")
	}
}

func TestCursorsThatThisListDidNotGive(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	other, otherPath := f.id, f.path
	f.start(t)
	mine, people := "/v1/meetings", f.path+"/participants"
	good := cursorOf(t, f.host, people)
	give := map[string]string{
		"a word":                              "hello",
		"no base64":                           "!!!",
		"cut":                                 good[:len(good)-2],
		"longer":                              good + "AA",
		"padded":                              good + "=",
		"very long":                           strings.Repeat("A", 1400),
		"over the size":                       strings.Repeat("A", 1401),
		"of the same list of another meeting": cursorOf(t, f.host, otherPath+"/participants"),
		"of one's meetings":                   cursorOf(t, f.host, mine),
		// What somebody can make who has read how cursors are made.
		"forged, before the list":          table.EncodeCursor("participants of "+f.id, "AAA"),
		"forged, behind the list":          table.EncodeCursor("participants of "+f.id, "ZZZ"),
		"forged, at the meeting":           table.EncodeCursor("participants of "+f.id, "MEETING"),
		"forged, of a list that it is not": table.EncodeCursor("participants of "+other, "PARTICIPANT#user_host"),
	}
	for i := range len(good) {
		changed := []byte(good)
		changed[i] = "AB"[min(1, strings.IndexByte("A", good[i])+1)]
		give[fmt.Sprintf("changed at %d", i)] = string(changed)
	}
	for name, cursor := range give {
		if cursor == good {
			continue
		}
		f.host.Call(t, "GET "+people+"?cursor="+url.QueryEscape(cursor), nil).Refused(t, errs.Validation, "query.cursor")
		if t.Failed() {
			t.Fatalf("a cursor that is %s: %q", name, cursor)
		}
	}
	for _, cursor := range []string{cursorOf(t, f.cohost, mine), good} {
		f.host.Call(t, "GET "+mine+"?cursor="+url.QueryEscape(cursor), nil).Refused(t, errs.Validation, "query.cursor")
	}
	// A forged cursor in the list's range is another place in what one may read.
	for _, sk := range []string{"0", "zzz", strings.Repeat("M", 1024)} {
		forged := table.EncodeCursor("meetings of "+f.host.ID, sk)
		f.host.Call(t, "GET "+mine+"?cursor="+url.QueryEscape(forged), nil).Expect(t, 200)
	}
	f.host.Call(t, "GET "+people+"?cursor=", nil).Refused(t, errs.Validation, "query.cursor")
	f.outsider.Call(t, "GET "+people+"?cursor="+good, nil).Refused(t, errs.Forbidden)
}
