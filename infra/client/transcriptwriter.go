package client

import (
	"context"
	"errors"
	"math/rand/v2"
	"net/http"
	"time"

	"github.com/rapport/rapport/infra/batch"
)

const (
	// speechWindow and speechChunks bound what goes in one transcript append.
	speechWindow = 100 * time.Millisecond
	speechChunks = 20
	// speechQueue bounds the chunks that wait.
	speechQueue = 10_000
)

// Chunk is a piece of a transcript.
type Chunk struct {
	SpeakerID   string  `json:"speakerId,omitempty"`
	Text        string  `json:"text"`
	Confidence  float64 `json:"confidence"`
	StartMS     int64   `json:"startMs"`
	EndMS       int64   `json:"endMs"`
	IsFinal     bool    `json:"isFinal"`
	UtteranceID string  `json:"utteranceId,omitempty"`
	Language    string  `json:"language,omitempty"`
}

// Spoken is what became of an append.
type Spoken struct {
	FirstPosition int64  `json:"firstPosition"`
	LastPosition  int64  `json:"lastPosition"`
	Epoch         string `json:"epoch"`
}

// TranscriptWriter appends chunks to a meeting's transcript, those that come fast
// together, one request after the other.
type TranscriptWriter struct {
	client *Client
	path   string
	chunks *batch.Processor[Chunk]
	done   func([]Chunk, Spoken, error)
}

// NewTranscriptWriter makes a speaker that appends until ctx ends. done gets what
// became of each request's chunks, from one goroutine at a time.
func (c *Client) NewTranscriptWriter(ctx context.Context, meetingID string, done func([]Chunk, Spoken, error)) *TranscriptWriter {
	w := &TranscriptWriter{client: c, path: "/v1/meetings/" + meetingID + "/transcript", done: done}
	w.chunks = batch.New(ctx, batch.Options{Max: speechChunks, Wait: speechWindow, Queue: speechQueue}, w.append)
	return w
}

// Say appends a chunk; it waits only while too many wait already.
func (w *TranscriptWriter) Say(ctx context.Context, chunk Chunk) error {
	_, err := w.chunks.Put(ctx, chunk)
	return err
}

// Close appends what waits and takes no more.
func (w *TranscriptWriter) Close(ctx context.Context) error { return w.chunks.Close(ctx) }

// append sends one request, again with the same Idempotency-Key while its
// outcome is unknown or the server is busy.
func (w *TranscriptWriter) append(ctx context.Context, chunks []Chunk) error {
	key := rand.Uint64()
	for try := 0; ; try++ {
		var answer Spoken
		err := w.client.DoOnce(ctx, http.MethodPost, w.path, key, map[string]any{"chunks": chunks}, &answer)
		problem, refused := errors.AsType[*Problem](err)
		if err == nil || ctx.Err() != nil || (refused && !problem.Again()) {
			w.done(chunks, answer, err)
			return err
		}
		w.client.site.trouble("transcript", err)
		wait := retryPause(try)
		if refused {
			wait = max(wait, min(problem.RetryAfter, retryCap))
		}
		select {
		case <-ctx.Done():
		case <-time.After(wait):
		}
	}
}
