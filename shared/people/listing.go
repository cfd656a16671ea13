package people

import (
	"context"
	"fmt"

	"github.com/rapport/rapport/shared/core/caller"
	"github.com/rapport/rapport/shared/core/paging"
	"github.com/rapport/rapport/shared/core/table"
)

// ListConnectionsRequest asks for a page of the caller's connections.
type ListConnectionsRequest struct {
	State  State  `query:"state" enum:"requested,accepted,declined"`
	Type   Type   `query:"type" enum:"connection,follow,mentor,mentee,collaborator"`
	Limit  *int   `query:"limit" minimum:"1" maximum:"200"`
	Cursor string `query:"cursor" minLength:"1" maxLength:"1400"`
}

// ListConnections gives the caller's connections, newest first.
func (s *Service) ListConnections(ctx context.Context, c caller.Caller, in ListConnectionsRequest) (List[Connection], error) {
	var wanted []table.Condition
	if in.State != "" {
		wanted = append(wanted, table.Equals("state", in.State))
	}
	if in.Type != "" {
		wanted = append(wanted, table.Equals("type", in.Type))
	}
	list := fmt.Sprintf("connections of %s, %s, %s", c.UserID, in.State, in.Type)
	return own[Connection](ctx, s.data, list, in.Limit, in.Cursor, table.Query{
		PK: personPrefix + c.UserID, Prefix: connectionPrefix, Reverse: true, Filter: table.And(wanted...),
	})
}

// own gives a page of rows of a person's own partition.
func own[T any](ctx context.Context, data *table.Table, list string, limit *int, cursor string, q table.Query) (List[T], error) {
	after, err := paging.After(list, cursor)
	if err != nil {
		return List[T]{}, err
	}
	q.After = after
	answer := List[T]{Items: []T{}}
	for most := paging.Limit(limit); ; {
		q.Limit = most - len(answer.Items)
		page, err := table.List[T](ctx, data, q)
		if err != nil {
			return List[T]{}, fmt.Errorf("list %s: %w", list, paging.Problem(err))
		}
		answer.Items = append(answer.Items, page.Values()...)
		answer.NextCursor, q.After = paging.Next(list, page.Next), page.Next
		if !page.More() || len(answer.Items) >= most {
			return answer, nil
		}
	}
}
