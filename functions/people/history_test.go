package people_test

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/rapport/rapport/functions"
	"github.com/rapport/rapport/shared/people"
	"github.com/rapport/rapport/shared/testkit"
)

// insist repeats a call while there are too many changes at once, a bounded number
// of times.
func insist(call func() testkit.Answer) testkit.Answer {
	var answer testkit.Answer
	for range 20 {
		if answer = call(); answer.Status != 429 {
			break
		}
	}
	return answer
}

// Of many requests at once, from both sides, there is one connection, and it is
// counted once.
func TestOneConnectionOfManyRequests(t *testing.T) {
	t.Parallel()
	w := testkit.New(t, functions.All())
	ada, ben := w.User("ada"), w.User("ben")
	got := testkit.AtOnce(8, func(i int) testkit.Answer {
		from, to := ada, ben
		if i%2 == 1 {
			from, to = ben, ada
		}
		return insist(func() testkit.Answer {
			return from.Call(t, "POST /v1/connections", object{"userId": to.ID, "type": "connection"})
		})
	})
	ids := map[string]bool{}
	for _, answer := range got {
		ids[testkit.As[people.Connection](t, answer.Expect(t, 201)).ConnectionID] = true
	}
	if len(ids) != 1 || count(t, ada) != 1 || count(t, ben) != 1 {
		t.Errorf("%d connections, counted %d and %d", len(ids), count(t, ada), count(t, ben))
	}
	recount(t, w, ada, ben)
}

// A block beside requests and answers leaves nothing between the two.
func TestBlockAmongRequests(t *testing.T) {
	t.Parallel()
	w := testkit.New(t, functions.All())
	ada, ben := w.User("ada"), w.User("ben")
	testkit.AtOnce(6, func(i int) testkit.Answer {
		return insist(func() testkit.Answer {
			switch i {
			case 0:
				return ada.Call(t, "PUT /v1/me/blocks/"+ben.ID, nil)
			case 1, 2:
				return ada.Call(t, "POST /v1/connections", object{"userId": ben.ID, "type": types[i]})
			}
			return ben.Call(t, "POST /v1/connections", object{"userId": ada.ID, "type": types[i-1]})
		})
	})
	if got := append(connectionsOf(t, ada, ""), connectionsOf(t, ben, "")...); len(got) != 0 {
		t.Errorf("after a block: %+v", got)
	}
	recount(t, w, ada, ben)
}

// recount holds what is stored against itself: both lists say the same, no pair has
// two connections of one type, nobody who is blocked has one, and counters are what
// the lists have.
func recount(t *testing.T, w *testkit.Harness, all ...*testkit.Person) {
	t.Helper()
	lists, blocked := map[string]map[string]people.Connection{}, map[string]bool{}
	for _, p := range all {
		lists[p.ID] = map[string]people.Connection{}
		accepted, kinds := int64(0), map[string]bool{}
		for _, one := range connectionsOf(t, p, "") {
			lists[p.ID][one.ConnectionID] = one
			if one.State == people.Accepted {
				accepted++
			}
			if key := one.UserID + string(one.Type); kinds[key] {
				t.Errorf("%s has two: %+v", p.ID, one)
			} else {
				kinds[key] = true
			}
		}
		if got := count(t, p); got != accepted {
			t.Errorf("%s is counted %d, and has %d", p.ID, got, accepted)
		}
		for _, one := range testkit.As[people.List[people.Block]](t, p.Call(t, "GET /v1/me/blocks", nil)).Items {
			blocked[p.ID+one.UserID], blocked[one.UserID+p.ID] = true, true
		}
	}
	for me, list := range lists {
		for id, mine := range list {
			theirs, ok := lists[mine.UserID][id]
			if !ok || theirs.State != mine.State || theirs.Type != mine.Type || theirs.Direction == mine.Direction || theirs.UserID != me {
				t.Errorf("one sees %+v, the other %+v", mine, theirs)
			}
			if blocked[me+mine.UserID] {
				t.Errorf("a block stands beside %+v", mine)
			}
		}
	}
	for key, item := range w.Stored(t, "Data") {
		relations, _ := item["relations"].(map[string]any)
		for kind, r := range relations {
			id := r.(map[string]any)["connectionId"].(string)
			found := 0
			for _, list := range lists {
				if one, ok := list[id]; ok && string(one.Type) == kind {
					found++
				}
			}
			if found != 2 {
				t.Errorf("%s has a %s %s that stands in %d lists", key, kind, id, found)
			}
		}
	}
}

// TestHistories plays random histories of people who do at once, with retries,
// whatever they can do to each other.
func TestHistories(t *testing.T) {
	t.Parallel()
	first := uint64(time.Now().UnixNano())
	for n := range uint64(6) {
		seed := first + n
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			t.Parallel()
			w := testkit.New(t, functions.All())
			all := []*testkit.Person{w.User("ada"), w.User("ben"), w.User("eve"), w.User("kay")}
			testkit.AtOnce(len(all)*2, func(i int) testkit.Answer {
				r := rand.New(rand.NewPCG(seed, uint64(i)))
				me := all[i%len(all)]
				var last testkit.Answer
				for step := range 20 {
					other := all[(i+1+r.IntN(len(all)-1))%len(all)]
					line, body := move(t, r, me, other)
					key := testkit.Key(fmt.Sprint(i, "-", step))
					last = insist(func() testkit.Answer { return me.Call(t, line, body, key) })
					if r.IntN(3) == 0 {
						again := insist(func() testkit.Answer { return me.Call(t, line, body, key) })
						if last.Status < 300 && again.Status != last.Status {
							t.Errorf("%s: %d, then %d", line, last.Status, again.Status)
						}
					}
					if last.Status >= 500 || last.Status == 429 {
						t.Errorf("%s: %d %s", line, last.Status, last.Body)
					}
				}
				return last
			})
			recount(t, w, all...)
		})
	}
}

// move is one thing that a person may do to another.
func move(t *testing.T, r *rand.Rand, me, other *testkit.Person) (line string, body any) {
	switch n := r.IntN(20); {
	case n < 8:
		return "POST /v1/connections", object{"userId": other.ID, "type": types[r.IntN(3)]}
	case n < 18:
		page := testkit.As[people.List[people.Connection]](t, me.Call(t, "GET /v1/connections", nil))
		if len(page.Items) == 0 {
			return "POST /v1/connections", object{"userId": other.ID, "type": "follow"}
		}
		path := "/v1/connections/" + page.Items[r.IntN(len(page.Items))].ConnectionID
		switch {
		case n < 14:
			return "POST " + path + "/accept", nil
		case n < 15 && r.IntN(3) == 0:
			return "POST " + path + "/decline", nil
		}
		return "DELETE " + path, nil
	case n < 19:
		return "PUT /v1/me/blocks/" + other.ID, nil
	}
	return "DELETE /v1/me/blocks/" + other.ID, nil
}
