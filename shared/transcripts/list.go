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
	Limit     *int   `query:"limit" minimum:"1" maximum:"200"`
	Cursor    string `query:"cursor" minLength:"1" maxLength:"1400"`
}

// List gives a transcript's chunks after a position, in order. A page may have
// fewer than its limit where chunks are large. HISTORY_GONE below what is kept.
func (s *Service) List(ctx context.Context, c caller.Caller, in ListRequest) (meetings.List[Chunk], error) {
	list := "transcript of " + in.MeetingID
	from, err := paging.Position(list, in.Cursor, in.From)
	if err != nil {
		return meetings.List[Chunk]{}, err
	}
	if _, err := s.meetings.Check(ctx, c, permissions.For(ActionRead), in.MeetingID); err != nil {
		return meetings.List[Chunk]{}, err
	}
	page, err := s.topics.Read(ctx, topicOf(in.MeetingID), from, paging.Limit(in.Limit))
	if err != nil {
		return meetings.List[Chunk]{}, err
	}
	answer := meetings.List[Chunk]{Items: page.Items}
	if page.More && page.Last > 0 {
		answer.NextCursor = paging.NextPosition(list, page.Last)
	}
	return answer, nil
}
