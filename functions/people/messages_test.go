package people_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/rapport/rapport/functions"
	"github.com/rapport/rapport/shared/core/errs"
	"github.com/rapport/rapport/shared/people"
	"github.com/rapport/rapport/shared/testkit"
)

func TestMessages(t *testing.T) {
	t.Parallel()
	w := testkit.New(t, functions.All())
	ada, ben, eve := w.User("ada"), w.User("ben"), w.User("eve")
	id := connect(t, ada, ben, "connection").ConnectionID
	path := "/v1/connections/" + id + "/messages"
	post := func(p *testkit.Person, text string, options ...testkit.Option) people.Message {
		t.Helper()
		return testkit.As[people.Message](t, p.Call(t, "POST "+path, object{"text": text}, options...).Expect(t, 201))
	}
	forbidden := func(who ...*testkit.Person) {
		t.Helper()
		w.ChangesNothing(t, func() {
			for _, p := range who {
				p.Call(t, "POST "+path, object{"text": "x"}).Refused(t, errs.Forbidden)
				p.Call(t, "GET "+path, nil).Refused(t, errs.Forbidden)
			}
		})
	}
	forbidden(ada, ben, eve)
	accept(t, ben, id)
	forbidden(eve)

	socket := ben.Connect(t)
	if got := socket.Ask(t, object{"action": "subscribe", "id": "1", "topic": "connections/" + id}); got.Type != "subscribed" {
		t.Fatalf("subscribed: %+v", got)
	}
	stranger := eve.Connect(t)
	for _, topic := range []string{"connections/" + id, "connections/none"} {
		if got := stranger.Ask(t, object{"action": "subscribe", "id": "1", "topic": topic}); got.Code != errs.Forbidden {
			t.Errorf("a stranger follows %s: %+v", topic, got)
		}
	}
	want := []people.Message{}
	for i, p := range []*testkit.Person{ada, ben, ada} {
		got := post(p, fmt.Sprint("message ", i))
		if got.Position != int64(i+1) || got.AuthorID != p.ID || got.Text != fmt.Sprint("message ", i) || got.ReplyTo != nil || len(got.Reactions) != 0 {
			t.Errorf("posted %+v", got)
		}
		want = append(want, got)
	}
	reply := testkit.As[people.Message](t, ben.Call(t, "POST "+path, object{"text": "yes", "replyTo": want[1].MessageID}).Expect(t, 201))
	if reply.ReplyTo == nil || *reply.ReplyTo != want[1].MessageID {
		t.Errorf("replied %+v", reply)
	}
	want = append(want, reply)
	heard := []people.Message{}
	for _, event := range socket.Events(t, "connections/"+id) {
		var posted people.Posted
		if err := json.Unmarshal(event.Data, &posted); err != nil || posted.Kind != "created" || posted.Message.Position != event.Position {
			t.Errorf("heard %s at %d, %v", event.Data, event.Position, err)
		}
		heard = append(heard, posted.Message)
	}
	if diff := cmp.Diff(want, heard); diff != "" {
		t.Errorf("heard (-posted +got):\n%s", diff)
	}
	var all []people.Message
	for cursor := ""; ; {
		page := testkit.As[people.MessageList](t, ada.Call(t, "GET "+path+"?limit=3"+cursor, nil).Expect(t, 200))
		all = append(all, page.Items...)
		if page.NextCursor == nil {
			break
		}
		cursor = "&cursor=" + *page.NextCursor
	}
	if diff := cmp.Diff(want, all); diff != "" {
		t.Errorf("listed (-posted +got):\n%s", diff)
	}
	if page := testkit.As[people.MessageList](t, ada.Call(t, "GET "+path+"?from=3", nil)); len(page.Items) != 1 || page.Items[0].Position != 4 {
		t.Errorf("from 3: %+v", page)
	}

	first := post(ada, "once", testkit.Key("k"))
	w.ChangesNothing(t, func() {
		if diff := cmp.Diff(first, post(ada, "once", testkit.Key("k"))); diff != "" {
			t.Errorf("once more (-first +got):\n%s", diff)
		}
		ada.Call(t, "POST "+path, object{"text": "other"}, testkit.Key("k")).Refused(t, errs.Conflict)
		for body, at := range map[string]string{
			`{"text":""}`: "body.text", `{"text":" "}`: "body.text", `{}`: "body.text",
			`{"text":"` + strings.Repeat("x", 4001) + `"}`: "body.text",
			`{"text":"x","replyTo":"99"}`:                  "body.replyTo",
			`{"text":"x","replyTo":"01"}`:                  "body.replyTo",
			`{"text":"x","replyTo":"none"}`:                "body.replyTo",
		} {
			ada.Call(t, "POST "+path, body).Refused(t, errs.Validation, at)
		}
		w.Nobody().Call(t, "POST "+path, object{"text": "x"}).Refused(t, errs.Unauthorized)
	})

	ben.Call(t, "PUT /v1/me/blocks/"+ada.ID, nil).Expect(t, 200)
	late := ada.Connect(t)
	w.ChangesNothing(t, func() {
		for _, p := range []*testkit.Person{ada, ben} {
			p.Call(t, "POST "+path, object{"text": "x"}).Refused(t, errs.NotFound)
			p.Call(t, "GET "+path, nil).Refused(t, errs.NotFound)
		}
		if got := late.Ask(t, object{"action": "subscribe", "id": "1", "topic": "connections/" + id}); got.Code != errs.Forbidden {
			t.Errorf("what has ended is followed: %+v", got)
		}
	})
	eve.Call(t, "GET "+path, nil).Refused(t, errs.Forbidden)
}
