package people_test

import (
	"bytes"
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/rapport/rapport/functions"
	"github.com/rapport/rapport/shared/core/errs"
	"github.com/rapport/rapport/shared/people"
	"github.com/rapport/rapport/shared/testkit"
)

type object = map[string]any

func TestProfile(t *testing.T) {
	t.Parallel()
	w := testkit.New(t, functions.All())
	ada := w.User("ada")
	fresh := testkit.As[people.Profile](t, ada.Call(t, "GET /v1/me/profile", nil).Expect(t, 200))
	want := people.Profile{
		Skills: []string{}, Goals: []string{}, Languages: []string{}, LookingFor: []string{}, TimeZone: "UTC", Visibility: "everyone",
	}
	if diff := cmp.Diff(want, fresh); diff != "" {
		t.Errorf("never stored (-want +got):\n%s", diff)
	}
	sent := object{
		"headline": "Analyst", "bio": "Two lines\nof it", "jobTitle": "Countess", "company": "Own", "industry": "Engines",
		"experienceYears": 0, "experienceLevel": "senior", "skills": []string{" Analysis ", "C++"}, "goals": []string{"Build it"},
		"languages": []string{"en", "PT-br"}, "timeZone": "Europe/London", "lookingFor": []string{"mentor", "job"},
		"links": object{"website": "https://example.com/ada"}, "visibility": "connections", "revision": 0,
	}
	stored := testkit.As[people.Profile](t, ada.Call(t, "PUT /v1/me/profile", sent).Expect(t, 200))
	years, level := 0, people.ExperienceLevel("senior")
	want = people.Profile{
		About: people.About{
			Headline: "Analyst", Bio: "Two lines\nof it", JobTitle: "Countess", Company: "Own", Industry: "Engines",
			ExperienceYears: &years, ExperienceLevel: &level,
		},
		Skills: []string{"Analysis", "C++"}, Goals: []string{"Build it"}, Languages: []string{"en", "pt-BR"}, TimeZone: "Europe/London",
		LookingFor: []string{"mentor", "job"}, Links: people.Links{Website: "https://example.com/ada"}, Visibility: "connections", Revision: 1,
	}
	if diff := cmp.Diff(want, stored); diff != "" {
		t.Errorf("stored (-want +got):\n%s", diff)
	}
	got := ada.Call(t, "GET /v1/me/profile", nil).Expect(t, 200)
	if diff := cmp.Diff(want, testkit.As[people.Profile](t, got)); diff != "" {
		t.Errorf("read (-want +got):\n%s", diff)
	}
	// What was read can be sent; visibility that is left out stays.
	var again object
	got.JSON(t, &again)
	delete(again, "visibility")
	if p := testkit.As[people.Profile](t, ada.Call(t, "PUT /v1/me/profile", again).Expect(t, 200)); p.Visibility != "connections" || p.Revision != 2 {
		t.Errorf("sent again: %+v", p)
	}
	w.ChangesNothing(t, func() { ada.Call(t, "PUT /v1/me/profile", again).Refused(t, errs.Conflict) })
	w.Nobody().Call(t, "GET /v1/me/profile", nil).Refused(t, errs.Unauthorized)
	w.Nobody().Call(t, "PUT /v1/me/profile", again).Refused(t, errs.Unauthorized)
}

