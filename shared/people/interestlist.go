package people

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/rapport/rapport/shared/core/caller"
	"github.com/rapport/rapport/shared/core/paging"
	"github.com/rapport/rapport/shared/core/table"
)

// ListInterestsRequest asks for a page of interests.
type ListInterestsRequest struct {
	Query    string   `query:"query" minLength:"1" maxLength:"100"`
	Category Category `query:"category" enum:"academic,industry,skill,personal"`
	ParentID string   `query:"parentId" minLength:"1" maxLength:"255"`
	Limit    *int     `query:"limit" minimum:"1" maximum:"200"`
	Cursor   string   `query:"cursor" minLength:"1" maxLength:"1400"`
}

// ListInterests gives interests in the order of their names: of the taxonomy those
// of which a word begins with the query, of what people have added those whose name
// does.
func (s *Service) ListInterests(ctx context.Context, _ caller.Caller, in ListInterestsRequest) (List[Interest], error) {
	query := fold(in.Query)
	list := fmt.Sprintf("interests by %s, %s, %s", query, in.Category, in.ParentID)
	after, err := paging.After(list, in.Cursor)
	if err != nil {
		return List[Interest]{}, err
	}
	answer := List[Interest]{Items: []Interest{}}
	if in.Query != "" && query == "" {
		return answer, nil
	}
	limit := paging.Limit(in.Limit)
	added, err := s.added(ctx, in, query, after, limit)
	if err != nil {
		return List[Interest]{}, err
	}
	answer.NextCursor = paging.Next(list, added.Next)
	// What the taxonomy has lies between what people have added, up to where the page ends.
	found := added.Values()
	for _, one := range known().inOrder {
		if sort := one.sort(); in.takes(one, query) && sort > after && (!added.More() || sort <= added.Next) {
			found = append(found, one)
		}
	}
	slices.SortFunc(found, func(a, b Interest) int { return cmp.Compare(a.sort(), b.sort()) })
	if len(found) > limit {
		found = found[:limit]
		answer.NextCursor = paging.Next(list, found[limit-1].sort())
	}
	ids := make([]string, len(found))
	for i, one := range found {
		ids[i] = one.InterestID
	}
	counted, err := s.lookUp(ctx, ids)
	if err != nil {
		return List[Interest]{}, err
	}
	for _, one := range found {
		one.UsageCount = counted[one.InterestID].UsageCount
		answer.Items = append(answer.Items, one)
	}
	return answer, nil
}

// takes tells whether an interest of the taxonomy is asked for.
func (r ListInterestsRequest) takes(one Interest, query string) bool {
	if r.Category != "" && one.Category != r.Category || r.ParentID != "" && (one.ParentID == nil || *one.ParentID != r.ParentID) {
		return false
	}
	return slices.ContainsFunc(beginnings(one.Name, maxParts), func(b string) bool { return strings.HasPrefix(b, query) })
}

// added gives what people have added, which has no parent.
func (s *Service) added(ctx context.Context, in ListInterestsRequest, query, after string, limit int) (table.Page[Interest], error) {
	if in.ParentID != "" {
		return table.Page[Interest]{}, nil
	}
	q := table.Query{PK: interestList, Prefix: query, Above: after, Limit: limit, Eventual: true}
	if in.Category != "" {
		q.Filter = table.Equals("category", in.Category)
	}
	page, err := table.List[Interest](ctx, s.data, q)
	if err != nil {
		return table.Page[Interest]{}, fmt.Errorf("list interests: %w", err)
	}
	return page, nil
}
