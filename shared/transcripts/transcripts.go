// Package transcripts is what was said in a meeting, as text.
//
// A transcript is a log of chunks, each a piece of one person's speech. Those
// who hear them (a client that recognises speech, or a provider's agent) append
// one to twenty at once, which take positions one after the other; a chunk is
// never changed: a better version of it is another chunk with the same
// utteranceId and isFinal. Chunks can be appended while the meeting is active,
// and read until they expire, as whole buckets. The flag `transcription` switches
// appending off; reading goes on.
//
// Chunks lie in the table Log under the topic `meetings/<id>/transcript`, which
// package log keeps: those of one request are one entry. There are no other keys.
package transcripts

import (
	"context"
	"fmt"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/rapport/rapport/shared/core/clock"
	"github.com/rapport/rapport/shared/core/log"
	"github.com/rapport/rapport/shared/core/logtopic"
	"github.com/rapport/rapport/shared/core/patch"
	"github.com/rapport/rapport/shared/flags"
	"github.com/rapport/rapport/shared/meetings"
)

const (
	// Retention is how long a chunk is kept after the end of its bucket.
	Retention = 90 * 24 * time.Hour
	// bucket is the length of a bucket of the log.
	bucket = 5 * time.Minute
	// MaxChunks is the most chunks of one request.
	MaxChunks = 20
)

// Service keeps transcripts in the table Log.
type Service struct {
	topics   *logtopic.Topics[Chunk]
	meetings *meetings.Service
	flags    Flags
	clock    clock.Clock
}

// Flags says what is on; it never fails.
type Flags interface {
	Boolean(ctx context.Context, f flags.BooleanFlag, userID string) bool
}

// New makes the service; l is a log of Layout.
func New(l *log.Log, m *meetings.Service, f Flags, c clock.Clock) *Service {
	return &Service{topics: logtopic.New(kind, l, c, meetings.Admission{Service: m}), meetings: m, flags: f, clock: c}
}

// Speech is a piece of what a person says, to be added. Who speaks is not taken on
// trust: those who run a meeting may name somebody else, or say that nobody knows.
type Speech struct {
	SpeakerID patch.Field[string] `json:"speakerId,omitzero" minLength:"1" maxLength:"255" doc:"Who speaks: without it the caller; another participant, or null for unknown, only from a host or co-host."`
	Words
}

// Words is what is said, and when. Times are counted from the meeting's beginning
// as the client has it.
type Words struct {
	Text        string  `json:"text" minLength:"1" maxLength:"4000" notBlank:"true"`
	Confidence  float64 `json:"confidence" minimum:"0" maximum:"1"`
	StartMs     int64   `json:"startMs" minimum:"0" maximum:"86400000"`
	EndMs       int64   `json:"endMs" minimum:"0" maximum:"86400000" doc:"Not before startMs."`
	IsFinal     bool    `json:"isFinal" doc:"False where a better version of the same utterance may follow."`
	UtteranceID string  `json:"utteranceId,omitzero" minLength:"1" maxLength:"255" doc:"The same for all versions of an utterance."`
	Language    string  `json:"language,omitzero" minLength:"2" maxLength:"35" doc:"A language tag as in BCP 47, such as en or pt-BR."`
}

// names reports whether a chunk is said to be another's than its author's, or of an
// unknown speaker.
func (s Speech) names(author string) bool {
	speaker, _ := s.SpeakerID.Value()
	return s.SpeakerID.Given() && speaker != author
}

// Chunk is a piece of a transcript, as it is listed and posted.
type Chunk struct {
	Position int64 `json:"position"`
	// SpeakerID is who speaks, nil where nobody knows; AuthorID who appended the
	// chunk.
	SpeakerID *string `json:"speakerId" nullable:"true"`
	AuthorID  string  `json:"authorId"`
	Words
	CreatedAt time.Time `json:"createdAt"`
}

// stored is a chunk inside its entry. Names are short because a write unit is
// 1 KB, names included.
type stored struct {
	// Speaker is absent where it is the entry's author, and null where nobody knows.
	Speaker    patch.Field[string] `json:"s,omitzero"`
	Text       string              `json:"t"`
	Confidence float64             `json:"c"`
	Start      int64               `json:"b"`
	End        int64               `json:"e"`
	Final      bool                `json:"f,omitzero"`
	Utterance  string              `json:"u,omitzero"`
	Language   string              `json:"l,omitzero"`
}

// dataOf is what an entry holds of its chunks.
func dataOf(chunks []Speech, author string) (string, error) {
	list := make([]stored, len(chunks))
	for i, c := range chunks {
		list[i] = stored{
			Speaker: c.SpeakerID, Text: c.Text, Confidence: c.Confidence, Start: c.StartMs, End: c.EndMs,
			Final: c.IsFinal, Utterance: c.UtteranceID, Language: c.Language,
		}
		if !c.names(author) {
			list[i].Speaker = patch.Field[string]{}
		}
	}
	data, err := json.Marshal(list)
	if err != nil {
		return "", fmt.Errorf("encode chunks: %w", err)
	}
	return string(data), nil
}

// chunksOf reads the chunks out of their entry, one at each of its positions.
func chunksOf(e log.Entry) ([]Chunk, error) {
	var list []stored
	if err := json.Unmarshal([]byte(e.Data), &list); err != nil {
		return nil, fmt.Errorf("read chunks: %w", err)
	}
	chunks := make([]Chunk, len(list))
	for i, c := range list {
		chunks[i] = Chunk{
			Position: e.Position + int64(i), SpeakerID: &e.Author, AuthorID: e.Author, CreatedAt: e.At,
			Words: Words{
				Text: c.Text, Confidence: c.Confidence, StartMs: c.Start, EndMs: c.End,
				IsFinal: c.Final, UtteranceID: c.Utterance, Language: c.Language,
			},
		}
		if named, ok := c.Speaker.Value(); ok {
			chunks[i].SpeakerID = &named
		} else if c.Speaker.Given() {
			chunks[i].SpeakerID = nil
		}
	}
	return chunks, nil
}
