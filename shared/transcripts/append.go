package transcripts

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/rapport/rapport/shared/core/caller"
	"github.com/rapport/rapport/shared/core/clock"
	"github.com/rapport/rapport/shared/core/effect"
	"github.com/rapport/rapport/shared/core/epoch"
	"github.com/rapport/rapport/shared/core/errs"
	"github.com/rapport/rapport/shared/core/idempotency"
	"github.com/rapport/rapport/shared/core/log"
	"github.com/rapport/rapport/shared/flags"
	"github.com/rapport/rapport/shared/meetings"
)

// AppendRequest adds chunks to a meeting's transcript.
type AppendRequest struct {
	MeetingID string   `path:"meetingId" minLength:"1" maxLength:"255"`
	Chunks    []Speech `json:"chunks" minItems:"1" maxItems:"20"`
}

// Validate holds what spans the fields of a chunk: it ends after its beginning,
// and its language is a tag.
func (r *AppendRequest) Validate() error {
	var found []errs.FieldError
	for i, c := range r.Chunks {
		if c.EndMs < c.StartMs {
			found = append(found, errs.FieldError{Location: fmt.Sprintf("body.chunks[%d].endMs", i), Detail: "must not be before startMs"})
		}
		if c.Language != "" && !isLanguage(c.Language) {
			found = append(found, errs.FieldError{Location: fmt.Sprintf("body.chunks[%d].language", i), Detail: "must be a language tag such as en or pt-BR"})
		}
	}
	return invalid(found)
}

func invalid(found []errs.FieldError) error {
	if len(found) == 0 {
		return nil
	}
	return &errs.Error{Kind: errs.Validation, Message: "The request is not valid.", Problems: found}
}

// isLanguage reports whether a text has the form of a tag in BCP 47 (RFC 5646,
// section 2.1): subtags of one to eight letters and digits between hyphens, the
// first of letters alone. Whether the language exists isn't looked at.
func isLanguage(tag string) bool {
	for i, subtag := range strings.Split(tag, "-") {
		foreign := strings.ContainsFunc(subtag, func(r rune) bool {
			letter := 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z'
			digit := '0' <= r && r <= '9' && i > 0
			return !letter && !digit
		})
		if len(subtag) < 1 || len(subtag) > 8 || foreign {
			return false
		}
	}
	return true
}

// Appended is the answer to an append: the positions that its chunks have taken.
type Appended struct {
	FirstPosition int64       `json:"firstPosition"`
	LastPosition  int64       `json:"lastPosition"`
	Epoch         epoch.Epoch `json:"epoch,omitzero" doc:"What the positions belong to."`
}

// Append commits the chunks of a request, all or none, at the transcript's end:
// a few small reads, that of the entry before, and, when nobody races, one write
// unit per KB.
//
// FORBIDDEN for another's words, or those of an unknown speaker, from somebody
// below co-host; CONFLICT where the flag `transcription` is off for the caller;
// VALIDATION_ERROR for a speaker who isn't in the meeting,
// MEETING_NOT_ACTIVE before its beginning and after its end, RATE_LIMITED when the race was lost
// too often. Nothing is committed by any of them. With an Idempotency-Key the
// same request, sent again, gets the first answer and commits nothing: also where
// the first execution died after its commit, for then its entry is looked for
// among those since it began. CONFLICT where they are more than 10,000, or 32 MB.
func (s *Service) Append(ctx context.Context, c caller.Caller, execution *idempotency.Execution, in AppendRequest) (Appended, effect.Effects, error) {
	identity, since, err := s.identity(c, execution, in)
	if err != nil {
		return Appended{}, nil, err
	}
	draft := log.Draft{Count: len(in.Chunks)}
	if draft.Data, err = dataOf(in.Chunks, c.UserID); err != nil {
		return Appended{}, nil, err
	}
	// refusal is why the chunks can't be committed. A retry of what was committed
	// before is found first, and isn't refused.
	var refusal error
	denied := false
	appended, effects, err := s.topics.Append(ctx, topicOf(in.MeetingID), log.Append{
		Base: log.Tail, Since: since, Identity: identity,
		Permit: func(ctx context.Context) (until time.Time, err error) {
			refusal, until, err = s.mayWrite(ctx, c, in)
			denied = err != nil
			return until, err
		},
		Prepare: func(log.Entry, []log.Entry) (log.Draft, error) { return draft, refusal },
	})
	if errs.Is(err, errs.HistoryGone) {
		return Appended{}, nil, errs.New(errs.Conflict, "Whether the first request with this Idempotency-Key was done can't be told any more: please look into the transcript.")
	}
	if execution != nil && !denied {
		execution.Unsettled = false
	}
	if err != nil {
		return Appended{}, nil, err
	}
	return Appended{FirstPosition: appended.First, LastPosition: appended.Last, Epoch: s.topics.Epoch()}, effects, nil
}

