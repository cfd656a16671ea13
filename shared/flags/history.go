package flags

import (
	"context"
	"fmt"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/rapport/rapport/shared/core/caller"
	"github.com/rapport/rapport/shared/core/paging"
	"github.com/rapport/rapport/shared/core/table"
)

// HistoryEntry is one change of a flag.
type HistoryEntry struct {
	Version int64     `json:"version" doc:"The flag's revision since this change."`
	Reason  string    `json:"reason"`
	By      string    `json:"by" doc:"The userId of the operator."`
	At      time.Time `json:"at"`
	Flag    Flag      `json:"flag" doc:"As it was since this change; a deleted flag as it was before."`
	Deleted bool      `json:"deleted,omitzero"`
}

// historyItem is a change as stored.
type historyItem struct {
	Reason  string    `json:"reason"`
	By      string    `json:"by"`
	At      time.Time `json:"at"`
	Deleted bool      `json:"deleted,omitempty"`
	// Record is the flag as JSON, with how its weights fell on people.
	Record string `json:"record"`
}

// HistoryRequest asks for a page of a flag's history.
type HistoryRequest struct {
	Key    string `path:"key" minLength:"1" maxLength:"100"`
	Limit  *int   `query:"limit" minimum:"1" maximum:"200"`
	Cursor string `query:"cursor" minLength:"1" maxLength:"1400"`
}

// HistoryList is a page of a flag's history.
type HistoryList struct {
	Items []HistoryEntry `json:"items"`
	// NextCursor is null at the list's end.
	NextCursor *string `json:"nextCursor" nullable:"true"`
}

// History gives a flag's changes, newest first, those of a deleted one too.
// NOT_FOUND where there never was such a flag.
func (s *Service) History(ctx context.Context, _ caller.Caller, in HistoryRequest) (HistoryList, error) {
	list := "history of flag " + in.Key
	after, err := paging.After(list, in.Cursor)
	if err != nil {
		return HistoryList{}, err
	}
	page, err := table.List[historyItem](ctx, s.data, table.Query{
		PK: historyPartition(in.Key), Reverse: true, Limit: paging.Limit(in.Limit), After: after,
	})
	if err != nil {
		return HistoryList{}, fmt.Errorf("history of flag %s: %w", in.Key, paging.Problem(err))
	}
	if _, known := declared(in.Key); len(page.Items) == 0 && after == "" && !known {
		return HistoryList{}, unknown()
	}
	answer := HistoryList{Items: []HistoryEntry{}, NextCursor: paging.Next(list, page.Next)}
	for _, row := range page.Items {
		entry, err := row.Value.entry()
		if err != nil {
			return HistoryList{}, fmt.Errorf("history of flag %s: %s: %w", in.Key, row.Key, err)
		}
		answer.Items = append(answer.Items, entry)
	}
	return answer, nil
}

func (i historyItem) entry() (HistoryEntry, error) {
	var r record
	if err := json.Unmarshal([]byte(i.Record), &r); err != nil {
		return HistoryEntry{}, fmt.Errorf("read change: %w", err)
	}
	return HistoryEntry{Version: r.Flag.Revision, Reason: i.Reason, By: i.By, At: i.At, Flag: r.Flag, Deleted: i.Deleted}, nil
}
