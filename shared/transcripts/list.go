package transcripts

import (
	"context"

	"github.com/rapport/rapport/shared/core/caller"
	"github.com/rapport/rapport/shared/core/paging"
	"github.com/rapport/rapport/shared/meetings"
)

// ListRequest asks for a page of a transcript.
type ListRequest struct {
	MeetingID string `path:"meetingId" minLength:"1" maxLength:"255"`
	From      int64  `query:"from" minimum:"0" ignoredWith:"cursor" doc:"The last position seen; with a cursor it is ignored."`
	Epoch     string `query:"epoch" minLength:"1" maxLength:"32" ignoredWith:"cursor" doc:"The epoch of from, where the client knows it: HISTORY_GONE where it isn't the present one. A cursor knows its own."`
	Limit     *int   `query:"limit" minimum:"1" maximum:"200"`
	Cursor    string `query:"cursor" minLength:"1" maxLength:"1400"`
}

// List gives a transcript's chunks after a position, in order. A page may have
// fewer than its limit where chunks are large. HISTORY_GONE below what is kept, and
// for a place in another epoch.
func (s *Service) List(ctx context.Context, c caller.Caller, in ListRequest) (meetings.LogPage[Chunk], error) {
	list := "transcript of " + in.MeetingID
	from, err := paging.PlaceOf(list, in.Cursor, paging.Place{After: in.From, Epoch: in.Epoch})
	if err != nil {
		return meetings.LogPage[Chunk]{}, err
	}
	if _, err := s.meetings.Check(ctx, c, permissions.For(ActionRead), in.MeetingID); err != nil {
		return meetings.LogPage[Chunk]{}, err
	}
	if err := s.topics.Epoch().Check(from.Epoch); err != nil {
		return meetings.LogPage[Chunk]{}, err
	}
	page, err := s.topics.Read(ctx, topicOf(in.MeetingID), from.After, paging.Limit(in.Limit))
	if err != nil {
		return meetings.LogPage[Chunk]{}, err
	}
	answer := meetings.LogPage[Chunk]{Items: page.Items, Epoch: s.topics.Epoch()}
	if page.More && page.Last > 0 {
		answer.NextCursor = paging.NextPlace(list, paging.Place{After: page.Last, Epoch: string(answer.Epoch)})
	}
	return answer, nil
}
