// Package journey is a first meeting, held at a deployed suite from outside: by its
// public contract alone, over HTTP and sockets. `make verify` walks it and says how
// long each step took; the rehearsal of the deploy walks it too, and breaks it.
//
// A host makes a meeting and writes; a guest follows. Where there is one person
// only, both sockets are theirs. What the journey makes it ends; a concluded
// meeting stays in its people's lists, for the contract deletes none.
package journey

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"time"

	"github.com/rapport/rapport/infra/client"
	"github.com/rapport/rapport/shared/core/ot"
)

const (
	// title and written are what the meeting is called, and what stands in its notes
	// at the end.
	title   = "Verification"
	written = "Deployed, and it works: ☀"
	// clientID is the host's and the guest's in presence and edits.
	clientID = "verification"
	// cleaning bounds the end of a meeting that a journey gave up in.
	cleaning = 20 * time.Second
)

// Journey is one walk. Make it with New; its methods are its steps, in the order in
// which they stand here; Clean ends it.
type Journey struct {
	server *client.Server
	// Host writes, Guest follows; they may be one.
	Host, Guest *client.Client
	// HostSocket and GuestSocket are open once Connect is done.
	HostSocket, GuestSocket *client.Socket

	name      string // the host's display name
	addresses [2]string
	frames    *recorder // over the guest's socket
	meetingID string
	ended     bool
	// sent is when the edit was, received when the frame came that was last awaited.
	sent, received time.Time
}

// New begins a journey of two people, or of one where the guest is nil.
func New(server *client.Server, host, guest *client.Client) *Journey {
	if guest == nil {
		guest = host
	}
	return &Journey{server: server, Host: host, Guest: guest, frames: newRecorder()}
}

func (j *Journey) alone() bool { return j.Host == j.Guest }

func (j *Journey) path(rest string) string { return "/v1/meetings/" + j.meetingID + rest }

// Topic is one of the meeting's: "" is its state, "/notes" its notes.
func (j *Journey) Topic(rest string) string { return "meetings/" + j.meetingID + rest }

// Await waits until the guest's socket has brought a frame that satisfies want; what
// says which that is.
func (j *Journey) Await(ctx context.Context, what string, want func(client.Frame) bool) error {
	frame, err := j.frames.await(ctx, what, want)
	j.received = frame.Received
	return err
}

// Cut closes the sockets.
func (j *Journey) Cut() {
	for _, socket := range []*client.Socket{j.HostSocket, j.GuestSocket} {
		if socket != nil {
			socket.Cut()
		}
	}
}

// Clean closes the sockets, and ends a meeting that the journey didn't come to end,
// also where ctx is over.
func (j *Journey) Clean(ctx context.Context) error {
	j.Cut()
	if j.meetingID == "" || j.ended {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleaning)
	defer cancel()
	if err := j.Host.Do(ctx, http.MethodPost, j.path("/end"), nil, nil); err != nil {
		return fmt.Errorf("meeting %s is left behind: %w", j.meetingID, err)
	}
	j.ended = true
	return nil
}

