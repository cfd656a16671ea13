package people

import (
	"context"
	"fmt"
	"unicode/utf8"

	"github.com/rapport/rapport/shared/core/caller"
	"github.com/rapport/rapport/shared/core/errs"
	"github.com/rapport/rapport/shared/core/paging"
	"github.com/rapport/rapport/shared/core/table"
)

const (
	// perLook is how many entries are looked at together: three items each, read in
	// one batch.
	perLook = 33
	// maxLooks bounds the entries that one call looks at.
	maxLooks = 20
)

// FindRequest asks for people by the beginning of any part of their name.
type FindRequest struct {
	Query  string `query:"query" required:"true" minLength:"2" maxLength:"100"`
	Limit  *int   `query:"limit" minimum:"1" maximum:"200"`
	Cursor string `query:"cursor" minLength:"1" maxLength:"1400"`
}

// Found is a person as a search finds them.
type Found struct {
	UserID      string `json:"userId"`
	DisplayName string `json:"displayName"`
	Headline    string `json:"headline,omitzero"`
}

// Find gives people by the beginning of any part of their name, case, accents and
// width aside, in the order of what was found. People whose profile is for nobody
// aren't found, those whose is for connections by connections alone, and nobody by
// whom they have blocked or who has blocked them. The index follows new names within
// seconds; what it still has of an old one finds nobody.
//
// A page's cursor is the place of a person on it, never of one who was left out. So
// where more than 660 in a row are left out, the list ends early.
func (s *Service) Find(ctx context.Context, c caller.Caller, in FindRequest) (List[Found], error) {
	query := fold(in.Query)
	if utf8.RuneCountInString(query) < minQuery {
		return List[Found]{}, errs.Invalid("query.query", "must have at least %d letters or digits", minQuery)
	}
	list := fmt.Sprintf("people found by %s for %s", query, c.UserID)
	after, err := paging.After(list, in.Cursor)
	if err != nil {
		return List[Found]{}, err
	}
	answer := List[Found]{Items: []Found{}}
	limit, last := paging.Limit(in.Limit), ""
	for range maxLooks {
		page, err := table.List[entry](ctx, s.data, table.Query{PK: namePartition(query), Prefix: query, Limit: perLook, After: after, Eventual: true})
		if err != nil {
			return List[Found]{}, fmt.Errorf("find people: %w", paging.Problem(err))
		}
		met, err := s.meet(ctx, c, page.Values())
		if err != nil {
			return List[Found]{}, err
		}
		for i, row := range page.Items {
			person := met[i]
			if !person.exists() || !person.open() || !leads(row, person.user.Value.DisplayName, query) {
				continue
			}
			if len(answer.Items) == limit {
				answer.NextCursor = paging.Next(list, last)
				return answer, nil
			}
			last = row.Key.SK
			answer.Items = append(answer.Items, Found{
				UserID: person.userID, DisplayName: person.user.Value.DisplayName, Headline: person.profile.Value.Headline,
			})
		}
		if !page.More() {
			return answer, nil
		}
		after = page.Next
	}
	answer.NextCursor = paging.Next(list, last)
	return answer, nil
}

// meet reads people as the caller meets them.
func (s *Service) meet(ctx context.Context, c caller.Caller, entries []entry) ([]looked, error) {
	met := make([]looked, len(entries))
	// The same item is read once, however many entries lead to it.
	seen := map[string]int{}
	var gets []table.Lookups
	for i, one := range entries {
		if first, twice := seen[one.UserID]; twice {
			met[i] = met[first]
			continue
		}
		seen[one.UserID] = i
		met[i] = s.look(c, one.UserID)
		gets = append(gets, met[i].lookups()...)
	}
	if len(gets) == 0 {
		return met, nil
	}
	if err := table.BatchGet(ctx, gets...); err != nil {
		return nil, fmt.Errorf("read people: %w", err)
	}
	return met, nil
}
