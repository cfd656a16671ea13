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

// house is a topic of bells with both lanes over real tables. Only the sockets are
// made up: frames has what was posted to each.
type house struct {
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

func newHouse(t *testing.T) *house {
	t.Helper()
	tables, now, quiet := tabletest.New(t), clock.NewManual(noon), slog.New(slog.DiscardHandler)
	h := &house{t: t, clock: now, topic: bells.Pattern.Topic("1"), frames: map[string][]string{}}
	h.log = bells.Log(tables.Log, now)
	h.bells = logtopic.New(bells, h.log, now, residents{"ada"})
	registry, err := realtime.NewRegistry(realtime.Registration{TopicType: bells.Type(), Source: h.bells})
	if err != nil {
		t.Fatal(err)
	}
	trail := audit.New(tables.Audit, now)
	h.sockets = realtime.NewConnections(tables.Realtime, tables.Control, h, h, now)
	h.publisher = realtime.NewPublisher(tables.Realtime, h.sockets, h, trail, now, quiet)
	h.realtime = realtime.New(realtime.Parts{
		Realtime: tables.Realtime, Connections: h.sockets, Streams: h.publisher, Topics: registry, Audit: trail, Clock: now, Log: quiet,
	})
	h.durable = realtime.NewDurable(h.publisher, registry, now, h.bells)
	return h
}

// Holds implements realtime.Sessions: no session ends.
func (*house) Holds(*table.Tx, string) {}

// Alive implements realtime.Gateway.
func (*house) Alive(context.Context, string) (bool, error) { return true, nil }

// Disconnect implements realtime.Gateway.
func (*house) Disconnect(context.Context, string) error { return nil }

// Post implements realtime.Poster.
func (h *house) Post(_ context.Context, connectionID string, frame []byte) error {
	h.frames[connectionID] = append(h.frames[connectionID], string(frame))
	return nil
}

// posted takes the frames of a socket since the last time.
func (h *house) posted(socket string) []string {
	frames := h.frames[socket]
	delete(h.frames, socket)
	return frames
}

// subscribe opens a socket and lets it follow the bell from a position on, up to
// the replay.
func (h *house) subscribe(c caller.Caller, socket string, from int64) (realtime.Subscribed, error) {
	h.t.Helper()
	ctx := h.t.Context()
	ticket, _, err := h.sockets.Issue(ctx, c)
	if err != nil {
		h.t.Fatal(err)
	}
	if _, err := h.sockets.Open(ctx, socket, ticket); err != nil {
		h.t.Fatal(err)
	}
	c.ConnectionID = socket
	answer, effects, err := h.realtime.Subscribe(ctx, c, realtime.SubscribeRequest{Topic: h.topic.String(), From: &from})
	for _, e := range effects {
		if err := h.publisher.Replay(ctx, e.(realtime.Replay)); err != nil {
			h.t.Fatal(err)
		}
	}
	return answer, err
}

// ring presses the bell as the visitor, and gives the commit to be sent.
func (h *house) ring(number int64, notes ...string) realtime.Commit {
	h.t.Helper()
	_, effects, err := h.press(h.t.Context(), visitor, number, notes...)
	if err != nil || len(effects) != 1 {
		h.t.Fatalf("ring %d: %v, %v", number, effects, err)
	}
	return effects[0].(realtime.Commit)
}

// express sends what an append is to send.
func (h *house) express(effects ...effect.Effect) {
	for _, e := range effects {
		h.publisher.Express(h.t.Context(), e.(realtime.Commit))
	}
}

// stream lets the durable lane see the entry at a position.
func (h *house) stream(position int64) {
	h.t.Helper()
	bucket := h.clock.Now().UnixMilli() / (5 * time.Minute).Milliseconds()
	records, err := table.ParseRecords(fmt.Appendf(nil, `{"Records":[{"eventName":"INSERT",
		"eventSourceARN":"arn:aws:dynamodb:eu-central-1:1:table/Log/stream/x",
		"dynamodb":{"SequenceNumber":"1","Keys":{"PK":{"S":"LOG#%s#%d"},"SK":{"S":"%015d"}},"NewImage":{"at":{"N":"1"}}}}]}`,
		h.topic, bucket, position))
	if err != nil {
		h.t.Fatal(err)
	}
	if failed := h.durable.Fanout(h.t.Context(), records); len(failed) > 0 {
		h.t.Fatal(failed)
	}
}
