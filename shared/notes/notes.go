// Package notes is the text that the people in a meeting write together.
//
// The text is the sum of its changes: a log in which the position is the
// version. A writer transforms its change against what was committed since its
// base and appends it; it never reads the text, whatever its size, because an
// entry says how long the text is after it. The text itself is materialised by
// a reader of the table's stream: reading is the newest snapshot plus the
// changes after it. A change is identified by its author, client and sequence
// number: a retry gets the first answer and commits nothing.
package notes

import (
	"context"
	"fmt"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/rapport/rapport/shared/core/caller"
	"github.com/rapport/rapport/shared/core/clock"
	"github.com/rapport/rapport/shared/core/epoch"
	"github.com/rapport/rapport/shared/core/log"
	"github.com/rapport/rapport/shared/core/logtopic"
	"github.com/rapport/rapport/shared/core/ot"
	"github.com/rapport/rapport/shared/core/paging"
	"github.com/rapport/rapport/shared/core/table"
	"github.com/rapport/rapport/shared/meetings"
)

const (
	// MaxText is how many code points a text has at most.
	MaxText = 262_144
	// maxTransformed bounds what transformation may make of a change, in bytes of
	// its ops as JSON.
	maxTransformed = 256 << 10
	// perBucket is how many versions lie in a bucket of the log.
	perBucket = 4096
)

// Service keeps notes in the table Log.
type Service struct {
	table    *table.Table
	log      *log.Log
	topics   *logtopic.Topics[Change]
	meetings *meetings.Service
	clock    clock.Clock
}

// New makes the service; l is a log of Layout over the same table.
func New(t *table.Table, l *log.Log, m *meetings.Service, c clock.Clock) *Service {
	return &Service{table: t, log: l, topics: logtopic.New(kind, l, c, meetings.Admission{Service: m}), meetings: m, clock: c}
}

// Change is a committed change, as it is listed and posted.
type Change struct {
	Version   int64     `json:"version"`
	AuthorID  string    `json:"authorId"`
	ClientID  string    `json:"clientId"`
	ClientSeq int64     `json:"clientSeq"`
	Ops       ot.Change `json:"ops"`
	Places    []Place   `json:"places,omitzero" doc:"Where inserted text stood in text that was deleted at the same time; absent where none did."`
	CreatedAt time.Time `json:"createdAt"`
}

// changeOf reads a change out of its entry.
func changeOf(e log.Entry) (Change, error) {
	c := Change{Version: e.Position, AuthorID: e.Author, ClientID: e.ClientID, ClientSeq: e.ClientSeq, CreatedAt: e.At}
	if err := json.Unmarshal([]byte(e.Data), &c.Ops); err != nil {
		return Change{}, fmt.Errorf("read ops: %w", err)
	}
	var err error
	if c.Places, err = readPlaces(e.Hints); err != nil {
		return Change{}, fmt.Errorf("read places: %w", err)
	}
	return c, nil
}

// GetRequest names a meeting.
type GetRequest struct {
	MeetingID string `path:"meetingId" minLength:"1" maxLength:"255"`
}

// Text is the notes at a version.
type Text struct {
	Version int64       `json:"version"`
	Epoch   epoch.Epoch `json:"epoch,omitzero" doc:"What version belongs to."`
	Content string      `json:"content"`
	Hash    string      `json:"hash" doc:"Lower-case hex SHA-256 of the content's UTF-8."`
}

// Get gives the newest text: the newest snapshot and the changes after it.
func (s *Service) Get(ctx context.Context, c caller.Caller, in GetRequest) (Text, error) {
	if _, err := s.meetings.Check(ctx, c, permissions.For(ActionRead), in.MeetingID); err != nil {
		return Text{}, err
	}
	text, err := s.read(ctx, topicOf(in.MeetingID).String())
	text.Epoch = s.log.Epoch()
	return text, err
}

// ChangesRequest asks for a page of committed changes.
type ChangesRequest struct {
	MeetingID string `path:"meetingId" minLength:"1" maxLength:"255"`
	From      int64  `query:"from" minimum:"0" ignoredWith:"cursor" doc:"The last version seen; with a cursor it is ignored."`
	Epoch     string `query:"epoch" minLength:"1" maxLength:"32" ignoredWith:"cursor" doc:"The epoch of from, where the client knows it: HISTORY_GONE where it isn't the present one. A cursor knows its own."`
	Limit     *int   `query:"limit" minimum:"1" maximum:"200"`
	Cursor    string `query:"cursor" minLength:"1" maxLength:"1400"`
}

// Changes gives committed changes after a version, in order. A page may have
// fewer than its limit where changes are large. HISTORY_GONE below what is kept, and
// for a place in another epoch.
func (s *Service) Changes(ctx context.Context, c caller.Caller, in ChangesRequest) (meetings.LogPage[Change], error) {
	list := "changes of " + in.MeetingID
	from, err := paging.PlaceOf(list, in.Cursor, paging.Place{After: in.From, Epoch: in.Epoch})
	if err != nil {
		return meetings.LogPage[Change]{}, err
	}
	if _, err := s.meetings.Check(ctx, c, permissions.For(ActionRead), in.MeetingID); err != nil {
		return meetings.LogPage[Change]{}, err
	}
	if err := s.topics.Epoch().Check(from.Epoch); err != nil {
		return meetings.LogPage[Change]{}, err
	}
	page, err := s.topics.Read(ctx, topicOf(in.MeetingID), from.After, paging.Limit(in.Limit))
	if err != nil {
		return meetings.LogPage[Change]{}, err
	}
	answer := meetings.LogPage[Change]{Items: page.Items, Epoch: s.topics.Epoch()}
	if page.More && page.Last > 0 {
		answer.NextCursor = paging.NextPlace(list, paging.Place{After: page.Last, Epoch: string(answer.Epoch)})
	}
	return answer, nil
}