func TestProfileThatIsRefused(t *testing.T) {
	t.Parallel()
	w := testkit.New(t, functions.All())
	ada := w.User("ada")
	ada.Call(t, "GET /v1/me", nil).Expect(t, 200)
	many := make([]string, 51)
	for i := range many {
		many[i] = "skill " + string(rune('A'+i))
	}
	for _, tt := range []struct {
		field string
		value any
		at    string
	}{
		{"bio", string(bytes.Repeat([]byte("x"), 2001)), "body.bio"},
		{"headline", "two\nlines", "body.headline"},
		{"experienceYears", -1, "body.experienceYears"},
		{"experienceLevel", "guru", "body.experienceLevel"},
		{"skills", many, "body.skills"},
		{"skills", []string{"a", " "}, "body.skills[1]"},
		{"skills", []string{"a", "a "}, "body.skills[1]"},
		{"skills", []string{string(bytes.Repeat([]byte("x"), 81))}, "body.skills[0]"},
		{"languages", []string{"en", "klingonese"}, "body.languages[1]"},
		{"languages", []string{"en_US"}, "body.languages[0]"},
		{"languages", []string{"en", "EN"}, "body.languages[1]"},
		{"timeZone", "Local", "body.timeZone"},
		{"timeZone", "Mars/Olympus", "body.timeZone"},
		{"timeZone", "../etc/passwd", "body.timeZone"},
		{"lookingFor", []string{"fame"}, "body.lookingFor[0]"},
		{"links", object{"website": "javascript:alert(1)"}, "body.links.website"},
		{"links", object{"website": "http://example.com"}, "body.links.website"},
		{"links", object{"linkedin": "https://me:pass@example.com"}, "body.links.linkedin"},
		{"links", object{"linkedin": "https://"}, "body.links.linkedin"},
		{"links", object{"other": "https://example.com"}, "body.links.other"},
		{"visibility", "friends", "body.visibility"},
		{"revision", -1, "body.revision"},
		{"email", "ada@example.com", "body.email"},
	} {
		sent := object{"revision": 0}
		sent[tt.field] = tt.value
		ada.Call(t, "PUT /v1/me/profile", sent).Refused(t, errs.Validation, tt.at)
	}
	if got := testkit.As[people.Profile](t, ada.Call(t, "GET /v1/me/profile", nil)); got.Revision != 0 {
		t.Errorf("something is stored: %+v", got)
	}
}

// Of many writers of one revision one wins; a key gets its first answer again.
func TestProfileAtOnce(t *testing.T) {
	t.Parallel()
	w := testkit.New(t, functions.All())
	ada := w.User("ada")
	got := testkit.AtOnce(6, func(i int) testkit.Answer {
		return ada.Call(t, "PUT /v1/me/profile", object{"headline": string(rune('A' + i)), "revision": 0})
	})
	won := 0
	for _, answer := range got {
		switch answer.Status {
		case 200:
			won++
		case 409:
		default:
			t.Errorf("%d %s", answer.Status, answer.Body)
		}
	}
	if won != 1 {
		t.Errorf("%d of one revision won", won)
	}
	body := object{"headline": "Keyed", "revision": 1}
	first := ada.Call(t, "PUT /v1/me/profile", body, testkit.Key("k")).Expect(t, 200)
	w.ChangesNothing(t, func() {
		second := ada.Call(t, "PUT /v1/me/profile", body, testkit.Key("k")).Expect(t, 200)
		if diff := cmp.Diff(json.RawMessage(first.Body), json.RawMessage(second.Body)); diff != "" {
			t.Error(diff)
		}
	})
}

func TestCardByVisibility(t *testing.T) {
	t.Parallel()
	w := testkit.New(t, functions.All())
	ada, friend, follower, stranger := w.User("ada"), w.User("friend"), w.User("follower"), w.User("stranger")
	connect(t, friend, ada, "connection")
	accept(t, ada, connectionsOf(t, ada, "")[0].ConnectionID)
	connect(t, follower, ada, "follow")
	revision := 0
	for _, tt := range []struct {
		visibility string
		sees       []*testkit.Person
		not        []*testkit.Person
	}{
		{"everyone", []*testkit.Person{ada, friend, follower, stranger}, nil},
		{"connections", []*testkit.Person{ada, friend}, []*testkit.Person{follower, stranger}},
		{"nobody", []*testkit.Person{ada}, []*testkit.Person{friend, follower, stranger}},
	} {
		ada.Call(t, "PUT /v1/me/profile", object{"headline": "Analyst", "visibility": tt.visibility, "revision": revision}).Expect(t, 200)
		revision++
		for i, p := range append(tt.sees, tt.not...) {
			answer := p.Call(t, "GET /v1/users/"+ada.ID, nil).Expect(t, 200)
			card := testkit.As[people.Card](t, answer)
			if card.DisplayName != ada.DisplayName || card.UserID != ada.ID || card.ConnectionCount != 2 {
				t.Errorf("%s: %s sees %+v", tt.visibility, p.ID, card)
			}
			if shown := card.Headline == "Analyst"; shown != (i < len(tt.sees)) {
				t.Errorf("%s: %s sees the profile: %v", tt.visibility, p.ID, shown)
			}
			if bytes.Contains(answer.Body, []byte("@")) || bytes.Contains(bytes.ToLower(answer.Body), []byte("email")) {
				t.Errorf("an e-mail: %s", answer.Body)
			}
		}
	}
	stranger.Call(t, "GET /v1/users/nobody", nil).Refused(t, errs.NotFound)
	w.Nobody().Call(t, "GET /v1/users/"+ada.ID, nil).Refused(t, errs.Unauthorized)
}
