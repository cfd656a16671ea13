package meetings

import (
	"context"
	"fmt"

	"github.com/rapport/rapport/shared/core/caller"
	"github.com/rapport/rapport/shared/core/epoch"
	"github.com/rapport/rapport/shared/core/paging"
	"github.com/rapport/rapport/shared/core/table"
)

// GetRequest names a meeting.
type GetRequest struct {
	MeetingID string `path:"meetingId" minLength:"1" maxLength:"255"`
}

// Seen is a meeting as one of its participants sees it.
type Seen struct {
	Meeting
	// Role is the caller's own.
	Role  Role        `json:"role" enum:"observer,participant,co-host,host" doc:"The caller's own role."`
	Epoch epoch.Epoch `json:"epoch,omitzero" doc:"What the revision belongs to."`
}

// Get gives a meeting that the caller is in. Whoever has no socket asks it again and
// again: a revision that is still the same, in the same epoch, says that neither the meeting nor its
// participants have changed.
func (s *Service) Get(ctx context.Context, c caller.Caller, in GetRequest) (Seen, error) {
	access, err := s.Check(ctx, c, permissions.For(ActionGet), in.MeetingID)
	return Seen{Meeting: access.Meeting, Role: access.Role, Epoch: s.epoch}, err
}

// ListRequest asks for a page of the caller's meetings.
type ListRequest struct {
	Limit  *int   `query:"limit" minimum:"1" maximum:"200"`
	Cursor string `query:"cursor" minLength:"1" maxLength:"1400"`
}

// List is a page of a list.
type List[T any] struct {
	Items []T `json:"items"`
	// NextCursor is null at the list's end.
	NextCursor *string `json:"nextCursor" nullable:"true"`
}

// LogPage is a page of a log.
type LogPage[T any] struct {
	Items []T `json:"items"`
	// NextCursor is null at the log's end.
	NextCursor *string     `json:"nextCursor" nullable:"true"`
	Epoch      epoch.Epoch `json:"epoch,omitzero" doc:"What the positions belong to."`
}

// List gives the caller's meetings, newest first. It reads an index, which may
// be a moment behind: a new meeting may be missing, but none is given whose
// participant the caller isn't any more.
func (s *Service) List(ctx context.Context, c caller.Caller, in ListRequest) (List[Meeting], error) {
	list := "meetings of " + c.UserID
	after, err := paging.After(list, in.Cursor)
	if err != nil {
		return List[Meeting]{}, err
	}
	page, err := table.List[participantItem](ctx, s.data, table.Query{
		PK: userIndex(c.UserID, "").PK, Index: true, Reverse: true, Limit: paging.Limit(in.Limit), After: after,
		Base: func(meetingID string) table.Key { return participantKey(meetingID, c.UserID) },
	})
	if err != nil {
		return List[Meeting]{}, fmt.Errorf("list meetings: %w", paging.Problem(err))
	}
	found := make([]*table.Lookup[meetingItem], len(page.Items))
	standing := make([]*table.Lookup[participantItem], len(page.Items))
	var gets []table.Lookups
	for i, row := range page.Items {
		found[i] = table.NewLookup[meetingItem](s.data, meetingKey(row.Index.SK))
		standing[i] = table.NewLookup[participantItem](s.data, participantKey(row.Index.SK, c.UserID))
		gets = append(gets, found[i], standing[i])
	}
	for start := 0; start < len(gets); start += table.MaxBatchGet {
		if err := table.BatchGet(ctx, gets[start:min(start+table.MaxBatchGet, len(gets))]...); err != nil {
			return List[Meeting]{}, fmt.Errorf("list meetings: %w", err)
		}
	}
	answer := List[Meeting]{Items: []Meeting{}, NextCursor: paging.Next(list, page.Next)}
	for i, meeting := range found {
		// A row without its meeting is what a creation left that died half-way.
		if meeting.Found && standing[i].Value.Status == statusActive {
			answer.Items = append(answer.Items, meeting.Value.Meeting)
		}
	}
	return answer, nil
}

// ListParticipantsRequest asks for a page of a meeting's participants.
type ListParticipantsRequest struct {
	MeetingID string `path:"meetingId" minLength:"1" maxLength:"255"`
	Limit     *int   `query:"limit" minimum:"1" maximum:"200"`
	Cursor    string `query:"cursor" minLength:"1" maxLength:"1400"`
}

// ParticipantList is a page of a meeting's participants.
type ParticipantList struct {
	Items []Participant `json:"items"`
	// NextCursor is null at the list's end.
	NextCursor *string `json:"nextCursor" nullable:"true"`
	// Revision is the meeting's, read before the participants.
	Revision int64       `json:"revision" doc:"The meeting's revision: the participants are at least as new as it."`
	Epoch    epoch.Epoch `json:"epoch,omitzero" doc:"What the revision belongs to."`
}

// ListParticipants gives a meeting's participants in the order of their ids.
func (s *Service) ListParticipants(ctx context.Context, c caller.Caller, in ListParticipantsRequest) (ParticipantList, error) {
	list := "participants of " + in.MeetingID
	after, err := paging.After(list, in.Cursor)
	if err != nil {
		return ParticipantList{}, err
	}
	access, err := s.Check(ctx, c, permissions.For(ActionListParticipants), in.MeetingID)
	if err != nil {
		return ParticipantList{}, err
	}
	answer := ParticipantList{Items: []Participant{}, Revision: access.Meeting.Revision, Epoch: s.epoch}
	limit := paging.Limit(in.Limit)
	for {
		page, err := table.List[participantItem](ctx, s.data, table.Query{
			PK: meetingPartition(in.MeetingID), Prefix: participantPrefix, After: after,
			Limit: limit - len(answer.Items), Filter: table.Equals("status", statusActive),
		})
		if err != nil {
			return ParticipantList{}, fmt.Errorf("list participants of %s: %w", in.MeetingID, paging.Problem(err))
		}
		for _, row := range page.Items {
			answer.Items = append(answer.Items, row.Value.Participant)
		}
		answer.NextCursor, after = paging.Next(list, page.Next), page.Next
		if !page.More() || len(answer.Items) >= limit {
			return answer, nil
		}
	}
}

// snapshot reads a meeting's whole state, consistently.
func (s *Service) snapshot(ctx context.Context, meetingID string) (Snapshot, error) {
	// The meeting is read first: the participants are never older than its
	// revision says, and a newer state follows with a higher one.
	item, err := table.Get[meetingItem](ctx, s.data, meetingKey(meetingID))
	if err != nil {
		return Snapshot{}, fmt.Errorf("state of meeting %s: %w", meetingID, err)
	}
	snapshot := Snapshot{Meeting: item.Meeting, Participants: []Participant{}}
	after := ""
	for {
		page, err := table.List[participantItem](ctx, s.data, table.Query{
			PK: meetingPartition(meetingID), Prefix: participantPrefix, After: after, Limit: table.MaxLimit,
			Filter: table.Equals("status", statusActive),
		})
		if err != nil {
			return Snapshot{}, fmt.Errorf("state of meeting %s: %w", meetingID, err)
		}
		for _, row := range page.Items {
			snapshot.Participants = append(snapshot.Participants, row.Value.Participant)
		}
		if !page.More() {
			return snapshot, nil
		}
		after = page.Next
	}
}
