package notes_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rapport/rapport/shared/core/audit"
	"github.com/rapport/rapport/shared/core/caller"
	"github.com/rapport/rapport/shared/core/clock"
	"github.com/rapport/rapport/shared/core/effect"
	"github.com/rapport/rapport/shared/core/errs"
	"github.com/rapport/rapport/shared/core/idempotency"
	"github.com/rapport/rapport/shared/core/log"
	"github.com/rapport/rapport/shared/core/ot"
	"github.com/rapport/rapport/shared/core/realtime"
	"github.com/rapport/rapport/shared/core/table"
	"github.com/rapport/rapport/shared/core/table/tabletest"
	"github.com/rapport/rapport/shared/meetings"
	"github.com/rapport/rapport/shared/notes"
	"github.com/rapport/rapport/shared/users"
)

var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

// fixture is a meeting with everything that its notes stand on. Only the edges to
// providers are made up: who the people are, and the sockets.
type fixture struct {
	*notes.Service
	t           testing.TB
	tables      *tabletest.Tables
	clock       clock.Clock
	log         *log.Log
	realtime    *realtime.Service
	meetings    *meetings.Service
	connections *realtime.Connections
	publisher   *realtime.Publisher
	posts       *posts
	meeting     string
	topic       string

	host, member, observer, outsider caller.Caller
}

// newFixture makes a fixture with a meeting that has begun.
func newFixture(t testing.TB, c clock.Clock) *fixture {
	t.Helper()
	f := bareFixture(t, tabletest.New(t), c)
	for _, who := range []caller.Caller{f.host, f.member, f.observer, f.outsider} {
		user := users.User{UserID: who.UserID, DisplayName: who.DisplayName, Revision: 1}
		if err := f.tables.Data.Put(t.Context(), users.Key(who.UserID), user); err != nil {
			t.Fatal(err)
		}
	}
	made, _, err := f.meetings.Create(t.Context(), f.host, nil, meetings.CreateRequest{Title: "Planning", Participants: []meetings.Invitee{
		{UserID: f.member.UserID, Role: meetings.Member}, {UserID: f.observer.UserID, Role: meetings.Observer},
	}})
	if err != nil {
		t.Fatal(err)
	}
	f.meeting, f.topic = made.MeetingID, "meetings/"+made.MeetingID+"/notes"
	if _, _, err := f.meetings.Start(t.Context(), f.host, nil, meetings.GetRequest{MeetingID: f.meeting}); err != nil {
		t.Fatal(err)
	}
	return f
}

// beside is the same fixture seen by another process, with a clock of its own.
func (f *fixture) beside(tables *tabletest.Tables, c clock.Clock) *fixture {
	other := bareFixture(f.t, tables, c)
	other.meeting, other.topic = f.meeting, f.topic
	return other
}

func bareFixture(t testing.TB, tables *tabletest.Tables, c clock.Clock) *fixture {
	t.Helper()
	quiet := slog.New(slog.DiscardHandler)
	f := &fixture{t: t, tables: tables, clock: c, posts: &posts{}}
	trail := audit.New(tables.Audit, c)
	once := idempotency.New(tables.Control, c)
	f.connections = realtime.NewConnections(tables.Realtime, tables.Control, sessions{}, open{}, c)
	f.publisher = realtime.NewPublisher(tables.Realtime, f.connections, f.posts, trail, c, quiet)
	f.log = log.New(tables.Log, c, notes.Layout())
	f.meetings = meetings.New(meetings.Dependencies{
		Data: tables.Data, Users: users.New(tables.Data, trail, c, once), Audit: trail, Idempotency: once,
		Clock: c, Publisher: f.publisher, Topics: []meetings.Topic{notes.Topic(f.log), meetings.OwnTopic()},
	})
	f.Service = notes.New(tables.Log, f.log, f.meetings, c)
	f.realtime = realtime.New(realtime.Dependencies{
		Realtime: tables.Realtime, Connections: f.connections, Publisher: f.publisher, Audit: trail, Clock: c, Log: quiet,
		Topics: registry(t, realtime.Registration{TopicType: notes.Topic(nil).TopicType, Source: f.Source()}),
	})
	for name, who := range map[string]*caller.Caller{"ada": &f.host, "bob": &f.member, "eve": &f.observer, "mallory": &f.outsider} {
		*who = caller.Caller{UserID: name, DisplayName: strings.ToUpper(name[:1]) + name[1:], SessionID: "s-" + name}
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

// sent are the frames of one socket so far.
func (p *posts) sent(connectionID string) []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]string(nil), p.frames[connectionID]...)
}

func insert(position int, content string) ot.Op {
	return ot.Op{Type: ot.Insert, Position: position, Content: content}
}
func del(position, length int) ot.Op {
	return ot.Op{Type: ot.Delete, Position: position, Length: length}
}
func retain(position, length int) ot.Op {
	return ot.Op{Type: ot.Retain, Position: position, Length: length}
}

// change is a change with an identity that no other of the test has.
func (f *fixture) change(base int64, ops ...ot.Op) notes.Intent {
	return notes.Intent{BaseVersion: base, ClientID: "c-" + clock.NewID(f.clock), ClientSeq: 1, Ops: ops}
}

// send validates a change and commits it, as the endpoint does.
func (f *fixture) send(c caller.Caller, in notes.Intent) (notes.Committed, error) {
	f.t.Helper()
	if err := in.Validate(); err != nil {
		return notes.Committed{}, err
	}
	committed, _, err := f.Append(f.t.Context(), c, nil, notes.AppendRequest{MeetingID: f.meeting, Intent: in})
	return committed, err
}