// Health asks the one function that wants no token.
func (j *Journey) Health(ctx context.Context) error {
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

// Profile reads who the host is.
func (j *Journey) Profile(ctx context.Context) error {
	var me struct{ UserID, DisplayName string }
	if err := j.Host.Do(ctx, http.MethodGet, "/v1/me", nil, &me); err != nil {
		return err
	}
	if me.UserID != j.Host.UserID {
		return errors.New("the profile is another person's")
	}
	j.name = me.DisplayName
	return nil
}

// Meet makes and starts a meeting, which the guest then reads.
func (j *Journey) Meet(ctx context.Context) error {
	body, role := map[string]any{"title": title}, "host"
	if !j.alone() {
		role = "participant"
		body["participants"] = []map[string]string{{"userId": j.Guest.UserID, "role": role}}
	}
	var made struct{ MeetingID string }
	if err := j.Host.DoOnce(ctx, http.MethodPost, "/v1/meetings", rand.Uint64(), body, &made); err != nil {
		return err
	}
	j.meetingID = made.MeetingID
	if err := j.Host.Do(ctx, http.MethodPost, j.path("/start"), nil, nil); err != nil {
		return err
	}
	var read struct{ Title, State, Role string }
	if err := j.Guest.Do(ctx, http.MethodGet, j.path(""), nil, &read); err != nil {
		return err
	}
	if read.Title != title || read.State != "active" || read.Role != role {
		return fmt.Errorf("the guest reads %+v", read)
	}
	return nil
}

// Tickets gets one for each socket.
func (j *Journey) Tickets(ctx context.Context) (err error) {
	for i, person := range []*client.Client{j.Host, j.Guest} {
		if j.addresses[i], err = person.Ticket(ctx); err != nil {
			return err
		}
	}
	return nil
}

// Connect spends the tickets.
func (j *Journey) Connect(ctx context.Context) (err error) {
	if j.HostSocket, err = j.Host.Dial(ctx, j.addresses[0], func(client.Frame) {}); err != nil {
		return err
	}
	j.GuestSocket, err = j.Guest.Dial(ctx, j.addresses[1], j.frames.add)
	return err
}

// Subscribe has the guest follow the meeting's state, notes and transcript.
func (j *Journey) Subscribe(ctx context.Context) error {
	for _, rest := range []string{"", "/notes", "/transcript"} {
		if err := j.follow(ctx, rest); err != nil {
			return err
		}
	}
	return nil
}

// follow subscribes to a topic from its beginning; what is replayed comes again.
func (j *Journey) follow(ctx context.Context, rest string) error {
	frame := map[string]any{"action": "subscribe", "topic": j.Topic(rest)}
	if rest != "" {
		frame["from"] = 0
	}
	if _, err := j.GuestSocket.Ask(ctx, frame); err != nil {
		return fmt.Errorf("subscribe %s: %w", j.Topic(rest), err)
	}
	return nil
}

// Presence shows the host to the guest.
func (j *Journey) Presence(ctx context.Context) error {
	if _, err := j.HostSocket.Ask(ctx, map[string]any{
		"action": "presence", "topic": j.Topic(""), "clientId": clientID, "seq": 1, "status": "active",
	}); err != nil {
		return err
	}
	return j.Await(ctx, "that the host is here", func(f client.Frame) bool {
		for _, present := range f.Here {
			if present.UserID == j.Host.UserID && present.DisplayName == j.name {
				return true
			}
		}
		return false
	})
}

// Insert sends one edit that inserts at the text's beginning.
func (j *Journey) Insert(ctx context.Context, socket *client.Socket, seq int, text string) (client.Frame, error) {
	return socket.Ask(ctx, map[string]any{
		"action": "edit", "meetingId": j.meetingID, "baseVersion": 0, "clientId": clientID, "clientSeq": seq,
		"ops": ot.Change{{Type: ot.Insert, Position: 0, Content: text}},
	})
}

// Edit writes into the notes.
func (j *Journey) Edit(ctx context.Context) error {
	j.sent = time.Now()
	answer, err := j.Insert(ctx, j.HostSocket, 1, written)
	if err != nil {
		return err
	}
	if answer.Type != "ack" || answer.Version != 1 {
		return fmt.Errorf("the answer is %s at %d, want ack at 1", answer.Type, answer.Version)
	}
	return nil
}

// Express waits for the edit's event, which the function posts that commits it.
func (j *Journey) Express(ctx context.Context) error {
	return j.Await(ctx, "the edit", event(j.Topic("/notes"), 1))
}

// Head waits for the notes' newest position with the text's hash, which comes from
// the table by way of its stream.
func (j *Journey) Head(ctx context.Context) error {
	sum := sha256.Sum256([]byte(written))
	hash := hex.EncodeToString(sum[:])
	return j.Await(ctx, "the head of the notes with the text's hash", func(f client.Frame) bool {
		return f.Type == "head" && f.Topic == j.Topic("/notes") && f.Position == 1 && f.Hash == hash
	})
}

// Transcript says something, which the guest hears and finds in the list.
func (j *Journey) Transcript(ctx context.Context) error {
	const said = "Can you hear me?"
	if err := j.Speak(ctx, said); err != nil {
		return err
	}
	if err := j.Await(ctx, "the transcript's chunk", event(j.Topic("/transcript"), 1)); err != nil {
		return err
	}
	var listed struct{ Items []struct{ Text string } }
	if err := j.Guest.Do(ctx, http.MethodGet, j.path("/transcript"), nil, &listed); err != nil {
		return err
	}
	if len(listed.Items) != 1 || listed.Items[0].Text != said {
		return fmt.Errorf("%d chunks are listed, want the one that was said", len(listed.Items))
	}
	return nil
}

// Speak appends a chunk to the transcript.
func (j *Journey) Speak(ctx context.Context, text string) error {
	chunk := client.Chunk{Text: text, Confidence: 0.9, EndMS: 1000, IsFinal: true}
	return j.Host.DoOnce(ctx, http.MethodPost, j.path("/transcript"), rand.Uint64(), map[string]any{"chunks": []client.Chunk{chunk}}, nil)
}

// ChangeRole makes the guest an observer, which ends the guest's streams and right
// to write; then the guest follows state and notes again. It needs two people.
func (j *Journey) ChangeRole(ctx context.Context) error {
	role := map[string]string{"role": "observer"}
	if err := j.Host.Do(ctx, http.MethodPatch, j.path("/participants/"+j.Guest.UserID), role, nil); err != nil {
		return err
	}
	if err := j.Await(ctx, "role_changed", Revoked(j.Topic("/notes"), "role_changed")); err != nil {
		return err
	}
	_, err := j.Insert(ctx, j.GuestSocket, 1, "not mine to write")
	if refused, ok := errors.AsType[*client.Refused](err); !ok || refused.Code != "FORBIDDEN" {
		return fmt.Errorf("an observer's edit: %w, want FORBIDDEN", err)
	}
	return errors.Join(j.follow(ctx, ""), j.follow(ctx, "/notes"))
}

// End concludes the meeting, which ends its streams and leaves its notes.
func (j *Journey) End(ctx context.Context) error {
	if err := j.Host.Do(ctx, http.MethodPost, j.path("/end"), nil, nil); err != nil {
		return err
	}
	j.ended = true
	if err := j.Await(ctx, "meeting_ended", Revoked(j.Topic("/notes"), "meeting_ended")); err != nil {
		return err
	}
	var text struct {
		Content string
		Version int64
	}
	if err := j.Guest.Do(ctx, http.MethodGet, j.path("/notes"), nil, &text); err != nil {
		return err
	}
	if text.Content != written || text.Version != 1 {
		return fmt.Errorf("the notes have %d characters at %d, want what was written, at 1", len(text.Content), text.Version)
	}
	return nil
}