// mayWrite checks that the caller may write the transcript, and says why these
// chunks can't be committed, if so, and until when an append may stand on that.
func (s *Service) mayWrite(ctx context.Context, c caller.Caller, in AppendRequest) (refusal error, until time.Time, err error) {
	// Once a second the flag is read from the table, beside what the check reads.
	on := false
	var asking sync.WaitGroup
	asking.Go(func() { on = s.flags.Boolean(ctx, flags.Transcription, c.UserID) })
	defer asking.Wait()
	access, until, err := s.meetings.Permit(ctx, c, permissions.For(ActionWrite), in.MeetingID)
	if err != nil {
		return nil, until, err
	}
	named := in.speakers(c.UserID)
	if len(named) > 0 && !access.May(permissions.For(ActionNameSpeakers)) {
		return nil, until, s.meetings.Deny(ctx, c, ActionNameSpeakers, in.MeetingID)
	}
	refusal, err = s.nonParticipants(ctx, in.MeetingID, named)
	asking.Wait()
	if refusal == nil && !on {
		refusal = switchedOff()
	}
	if refusal == nil && access.Meeting.State != meetings.Active {
		refusal = kind.Refusals.ClosedError()
	}
	return refusal, until, err
}

// speakers are those whom the chunks name, by chunk: not the author, and nil for
// an unknown one.
func (r *AppendRequest) speakers(author string) map[int]*string {
	named := map[int]*string{}
	for i, chunk := range r.Chunks {
		if chunk.names(author) {
			named[i] = nil
			if speaker, known := chunk.SpeakerID.Value(); known {
				named[i] = &speaker
			}
		}
	}
	return named
}

// nonParticipants refuses speakers who aren't in the meeting.
func (s *Service) nonParticipants(ctx context.Context, meetingID string, named map[int]*string) (refusal, err error) {
	var others []string
	for _, speaker := range named {
		if speaker != nil {
			others = append(others, *speaker)
		}
	}
	members, err := s.meetings.Members(ctx, meetingID, others)
	if err != nil {
		return nil, err
	}
	var found []errs.FieldError
	for _, i := range slices.Sorted(maps.Keys(named)) {
		if speaker := named[i]; speaker != nil && !members[*speaker] {
			found = append(found, errs.FieldError{Location: fmt.Sprintf("body.chunks[%d].speakerId", i), Detail: "is not in the meeting"})
		}
	}
	return invalid(found), nil
}

// identity distinguishes an append from others: by its Idempotency-Key, so that a retry
// of what was committed is found, or by chance. since is when the first execution
// with the key began, if there was one; until its entry was looked for, nobody
// knows whether it has committed.
func (s *Service) identity(c caller.Caller, execution *idempotency.Execution, in AppendRequest) (id log.Identity, since time.Time, err error) {
	if execution == nil {
		return log.Identity{Author: c.UserID, ClientID: clock.NewID(s.clock), ClientSeq: 1}, time.Time{}, nil
	}
	execution.Unsettled = !execution.Since.IsZero()
	text, err := json.Marshal(in.Chunks)
	if err != nil {
		return log.Identity{}, time.Time{}, fmt.Errorf("encode chunks: %w", err)
	}
	sum := sha256.Sum256(text)
	key := sha256.Sum256([]byte(execution.Key))
	return log.Identity{
		Author: c.UserID, ClientID: "key:" + hex.EncodeToString(key[:16]), ClientSeq: 1, Digest: hex.EncodeToString(sum[:8]),
	}, execution.Since, nil
}

func switchedOff() error {
	return errs.New(errs.Conflict, "Transcription is switched off at the moment.")
}
