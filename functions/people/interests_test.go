package people_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/rapport/rapport/functions"
	"github.com/rapport/rapport/shared/core/errs"
	"github.com/rapport/rapport/shared/people"
	"github.com/rapport/rapport/shared/testkit"
)

// choose replaces a person's interests.
func choose(t *testing.T, p *testkit.Person, chosen ...object) []people.Held {
	t.Helper()
	if chosen == nil {
		chosen = []object{}
	}
	answer := insist(func() testkit.Answer { return p.Call(t, "PUT /v1/me/interests", object{"interests": chosen}) })
	return testkit.As[people.Interests](t, answer.Expect(t, 200)).Interests
}

// listed are all interests of a query, in pages of the limit.
func listed(t *testing.T, p *testkit.Person, query string, limit int) []people.Interest {
	t.Helper()
	var all []people.Interest
	cursor := ""
	for {
		page := testkit.As[people.List[people.Interest]](t, p.Call(t, fmt.Sprintf("GET /v1/interests?limit=%d%s%s", limit, query, cursor), nil).Expect(t, 200))
		all = append(all, page.Items...)
		if page.NextCursor == nil {
			return all
		}
		cursor = "&cursor=" + *page.NextCursor
	}
}

func TestTaxonomy(t *testing.T) {
	t.Parallel()
	w := testkit.New(t, functions.All())
	ada := w.User("ada")
	choose(t, ada, object{"name": "Machine knitting", "category": "personal"}, object{"name": "Aardvarks", "category": "personal"}, object{"name": "Zymurgy", "category": "skill"})
	all := listed(t, ada, "", 200)
	if len(all) < 100 {
		t.Fatalf("%d interests", len(all))
	}
	for _, limit := range []int{1, 7, 50} {
		if diff := cmp.Diff(all, listed(t, ada, "", limit)); diff != "" {
			t.Fatalf("in pages of %d (-at once +got):\n%s", limit, diff)
		}
	}
	names := func(query string) (found []string) {
		for _, one := range listed(t, ada, query, 3) {
			found = append(found, one.Name)
		}
		return found
	}
	for query, want := range map[string][]string{
		"&query=machine":                   {"Machine knitting", "Machine learning"},
		"&query=LEARN":                     {"Machine learning", "Learning languages"},
		"&query=machine&category=academic": {"Machine learning"},
		"&query=machine&category=personal": {"Machine knitting"},
		"&parentId=mathematics":            {"Algebra", "Cryptography", "Optimization", "Probability", "Statistics"},
		"&query=c%2B":                      {"C++"},
		"&parentId=unknown":                nil,
		"&query=%2D":                       nil,
	} {
		got := names(query)
		slices.Sort(got)
		slices.Sort(want)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", query, diff)
		}
	}
	for _, one := range all {
		if one.ParentID != nil && !slices.ContainsFunc(all, func(p people.Interest) bool { return p.InterestID == *one.ParentID && p.Category == one.Category }) {
			t.Errorf("%+v has no such parent", one)
		}
	}
	ada.Call(t, "GET /v1/interests?category=other", nil).Refused(t, errs.Validation, "query.category")
	ada.Call(t, "GET /v1/interests?cursor=x", nil).Refused(t, errs.Validation, "query.cursor")
	w.Nobody().Call(t, "GET /v1/interests", nil).Refused(t, errs.Unauthorized)
}

func TestSpellingsAreOneInterest(t *testing.T) {
	t.Parallel()
	w := testkit.New(t, functions.All())
	ada, ben := w.User("ada"), w.User("ben")
	if got := testkit.As[people.Interests](t, ada.Call(t, "GET /v1/me/interests", nil)); len(got.Interests) != 0 {
		t.Errorf("at first %+v", got)
	}
	mine := choose(t, ada,
		object{"name": "machine-LEARNING", "category": "skill", "proficiency": 3}, object{"interestId": "machine-learning", "proficiency": 5},
		object{"name": "Café culture", "category": "personal"}, object{"name": "C++", "category": "personal"}, object{"name": "C", "category": "skill"},
	)
	if len(mine) != 4 || mine[0].InterestID != "machine-learning" || *mine[0].Proficiency != 3 || mine[0].Category != "academic" || mine[2].InterestID != "c-plus-plus" {
		t.Fatalf("chosen %+v", mine)
	}
	if diff := cmp.Diff(mine, testkit.As[people.Interests](t, ada.Call(t, "GET /v1/me/interests", nil)).Interests); diff != "" {
		t.Errorf("read (-chosen +got):\n%s", diff)
	}
	for _, spelling := range []string{"cafe culture", "CAFÉ-CULTURE", "Ｃａｆｅ　Ｃｕｌｔｕｒｅ", "cafe\u0301 culture!", "CaféCulture"} {
		got := choose(t, ben, object{"name": spelling, "category": "industry"})
		if got[0].InterestID != mine[1].InterestID || got[0].Name != "Café culture" || got[0].Category != "personal" {
			t.Errorf("%s is %+v", spelling, got)
		}
	}
	ids := map[string]bool{}
	for _, got := range testkit.AtOnce(8, func(i int) testkit.Answer {
		p := w.User(fmt.Sprint("p", i))
		return insist(func() testkit.Answer {
			return p.Call(t, "PUT /v1/me/interests", object{"interests": []object{{"name": []string{"New thing", "new-thing"}[i%2], "category": "skill"}}})
		})
	}) {
		ids[testkit.As[people.Interests](t, got.Expect(t, 200)).Interests[0].InterestID] = true
	}
	if len(ids) != 1 {
		t.Errorf("named at once, it has the ids %v", ids)
	}
	w.ChangesNothing(t, func() {
		for body, at := range map[string]string{
			`{"interests":[{"interestId":"mathematics"},{"interestId":"nothing"}]}`:                "body.interests[1].interestId",
			`{"interests":[{"name":"New one","category":"skill"},{"interestId":"nothing"}]}`:       "body.interests[1].interestId",
			`{"interests":[{"name":"Half"}]}`:                                                      "body.interests[0]",
			`{"interests":[{}]}`:                                                                   "body.interests[0]",
			`{"interests":[{"interestId":"mathematics","name":"Mathematics","category":"skill"}]}`: "body.interests[0]",
			`{"interests":[{"name":"!!!","category":"skill"}]}`:                                    "body.interests[0].name",
			`{"interests":[{"interestId":"mathematics","proficiency":6}]}`:                         "body.interests[0].proficiency",
		} {
			ada.Call(t, "PUT /v1/me/interests", body).Refused(t, errs.Validation, at)
		}
		many := make([]object, 51)
		for i := range many {
			many[i] = object{"interestId": "mathematics"}
		}
		ada.Call(t, "PUT /v1/me/interests", object{"interests": many}).Refused(t, errs.Validation, "body.interests")
		w.Nobody().Call(t, "PUT /v1/me/interests", object{"interests": many[:1]}).Refused(t, errs.Unauthorized)
	})
}

