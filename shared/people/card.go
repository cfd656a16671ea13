package people

import (
	"context"
	"fmt"

	"github.com/rapport/rapport/shared/core/caller"
	"github.com/rapport/rapport/shared/core/table"
	"github.com/rapport/rapport/shared/users"
)

// counters are how much a person has of what is counted.
type counters struct {
	ConnectionCount int64 `json:"connectionCount"`
	MeetingCount    int64 `json:"meetingCount"`
}

// Card is a person as somebody else sees them: their name, their counters, and of
// their profile what its visibility shows to whoever looks; all of it to
// themselves.
type Card struct {
	UserID          string `json:"userId"`
	DisplayName     string `json:"displayName"`
	ConnectionCount int64  `json:"connectionCount"`
	MeetingCount    int64  `json:"meetingCount" doc:"0 for everybody as yet: nothing counts who had joined a meeting that ended."`
	About
	Skills     []string `json:"skills,omitzero"`
	Goals      []string `json:"goals,omitzero"`
	Languages  []string `json:"languages,omitzero"`
	TimeZone   string   `json:"timeZone,omitzero"`
	LookingFor []string `json:"lookingFor,omitzero"`
	Links      *Links   `json:"links,omitzero"`
}

// looked is somebody as a caller meets them: what is stored of them and of the two
// together.
type looked struct {
	userID  string
	user    *table.Lookup[users.User]
	profile *table.Lookup[Profile]
	between *table.Lookup[pair]
}

// look asks for a person as a caller meets them.
func (s *Service) look(c caller.Caller, userID string) looked {
	return looked{
		userID:  userID,
		user:    table.NewLookup[users.User](s.data, users.Key(userID)),
		profile: table.NewLookup[Profile](s.data, personKey(userID, profileSort)),
		between: table.NewLookup[pair](s.data, pairKey(c.UserID, userID)),
	}
}

func (l looked) lookups() []table.Lookups { return []table.Lookups{l.user, l.profile, l.between} }

// exists tells whether there is such a person to the caller.
func (l looked) exists() bool { return l.user.Found && !l.between.Value.blocked() }

// open tells whether the person's profile shows itself to the caller.
func (l looked) open() bool {
	switch l.profile.Value.standing().Visibility {
	case Everyone:
		return true
	case ConnectionsOnly:
		return l.between.Value.close()
	}
	return false
}

// Get gives a person's card. NOT_FOUND for nobody, and where one of the two has
// blocked the other.
func (s *Service) Get(ctx context.Context, c caller.Caller, in PersonRequest) (Card, error) {
	if len(in.UserID) > maxID {
		return Card{}, nobody()
	}
	person := s.look(c, in.UserID)
	counted := table.NewLookup[counters](s.data, personKey(in.UserID, countersSort))
	if err := table.BatchGet(ctx, append(person.lookups(), counted)...); err != nil {
		return Card{}, fmt.Errorf("read person %s: %w", in.UserID, err)
	}
	if !person.exists() {
		return Card{}, nobody()
	}
	card := Card{
		UserID: in.UserID, DisplayName: person.user.Value.DisplayName,
		ConnectionCount: counted.Value.ConnectionCount, MeetingCount: counted.Value.MeetingCount,
	}
	if in.UserID == c.UserID || person.open() {
		p := person.profile.Value.standing()
		card.About, card.Skills, card.Goals, card.Languages = p.About, p.Skills, p.Goals, p.Languages
		card.TimeZone, card.LookingFor, card.Links = p.TimeZone, p.LookingFor, &p.Links
	}
	return card, nil
}
