package transcripts_test

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/rapport/rapport/shared/core/audit"
	"github.com/rapport/rapport/shared/core/caller"
	"github.com/rapport/rapport/shared/core/clock"
	"github.com/rapport/rapport/shared/core/errs"
	"github.com/rapport/rapport/shared/core/idempotency"
	"github.com/rapport/rapport/shared/core/log"
	"github.com/rapport/rapport/shared/core/realtime"
	"github.com/rapport/rapport/shared/core/table"
	"github.com/rapport/rapport/shared/core/table/tabletest"
	"github.com/rapport/rapport/shared/flags"
	"github.com/rapport/rapport/shared/meetings"
	"github.com/rapport/rapport/shared/transcripts"
	"github.com/rapport/rapport/shared/users"
)

const window = 5 * time.Minute

// noon is in the future, so that no engine sweeps what the tests write.
var noon = time.Date(2099, 6, 1, 12, 0, 0, 0, time.UTC)

// fixture is a meeting that has begun, with everything that its transcript stands
// on. Only the edges to providers are made up: who the people are, and the
// sockets.
type fixture struct {
	*transcripts.Service
	t           testing.TB
	tables      *tabletest.Tables
	clock       clock.Clock
	once        *idempotency.Store
	realtime    *realtime.Service
	meetings    *meetings.Service
	connections *realtime.Connections
	publisher   *realtime.Publisher
	posts       *posts
	meeting     string
	topic       realtime.Topic

	host, member caller.Caller
}

func newFixture(t testing.TB, c clock.Clock) *fixture {
	t.Helper()
	f := bareFixture(t, tabletest.New(t), c)
	made, _, err := f.meetings.Create(t.Context(), f.host, nil, meetings.CreateRequest{Title: "Planning", Participants: []meetings.Invitee{
		{UserID: f.member.UserID, Role: meetings.Member},
	}})
	if err != nil {
		t.Fatal(err)
	}
	f.meeting, f.topic = made.MeetingID, transcripts.TopicPattern.Topic(made.MeetingID)
	if _, _, err := f.meetings.Start(t.Context(), f.host, nil, meetings.GetRequest{MeetingID: f.meeting}); err != nil {
		t.Fatal(err)
	}
	return f
}

// beside is the same fixture seen by another process: over other tables, which may
// be the same ones on another wire, and with a clock of its own.
func (f *fixture) beside(tables *tabletest.Tables, c clock.Clock) *fixture {
	other := bareFixture(f.t, tables, c)
	other.meeting, other.topic = f.meeting, f.topic
	return other
}

func bareFixture(t testing.TB, tables *tabletest.Tables, c clock.Clock) *fixture {
	t.Helper()
	quiet := slog.New(slog.DiscardHandler)
	f := &fixture{t: t, tables: tables, clock: c, posts: &posts{}, once: idempotency.New(tables.Control, c)}
	trail := audit.New(tables.Audit, c)
	f.connections = realtime.NewConnections(tables.Realtime, tables.Control, sessions{}, open{}, c)
	f.publisher = realtime.NewPublisher(tables.Realtime, f.connections, f.posts, trail, c, quiet)
	kept := log.New(tables.Log, c, transcripts.Layout())
	f.meetings = meetings.New(meetings.Dependencies{
		Data: tables.Data, Users: users.New(tables.Data, trail, c, f.once), Audit: trail, Idempotency: f.once,
		Clock: c, Publisher: f.publisher, Topics: []meetings.Topic{transcripts.Topic(kept), meetings.OwnTopic()},
	})
	f.Service = transcripts.New(kept, f.meetings, flags.NewReader(tables.Data, c, quiet), c)
	f.realtime = realtime.New(realtime.Dependencies{
		Realtime: tables.Realtime, Connections: f.connections, Publisher: f.publisher, Audit: trail, Clock: c, Log: quiet,
		Topics: registry(t, realtime.Registration{TopicType: transcripts.Topic(nil).TopicType, Source: f.Topics()}),
	})
	f.host = caller.Caller{UserID: "ada", DisplayName: "Ada", SessionID: "s-ada"}
	f.member = caller.Caller{UserID: "bob", DisplayName: "Bob", SessionID: "s-bob"}
	bob := users.User{UserID: f.member.UserID, DisplayName: f.member.DisplayName, Revision: 1}
	if err := tables.Data.Put(t.Context(), users.Key(bob.UserID), bob); err != nil {
		t.Fatal(err)
	}
	return f
}

