package meetings_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/rapport/rapport/shared/core/table"
	"github.com/rapport/rapport/shared/meetings"
	"github.com/rapport/rapport/shared/testkit"
	"github.com/rapport/rapport/shared/users"
)

// propagate hands the function what has happened, until nothing more happens.
func (f *fixture) propagate(t *testing.T) {
	t.Helper()
	for range 10 {
		got := f.Stream(t, "Data", "streams/project")
		if len(got.Failed) > 0 {
			t.Fatalf("failed: %v", got.Failed)
		}
		if got.Records == 0 {
			return
		}
	}
	t.Fatal("it never comes to rest")
}

func rename(t *testing.T, p *testkit.Person, name string) {
	t.Helper()
	p.Call(t, "PATCH /v1/me", object{"displayName": name}).Expect(t, 200)
}

// called is what a meeting calls a person.
func (f *fixture) called(t *testing.T, path string, p *testkit.Person) string {
	t.Helper()
	all := testkit.As[meetings.List[meetings.Participant]](t, f.host.Call(t, "GET "+path+"/participants?limit=200", nil).Expect(t, 200))
	for _, participant := range all.Items {
		if participant.UserID == p.ID {
			return participant.DisplayName
		}
	}
	return ""
}

func TestNewNameReachesMeetings(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	var paths []string
	for i := range 5 {
		f.start(t)
		paths = append(paths, f.path)
		if i > 0 {
			f.host.Call(t, "POST "+f.path+"/start", nil).Expect(t, 200)
		}
		if i > 2 {
			f.host.Call(t, "POST "+f.path+"/end", nil).Expect(t, 200)
		}
	}
	f.host.Call(t, "PATCH "+f.participantPath(f.member), object{"role": "observer"})
	f.propagate(t)
	revision := f.meeting(t).Revision
	f.ChangesNothing(t, func() { f.propagate(t) })

	rename(t, f.member, "Renamed")
	rename(t, f.removed, "Gone")
	f.propagate(t)
	for i, path := range paths {
		if got := f.called(t, path, f.member); got != "Renamed" {
			t.Errorf("meeting %d calls the member %q", i, got)
		}
		if got := f.called(t, path, f.observer); got != "Observer Test" {
			t.Errorf("meeting %d calls the observer %q", i, got)
		}
		if got := f.called(t, path, f.removed); got != "" {
			t.Errorf("meeting %d has somebody who was removed, as %q", i, got)
		}
	}
	if m := f.consistent(t); m.Revision != revision+1 {
		t.Errorf("the revision went from %d to %d", revision, m.Revision)
	}
	// Whoever is invited again comes with the newest name.
	f.path = paths[0]
	f.host.Call(t, "POST "+f.path+"/participants", invitee(f.removed, "observer")).Expect(t, 201)
	if got := f.called(t, f.path, f.removed); got != "Gone" {
		t.Errorf("invited again as %q", got)
	}
}

// A name that comes back before the first one has been propagated costs no
// revision, and the order of names is kept.
func TestNameThatComesBack(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.propagate(t)
	revision := f.meeting(t).Revision
	rename(t, f.member, "Other")
	rename(t, f.member, "Member Test")
	f.propagate(t)
	if got := f.meeting(t).Revision; got != revision || f.called(t, f.path, f.member) != "Member Test" {
		t.Errorf("the revision went from %d to %d", revision, got)
	}
	rename(t, f.member, "Other")
	f.propagate(t)
	if got := f.called(t, f.path, f.member); got != "Other" {
		t.Errorf("called %q", got)
	}
}

// What was stored before names had revisions is brought up to date as well.
func TestRowsWithoutRevision(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	seat := table.Key{PK: "MEETING#" + f.id, SK: "PARTICIPANT#" + f.member.ID}
	if err := f.Tables.Data.Update(t.Context(), seat, table.Update{Remove: []string{"nameRevision"}}); err != nil {
		t.Fatal(err)
	}
	meeting := table.Key{PK: "MEETING#" + f.id, SK: "MEETING"}
	if err := f.Tables.Data.Update(t.Context(), meeting, table.Update{Remove: []string{"ownRevision"}}); err != nil {
		t.Fatal(err)
	}
	before := f.meeting(t).Revision
	rename(t, f.member, "Renamed")
	f.propagate(t)
	if got := f.called(t, f.path, f.member); got != "Renamed" {
		t.Errorf("called %q", got)
	}
	// Nobody knows any more what had changed before; what has changed since was a
	// participant.
	f.host.Call(t, "PATCH "+f.path, object{"revision": before - 1, "title": "Late"}).Expect(t, 409)
	f.host.Call(t, "PATCH "+f.path, object{"revision": before, "title": "In time"}).Expect(t, 200)
}

// People are renamed while they are invited, removed and given roles, and records
// come early, late and twice: in the end every meeting has everybody's last name,
// and counts right.
func TestRenamedWhileEverythingHappens(t *testing.T) {
	t.Parallel()
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	f := newFixture(t)
	invited := f.members(3)
	names := make([]string, len(invited))
	testkit.AtOnce(len(invited)+3, func(worker int) struct{} {
		random := rand.New(rand.NewPCG(seed, uint64(worker)))
		for i := range 12 {
			p := invited[random.IntN(len(invited))]
			role := []string{"observer", "participant"}[random.IntN(2)]
			switch {
			case worker < len(invited):
				names[worker] = fmt.Sprint("Name ", worker, " ", i)
				rename(t, invited[worker], names[worker])
			case worker == len(invited):
				f.Stream(t, "Data", "streams/project")
			default:
				line, body := []string{"POST " + f.path + "/participants", "DELETE " + f.participantPath(p), "PATCH " + f.participantPath(p)}[random.IntN(3)], any(nil)
				if strings.HasPrefix(line, "POST") {
					body = invitee(p, role)
				} else if strings.HasPrefix(line, "PATCH") {
					body = object{"role": role}
				}
				if a := f.host.Call(t, line, body); a.Status >= 500 {
					t.Errorf("%s: %d %s", line, a.Status, a.Body)
				}
			}
		}
		return struct{}{}
	})
	for _, p := range invited {
		f.host.Call(t, "POST "+f.path+"/participants", invitee(p, "observer"))
	}
	f.propagate(t)
	for i, p := range invited {
		if got := f.called(t, f.path, p); got != names[i] {
			t.Errorf("%s is called %q, not %q", p.ID, got, names[i])
		}
	}
	f.consistent(t)
}

// The index of a person's meetings is behind, or the invitation commits after
// the walk through it: the row's own record leads there.
func TestInvitedByAnOldName(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.propagate(t)
	before := testkit.As[users.Me](t, f.member.Call(t, "GET /v1/me", nil))
	rename(t, f.member, "Renamed")
	f.propagate(t)
	// As if the invitation had read the user before.
	seat := table.Key{PK: "MEETING#" + f.id, SK: "PARTICIPANT#" + f.member.ID}
	err := f.Tables.Data.Update(t.Context(), seat, table.Update{Set: map[string]any{"displayName": before.DisplayName, "nameRevision": 1}})
	if err != nil {
		t.Fatal(err)
	}
	f.propagate(t)
	if got := f.called(t, f.path, f.member); got != "Renamed" {
		t.Errorf("called %q", got)
	}
}