func (f *fixture) mustSend(c caller.Caller, in notes.Intent) notes.Committed {
	f.t.Helper()
	committed, err := f.send(c, in)
	if err != nil {
		f.t.Fatalf("change at %d: %v", in.BaseVersion, err)
	}
	return committed
}

// express sends what a change is to send: its commit, and nothing else.
func (f *fixture) express(ctx context.Context, effects effect.Effects) {
	f.t.Helper()
	if len(effects) != 1 {
		f.t.Fatalf("effects %+v", effects)
	}
	f.publisher.Express(ctx, effects[0].(realtime.Commit))
}

// must commits ops at the newest version.
func (f *fixture) must(ops ...ot.Op) notes.Committed {
	f.t.Helper()
	return f.mustSend(f.member, f.change(f.newest(), ops...))
}

func (f *fixture) newest() int64 {
	f.t.Helper()
	newest, _, err := f.log.Newest(f.t.Context(), f.topic)
	if err != nil {
		f.t.Fatal(err)
	}
	return newest
}

func (f *fixture) text() notes.Text {
	f.t.Helper()
	text, err := f.Get(f.t.Context(), f.observer, notes.GetRequest{MeetingID: f.meeting})
	if err != nil {
		f.t.Fatal(err)
	}
	return text
}

// wantText holds the text, by what is read and by what the history says.
func (f *fixture) wantText(version int64, content string) {
	f.t.Helper()
	text := f.text()
	if text.Version != version || text.Content != content {
		f.t.Errorf("the text is %q at %d, want %q at %d", clip(text.Content), text.Version, clip(content), version)
	}
	if replayed := f.replay(); replayed != content {
		f.t.Errorf("the history makes %q, want %q", clip(replayed), clip(content))
	}
}

// replay applies the whole history, one change after the other.
func (f *fixture) replay() string {
	f.t.Helper()
	content := ""
	for _, change := range f.history(0) {
		var err error
		if content, err = ot.Apply(content, change.Ops); err != nil {
			f.t.Fatalf("change %d: %v", change.Version, err)
		}
	}
	return content
}

// history pages through the changes after a version.
func (f *fixture) history(from int64) []notes.Change {
	f.t.Helper()
	var all []notes.Change
	limit := 7
	for in := (notes.ChangesRequest{MeetingID: f.meeting, From: from, Limit: &limit}); ; limit = 200 {
		page, err := f.Changes(f.t.Context(), f.observer, in)
		if err != nil {
			f.t.Fatal(err)
		}
		all = append(all, page.Items...)
		if page.NextCursor == nil {
			return all
		}
		in.Cursor = *page.NextCursor
	}
}

// settled lets the stream reader see every entry once, as one batch.
func (f *fixture) settled() {
	f.t.Helper()
	f.mustProject(f.entryRecord(f.newest()))
}

func (f *fixture) mustProject(records ...table.Record) {
	f.t.Helper()
	if failed := f.Project(f.t.Context(), records); len(failed) > 0 {
		f.t.Fatal(failed)
	}
}

// entryRecord is a change's record in the stream.
func (f *fixture) entryRecord(version int64) table.Record {
	return f.record("INSERT", fmt.Sprintf("LOG#%s#%d", f.topic, (version-1)/4096), fmt.Sprintf("%015d", version), `{"at":{"N":"1"}}`)
}

func (f *fixture) record(event, pk, sk, image string) table.Record {
	f.t.Helper()
	records, err := table.ParseRecords(fmt.Appendf(nil, `{"Records":[{"eventName":%q,
		"eventSourceARN":"arn:aws:dynamodb:eu-central-1:1:table/Log/stream/x",
		"dynamodb":{"SequenceNumber":%q,"ApproximateCreationDateTime":%d,"Keys":{"PK":{"S":%q},"SK":{"S":%q}},"NewImage":%s}}]}`,
		event, clock.NewID(f.clock), f.clock.Now().Unix(), pk, sk, image))
	if err != nil {
		f.t.Fatal(err)
	}
	return records[0]
}

// wantKind holds what a caller gets.
func wantKind(t testing.TB, err error, kind errs.Kind) {
	t.Helper()
	if refusal(t, err).Kind != kind {
		t.Errorf("got %v, want %s", err, kind)
	}
}

// refusal is what a caller gets.
func refusal(t testing.TB, err error) *errs.Error {
	t.Helper()
	refused, ok := errors.AsType[*errs.Error](err)
	if !ok {
		t.Errorf("got %v, which no caller is told", err)
		return &errs.Error{}
	}
	return refused
}

// wantInvalid holds where a change is wrong.
func wantInvalid(t testing.TB, err error, location string) {
	t.Helper()
	wantKind(t, err, errs.Validation)
	problems := refusal(t, err).Problems
	if len(problems) != 1 || problems[0].Location != location || problems[0].Detail == "" {
		t.Errorf("the problems are %+v, want one at %s", problems, location)
	}
}

func clip(text string) string {
	if len(text) > 80 {
		return fmt.Sprintf("%s… (%d bytes)", text[:80], len(text))
	}
	return text
}

// open is a gateway whose sockets are all open.
type open struct{}

func (open) Alive(context.Context, string) (bool, error) { return true, nil }
func (open) Disconnect(context.Context, string) error    { return nil }