func registry(t testing.TB, types ...realtime.Registration) *realtime.Registry {
	t.Helper()
	r, err := realtime.NewRegistry(types...)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// sessions never end.
type sessions struct{}

func (sessions) Holds(*table.Tx, string) {}

// open is a gateway whose sockets are all open.
type open struct{}

func (open) Alive(context.Context, string) (bool, error) { return true, nil }
func (open) Disconnect(context.Context, string) error    { return nil }

// posts are the sockets: what was sent to each, in order.
type posts struct {
	mu     sync.Mutex
	frames map[string][]string
}

func (p *posts) Post(_ context.Context, connectionID string, frame []byte) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.frames == nil {
		p.frames = map[string][]string{}
	}
	p.frames[connectionID] = append(p.frames[connectionID], string(frame))
	return nil
}

func (p *posts) sent(connectionID string) []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]string(nil), p.frames[connectionID]...)
}

// follow opens a socket of the member and lets it follow the transcript.
func (f *fixture) follow(socket string) {
	f.t.Helper()
	ctx := f.t.Context()
	ticket, _, err := f.connections.Issue(ctx, f.member)
	if err != nil {
		f.t.Fatal(err)
	}
	if _, err := f.connections.Open(ctx, socket, ticket); err != nil {
		f.t.Fatal(err)
	}
	c, err := f.connections.Caller(ctx, socket)
	if err != nil {
		f.t.Fatal(err)
	}
	c.ConnectionID = socket
	if _, _, err := f.realtime.Subscribe(ctx, c, realtime.SubscribeRequest{Topic: f.topic.String()}); err != nil {
		f.t.Fatal(err)
	}
}

// request is one to append chunks of these texts.
func (f *fixture) request(texts ...string) transcripts.AppendRequest {
	in := transcripts.AppendRequest{MeetingID: f.meeting}
	for _, text := range texts {
		in.Chunks = append(in.Chunks, transcripts.Speech{Words: transcripts.Words{Text: text, Confidence: 0.9, StartMs: 1000, EndMs: 2000, IsFinal: true}})
	}
	return in
}

// say appends chunks of these texts as the member.
func (f *fixture) say(texts ...string) transcripts.Appended {
	f.t.Helper()
	got, _ := f.commit(texts...)
	return got
}

// commit does what say does, and gives what is to be sent of it: one commit.
func (f *fixture) commit(texts ...string) (transcripts.Appended, realtime.Commit) {
	f.t.Helper()
	got, effects, err := f.Append(f.t.Context(), f.member, nil, f.request(texts...))
	if err != nil {
		f.t.Fatalf("append %d chunks: %v", len(texts), err)
	}
	if len(effects) != 1 {
		f.t.Fatalf("effects %+v", effects)
	}
	return got, effects[0].(realtime.Commit)
}

// promote lets the member name speakers.
func (f *fixture) promote() {
	f.t.Helper()
	_, _, err := f.meetings.ChangeRole(f.t.Context(), f.host, nil, meetings.ChangeRoleRequest{MeetingID: f.meeting, UserID: f.member.UserID, Role: meetings.CoHost})
	if err != nil {
		f.t.Fatal(err)
	}
}

// execution is the member's for an Idempotency-Key, begun as the endpoint begins
// it.
func (f *fixture) execution(key string) *idempotency.Execution {
	f.t.Helper()
	e, first, err := f.once.Begin(f.t.Context(), f.member.UserID+" POST transcript", key, []byte("body"), []byte("body"))
	if err != nil || e == nil || first != nil {
		f.t.Fatalf("begin: %v, first answer %q, %v", e, first, err)
	}
	return e
}

// page reads chunks after a position.
func (f *fixture) page(from int64, limit int) (meetings.LogPage[transcripts.Chunk], error) {
	return f.List(f.t.Context(), f.host, transcripts.ListRequest{MeetingID: f.meeting, From: from, Limit: &limit})
}

// texts reads all texts after a position, a page after the other, and holds the
// positions to be without holes.
func (f *fixture) texts(from int64, limit int) []string {
	f.t.Helper()
	var all []string
	for in := (transcripts.ListRequest{MeetingID: f.meeting, From: from, Limit: &limit}); ; {
		got, err := f.List(f.t.Context(), f.host, in)
		if err != nil {
			f.t.Fatal(err)
		}
		if len(got.Items) > limit || (got.NextCursor != nil && len(got.Items) == 0) {
			f.t.Fatalf("a page of %d chunks for a limit of %d", len(got.Items), limit)
		}
		for _, chunk := range got.Items {
			if from++; chunk.Position != from {
				f.t.Fatalf("position %d where %d was to come", chunk.Position, from)
			}
			all = append(all, chunk.Text)
		}
		if got.NextCursor == nil {
			return all
		}
		in.Cursor = *got.NextCursor
	}
}

// wantKind holds what a caller gets.
func wantKind(t testing.TB, err error, kind errs.Kind) errs.Error {
	t.Helper()
	refused, ok := errors.AsType[*errs.Error](err)
	if !ok || refused.Kind != kind {
		t.Errorf("got %v, want %s", err, kind)
		return errs.Error{}
	}
	return *refused
}
