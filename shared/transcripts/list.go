package transcripts

import (
	"context"

	"github.com/rapport/rapport/shared/core/caller"
	"github.com/rapport/rapport/shared/core/log"
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

const (
	// pageBytes bounds the chunks of one page as stored, well below Lambda's 6 MB
	// answer.
	pageBytes = 2 << 20
	// firstRead is how many entries are read before it is known how many chunks
	// they have.
	firstRead = 32
)

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
	chunks, more, err := s.read(ctx, topicOf(in.MeetingID).String(), from, paging.Limit(in.Limit))
	if err != nil {
		return meetings.List[Chunk]{}, err
	}
	answer := meetings.List[Chunk]{Items: chunks}
	if n := len(chunks); more && n > 0 {
		answer.NextCursor = paging.NextPosition(list, chunks[n-1].Position)
	}
	return answer, nil
}

// read gives up to limit chunks that lie after a position, in order, and whether
// others may follow; fewer when they are large. It reads about as many entries
// as it needs: how many chunks they have it learns from the first ones.
func (s *Service) read(ctx context.Context, topic string, after int64, limit int) (chunks []Chunk, more bool, err error) {
	chunks, more = []Chunk{}, true
	want, entries, size := min(limit, firstRead), 0, 0
	for more && len(chunks) < limit && size < pageBytes {
		var page log.Page
		if page, err = s.log.Read(ctx, topic, after, want); err != nil {
			return nil, false, refusal(err)
		}
		more = page.More
		for _, entry := range page.Entries {
			if len(chunks) >= limit || size >= pageBytes {
				return chunks, true, nil
			}
			of, err := chunksOf(entry)
			if err != nil {
				return nil, false, err
			}
			of = of[max(0, after+1-entry.Position):]
			if room := limit - len(chunks); len(of) > room {
				of, more = of[:room], true
			}
			chunks = append(chunks, of...)
			after, size = chunks[len(chunks)-1].Position, size+len(entry.Data)
		}
		if entries += len(page.Entries); entries > 0 {
			want = (limit-len(chunks))*entries/len(chunks) + 1
		}
	}
	return chunks, more, nil
}
