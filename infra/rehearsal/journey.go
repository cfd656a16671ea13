package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"

	"github.com/rapport/rapport/infra/client"
	"github.com/rapport/rapport/shared/core/ot"
)

// written is what stands in the notes at the journey's end.
const written = "Deployed, and it works: ☀"

// journey is a first meeting of two people, from sign-in to its end.
type journey struct {
	server     *client.Server
	ada, grace *client.Client
	adas       *client.Socket
	graces     *client.Socket
	received   *recorder // over Grace's socket
	meetingID  string
	// revoke ends a person's sessions as their identity provider does.
	revoke func(ctx context.Context, user string) error
}

// step is a part of the journey that is told when it is done.
type step struct {
	name string
	do   func(*journey, context.Context) error
}

func steps() []step {
	return []step{
		{"two people sign in; their profiles come from the identity provider", (*journey).signIn},
		{"a meeting is made, started and read by who was invited", (*journey).meet},
		{"tickets open sockets, which follow state, notes and transcript", (*journey).connect},
		{"presence reaches the other", (*journey).presence},
		{"an edit is acknowledged, and its event comes by the express lane", (*journey).edit},
		{"the durable lane says the head with the text's hash", (*journey).head},
		{"the transcript takes a chunk, and tells and lists it", (*journey).transcript},
		{"a new role ends streams and holds at once", (*journey).changeRole},
		{"the meeting's end ends the streams; its notes stay", (*journey).end},
		{"an ended session ends what it follows, by the signed webhook", (*journey).endSession},
	}
}

// newJourney begins one at an API, whose people get their tokens from an issuer.
func newJourney(api, issuer string, revoke func(context.Context, string) error) *journey {
	server := client.NewServer(api)
	server.Issuer = issuer
	return &journey{server: server, received: newRecorder(), revoke: revoke}
}

func (j *journey) close() {
	for _, socket := range []*client.Socket{j.adas, j.graces} {
		if socket != nil {
			socket.Cut()
		}
	}
	j.server.Close()
}

func (j *journey) path(rest string) string { return "/v1/meetings/" + j.meetingID + rest }

func (j *journey) topic(rest string) string { return "meetings/" + j.meetingID + rest }

// healthy asks the one function that wants no token.
func (j *journey) healthy(ctx context.Context) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, j.server.Base+"/healthz", nil)
	if err != nil {
		return err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close() //nolint:errcheck // its status is all that is read
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("GET /healthz: %s", response.Status)
	}
	return nil
}

func (j *journey) signIn(ctx context.Context) (err error) {
	if j.ada, err = j.server.SignIn(ctx, "ada"); err != nil {
		return err
	}
	if j.grace, err = j.server.SignIn(ctx, "grace"); err != nil {
		return err
	}
	var me struct{ UserID, DisplayName string }
	if err := j.ada.Do(ctx, http.MethodGet, "/v1/me", nil, &me); err != nil {
		return err
	}
	if me.DisplayName != "Ada Lovelace" || me.UserID != j.ada.UserID {
		return fmt.Errorf("ada is %q, want Ada Lovelace", me.DisplayName)
	}
	return nil
}

func (j *journey) meet(ctx context.Context) error {
	var made struct{ MeetingID string }
	body := map[string]any{"title": "Rehearsal", "participants": []map[string]string{{"userId": j.grace.UserID, "role": "participant"}}}
	if err := j.ada.DoOnce(ctx, http.MethodPost, "/v1/meetings", rand.Uint64(), body, &made); err != nil {
		return err
	}
	j.meetingID = made.MeetingID
	if err := j.ada.Do(ctx, http.MethodPost, j.path("/start"), nil, nil); err != nil {
		return err
	}
	var read struct{ Title, State, Role string }
	if err := j.grace.Do(ctx, http.MethodGet, j.path(""), nil, &read); err != nil {
		return err
	}
	if read.Title != "Rehearsal" || read.State != "active" || read.Role != "participant" {
		return fmt.Errorf("grace reads %+v", read)
	}
	return nil
}

func (j *journey) connect(ctx context.Context) (err error) {
	if j.adas, err = j.ada.Open(ctx, func(client.Frame) {}); err != nil {
		return err
	}
	if j.graces, err = j.grace.Open(ctx, j.received.add); err != nil {
		return err
	}
	for _, rest := range []string{"", "/notes", "/transcript"} {
		if err := j.subscribe(ctx, rest); err != nil {
			return err
		}
	}
	return nil
}

// subscribe has Grace follow a topic of the meeting from its beginning; what is
// replayed comes again.
func (j *journey) subscribe(ctx context.Context, rest string) error {
	frame := map[string]any{"action": "subscribe", "topic": j.topic(rest)}
	if rest != "" {
		frame["from"] = 0
	}
	if _, err := j.graces.Ask(ctx, frame); err != nil {
		return fmt.Errorf("subscribe %s: %w", j.topic(rest), err)
	}
	return nil
}