// usage is what lists say of how many people have each interest.
func usage(t *testing.T, p *testkit.Person) map[string]int64 {
	t.Helper()
	counts := map[string]int64{}
	for _, one := range listed(t, p, "", 200) {
		if one.UsageCount != 0 {
			counts[one.InterestID] = one.UsageCount
		}
	}
	return counts
}

func TestUsageIsCounted(t *testing.T) {
	t.Parallel()
	w := testkit.New(t, functions.All())
	ada, ben := w.User("ada"), w.User("ben")
	var fifty []object
	for i := range 50 {
		fifty = append(fifty, object{"name": fmt.Sprint("Thing ", i), "category": "skill"})
	}
	choose(t, ada, fifty...)
	choose(t, ben, fifty[:2]...)
	project(t, w)
	if got := usage(t, ada); len(got) != 50 {
		t.Errorf("%d are counted: %v", len(got), got)
	}
	// All change at once, which is more than one transaction takes.
	for i := range fifty {
		fifty[i] = object{"name": fmt.Sprint("Other ", i), "category": "skill"}
	}
	choose(t, ada, fifty...)
	project(t, w)
	if got := usage(t, ada); len(got) != 52 {
		t.Errorf("%d are counted: %v", len(got), got)
	}
	choose(t, ada)
	choose(t, ben)
	project(t, w)
	if got := usage(t, ada); len(got) != 0 {
		t.Errorf("nobody has any, counted %v", got)
	}
}

// TestUsageHistories plays random histories of people who change their interests at
// once, while records come in several batches at once, twice and in any order.
func TestUsageHistories(t *testing.T) {
	t.Parallel()
	first := uint64(time.Now().UnixNano())
	for n := range uint64(3) {
		seed := first + n
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			t.Parallel()
			w := testkit.New(t, functions.All())
			pool := []object{{"interestId": "go"}, {"interestId": "jazz"}, {"name": "Kites", "category": "personal"}, {"name": "kites!", "category": "skill"}, {"interestId": "ethics"}}
			all := make([]*testkit.Person, 5)
			for i := range all {
				all[i] = w.User(fmt.Sprint("p", i))
			}
			testkit.AtOnce(len(all)+2, func(i int) testkit.Answer {
				r := rand.New(rand.NewPCG(seed, uint64(i)))
				for range 8 {
					if i >= len(all) {
						// A reader that is given anybody's record, at any time.
						p := all[r.IntN(len(all))]
						record := object{
							"eventID": "1", "eventName": "MODIFY", "eventSourceARN": "arn:aws:dynamodb:us-east-1:123456789012:table/Data/stream/x",
							"dynamodb": object{"SequenceNumber": "1", "Keys": object{"PK": object{"S": "PERSON#" + p.ID}, "SK": object{"S": "INTERESTS"}}},
						}
						if _, err := w.Invoke(t.Context(), "streams/project", object{"Records": []any{record}}); err != nil {
							t.Error(err)
						}
						continue
					}
					mine := []object{}
					for _, one := range pool {
						if r.IntN(2) == 0 {
							mine = append(mine, one)
						}
					}
					choose(t, all[i], mine...)
				}
				return testkit.Answer{}
			})
			project(t, w)
			want := map[string]int64{}
			for _, p := range all {
				for _, one := range testkit.As[people.Interests](t, p.Call(t, "GET /v1/me/interests", nil)).Interests {
					want[one.InterestID]++
				}
			}
			if diff := cmp.Diff(want, usage(t, all[0])); diff != "" {
				t.Errorf("counted (-recount +got):\n%s", diff)
			}
		})
	}
}
