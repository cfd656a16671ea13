package logtopic_test

import (
	"context"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/rapport/rapport/shared/core/audit"
	"github.com/rapport/rapport/shared/core/caller"
	"github.com/rapport/rapport/shared/core/clock"
	"github.com/rapport/rapport/shared/core/effect"
	"github.com/rapport/rapport/shared/core/log"
	"github.com/rapport/rapport/shared/core/logtopic"
	"github.com/rapport/rapport/shared/core/realtime"
	"github.com/rapport/rapport/shared/core/table"
	"github.com/rapport/rapport/shared/core/table/tabletest"
)

// noon is in the future, so that no engine sweeps what the tests write.
var noon = time.Date(2099, 6, 1, 12, 0, 0, 0, time.UTC)

var (
	ada     = caller.Caller{UserID: "ada", SessionID: "s-ada"}
	visitor = caller.Caller{UserID: "visitor", SessionID: "s-visitor"}
)

// fixture is a topic of bells with both lanes over real tables. Only the sockets are
// made up: frames has what was posted to each.
type fixture struct {
	t         *testing.T
	clock     *clock.Manual
	log       *log.Log
	bells     *logtopic.Topics[ring]
	topic     realtime.Topic
	since     time.Time
	sockets   *realtime.Connections
	publisher *realtime.Publisher
	realtime  *realtime.Service
	durable   *realtime.Durable
	frames    map[string][]string
}

func newFixture(t *testing.T) *fixture {
	t.Helper()
	tables, now, quiet := tabletest.New(t), clock.NewManual(noon), slog.New(slog.DiscardHandler)
	f := &fixture{t: t, clock: now, topic: bells.Pattern.Topic("1"), frames: map[string][]string{}}
	f.log = bells.Log(tables.Log, now)
	f.bells = logtopic.New(bells, f.log, now, residents{"ada"})
	registry, err := realtime.NewRegistry(realtime.Registration{TopicType: bells.Type(), Source: f.bells})
	if err != nil {
		t.Fatal(err)
	}
	trail := audit.New(tables.Audit, now)
	f.sockets = realtime.NewConnections(tables.Realtime, tables.Control, f, f, now)
	f.publisher = realtime.NewPublisher(tables.Realtime, f.sockets, f, trail, now, quiet)
	f.realtime = realtime.New(realtime.Dependencies{
		Realtime: tables.Realtime, Connections: f.sockets, Publisher: f.publisher, Topics: registry, Audit: trail, Clock: now, Log: quiet,
	})
	f.durable = realtime.NewDurable(f.publisher, registry, now, f.bells)
	return f
}

// Holds implements realtime.Sessions: no session ends.
func (*fixture) Holds(*table.Tx, string) {}

// Alive implements realtime.Gateway.
func (*fixture) Alive(context.Context, string) (bool, error) { return true, nil }

// Disconnect implements realtime.Gateway.
func (*fixture) Disconnect(context.Context, string) error { return nil }

// Post implements realtime.Poster.
func (f *fixture) Post(_ context.Context, connectionID string, frame []byte) error {
	f.frames[connectionID] = append(f.frames[connectionID], string(frame))
	return nil
}

// posted takes the frames of a socket since the last time.
func (f *fixture) posted(socket string) []string {
	frames := f.frames[socket]
	delete(f.frames, socket)
	return frames
}

// subscribe opens a socket and lets it follow the bell from a position on, up to
// the replay.
func (f *fixture) subscribe(c caller.Caller, socket string, from int64) (realtime.Subscribed, error) {
	f.t.Helper()
	ctx := f.t.Context()
	ticket, _, err := f.sockets.Issue(ctx, c)
	if err != nil {
		f.t.Fatal(err)
	}
	if _, err := f.sockets.Open(ctx, socket, ticket); err != nil {
		f.t.Fatal(err)
	}
	c.ConnectionID = socket
	answer, effects, err := f.realtime.Subscribe(ctx, c, realtime.SubscribeRequest{Topic: f.topic.String(), From: &from})
	for _, e := range effects {
		if err := f.publisher.Replay(ctx, e.(realtime.Replay)); err != nil {
			f.t.Fatal(err)
		}
	}
	return answer, err
}

// ring presses the bell as the visitor, and gives the commit to be sent.
func (f *fixture) ring(number int64, notes ...string) realtime.Commit {
	f.t.Helper()
	_, effects, err := f.press(f.t.Context(), visitor, number, notes...)
	if err != nil || len(effects) != 1 {
		f.t.Fatalf("ring %d: %v, %v", number, effects, err)
	}
	return effects[0].(realtime.Commit)
}

// express sends what an append is to send.
func (f *fixture) express(effects ...effect.Effect) {
	for _, e := range effects {
		f.publisher.Express(f.t.Context(), e.(realtime.Commit))
	}
}

// stream lets the durable lane see the entry at a position.
func (f *fixture) stream(position int64) {
	f.t.Helper()
	bucket := f.clock.Now().UnixMilli() / (5 * time.Minute).Milliseconds()
	records, err := table.ParseRecords(fmt.Appendf(nil, `{"Records":[{"eventName":"INSERT",
		"eventSourceARN":"arn:aws:dynamodb:eu-central-1:1:table/Log/stream/x",
		"dynamodb":{"SequenceNumber":"1","Keys":{"PK":{"S":"LOG#%s#%d"},"SK":{"S":"%015d"}},"NewImage":{"at":{"N":"1"}}}}]}`,
		f.topic, bucket, position))
	if err != nil {
		f.t.Fatal(err)
	}
	if failed := f.durable.Fanout(f.t.Context(), records); len(failed) > 0 {
		f.t.Fatal(failed)
	}
}