func (j *journey) presence(ctx context.Context) error {
	if _, err := j.adas.Ask(ctx, map[string]any{
		"action": "presence", "topic": j.topic(""), "clientId": "rehearsal", "seq": 1, "status": "active",
	}); err != nil {
		return err
	}
	return j.received.await(ctx, "that ada is here", func(f client.Frame) bool {
		for _, present := range f.Here {
			if present.UserID == j.ada.UserID && present.DisplayName == "Ada Lovelace" {
				return true
			}
		}
		return false
	})
}

// insert sends one edit that inserts at the text's beginning.
func insert(ctx context.Context, j *journey, socket *client.Socket, seq int, text string) (client.Frame, error) {
	return socket.Ask(ctx, map[string]any{
		"action": "edit", "meetingId": j.meetingID, "baseVersion": 0, "clientId": "rehearsal", "clientSeq": seq,
		"ops": ot.Change{{Type: ot.Insert, Position: 0, Content: text}},
	})
}

func (j *journey) edit(ctx context.Context) error {
	answer, err := insert(ctx, j, j.adas, 1, written)
	if err != nil {
		return err
	}
	if answer.Type != "ack" || answer.Version != 1 {
		return fmt.Errorf("the answer is %s at %d, want ack at 1", answer.Type, answer.Version)
	}
	return j.received.await(ctx, "the edit", event(j.topic("/notes"), 1))
}

func (j *journey) head(ctx context.Context) error {
	sum := sha256.Sum256([]byte(written))
	hash := hex.EncodeToString(sum[:])
	return j.received.await(ctx, "the head of the notes with the text's hash", func(f client.Frame) bool {
		return f.Type == "head" && f.Topic == j.topic("/notes") && f.Position == 1 && f.Hash == hash
	})
}

func (j *journey) transcript(ctx context.Context) error {
	const said = "Can you hear me?"
	if err := j.speak(ctx, said); err != nil {
		return err
	}
	if err := j.received.await(ctx, "the transcript's chunk", event(j.topic("/transcript"), 1)); err != nil {
		return err
	}
	var listed struct{ Items []struct{ Text string } }
	if err := j.grace.Do(ctx, http.MethodGet, j.path("/transcript"), nil, &listed); err != nil {
		return err
	}
	if len(listed.Items) != 1 || listed.Items[0].Text != said {
		return fmt.Errorf("%d chunks are listed, want the one that was said", len(listed.Items))
	}
	return nil
}

func (j *journey) speak(ctx context.Context, text string) error {
	chunk := client.Chunk{Text: text, Confidence: 0.9, EndMS: 1000, IsFinal: true}
	return j.ada.DoOnce(ctx, http.MethodPost, j.path("/transcript"), rand.Uint64(), map[string]any{"chunks": []client.Chunk{chunk}}, nil)
}

func (j *journey) changeRole(ctx context.Context) error {
	role := map[string]string{"role": "observer"}
	if err := j.ada.Do(ctx, http.MethodPatch, j.path("/participants/"+j.grace.UserID), role, nil); err != nil {
		return err
	}
	if err := j.received.await(ctx, "role_changed", revoked(j.topic("/notes"), "role_changed")); err != nil {
		return err
	}
	_, err := insert(ctx, j, j.graces, 1, "not mine to write")
	if refused, ok := errors.AsType[*client.Refused](err); !ok || refused.Code != "FORBIDDEN" {
		return fmt.Errorf("an observer's edit: %w, want FORBIDDEN", err)
	}
	return errors.Join(j.subscribe(ctx, ""), j.subscribe(ctx, "/notes"))
}

func (j *journey) end(ctx context.Context) error {
	if err := j.ada.Do(ctx, http.MethodPost, j.path("/end"), nil, nil); err != nil {
		return err
	}
	if err := j.received.await(ctx, "meeting_ended", revoked(j.topic("/notes"), "meeting_ended")); err != nil {
		return err
	}
	var text struct {
		Content string
		Version int64
	}
	if err := j.grace.Do(ctx, http.MethodGet, j.path("/notes"), nil, &text); err != nil {
		return err
	}
	if text.Content != written || text.Version != 1 {
		return fmt.Errorf("the notes have %d characters at %d, want what was written, at 1", len(text.Content), text.Version)
	}
	return nil
}

func (j *journey) endSession(ctx context.Context) error {
	if err := j.revoke(ctx, "grace"); err != nil {
		return err
	}
	if err := j.received.await(ctx, "session_ended", revoked(j.topic(""), "session_ended")); err != nil {
		return err
	}
	select {
	case <-j.graces.Done():
		return nil
	case <-ctx.Done():
		return errors.New("the socket of an ended session stays open")
	}
}
