package topics_test

import (
	"errors"
	"testing"
	"time"

	"github.com/rapport/rapport/shared/core/metrics"
	"github.com/rapport/rapport/shared/core/table"
	"github.com/rapport/rapport/shared/testkit"
)

// circuit is what stands of a breaker.
type circuit struct {
	Failures  int   `json:"failures"`
	OpenUntil int64 `json:"openUntil"`
}

func (f *fixture) row(s *testkit.Socket) table.Key {
	return table.Key{PK: "TOPIC#" + f.notes, SK: "CONNECTION#" + s.ID}
}

func (f *fixture) circuit(t *testing.T, s *testkit.Socket) circuit {
	t.Helper()
	got, err := table.Get[circuit](t.Context(), f.Tables.Realtime, f.row(s))
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func (f *fixture) setCircuit(t *testing.T, s *testkit.Socket, failures int, openUntil time.Time) {
	t.Helper()
	err := f.Tables.Realtime.Update(t.Context(), f.row(s), table.Update{
		Set: map[string]any{"failures": failures, "openUntil": openUntil.UnixMilli()},
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestAFailingSocketOpensItsBreaker(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	s := f.ben.Connect(t)
	subscribe(t, s, f.notes)
	f.write(t)
	if got := f.circuit(t, s); got != (circuit{}) {
		t.Fatalf("after a post that got through: %+v", got)
	}
	s.Fail()
	for want := 1; want <= 3; want++ {
		// A write that leaves its entry to another's post tries no socket.
		for f.circuit(t, s).Failures < want {
			f.write(t)
		}
		if got := f.circuit(t, s); got.Failures != want || (got.OpenUntil > 0) != (want >= 3) {
			t.Fatalf("after %d failures: %+v", want, got)
		}
	}
}

func TestAnOpenBreakerIsPassedOverUntilAHeadGetsThrough(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	s, other := f.ben.Connect(t), f.ada.Connect(t)
	subscribe(t, s, f.notes)
	subscribe(t, other, f.notes)
	f.setCircuit(t, s, 3, time.Now().Add(time.Hour))
	posts := s.Posts()
	f.write(t)
	if s.Posts() != posts || len(other.Events(t, f.notes)) != 1 {
		t.Fatalf("%d posts to the socket with the open breaker; the other has %v", s.Posts()-posts, other.Events(t, f.notes))
	}
	f.stream(t, "Log", "streams/project")
	f.stream(t, "Log", "streams/fanout")
	if head := last(t, s, "head", f.notes); head == nil || head.Position != 1 {
		t.Fatalf("head %v, want position 1", head)
	}
	if got := f.circuit(t, s); got != (circuit{}) {
		t.Errorf("after a head that got through: %+v", got)
	}
	f.write(t)
	if got := s.Events(t, f.notes); len(got) != 1 || got[0].Position != 2 {
		t.Errorf("got %v, want position 2", got)
	}
}

func TestSubscribingAgainClosesTheBreaker(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	s := f.ben.Connect(t)
	subscribe(t, s, f.notes)
	f.setCircuit(t, s, 5, time.Now().Add(time.Hour))
	f.write(t)
	subscribe(t, s, f.notes, 0)
	if got := f.circuit(t, s); got != (circuit{}) || len(s.Events(t, f.notes)) != 1 {
		t.Errorf("%+v, events %v", got, s.Events(t, f.notes))
	}
}

// A client whose socket takes nothing for long comes back with another only when
// this one is closed. The durable lane closes it.
func TestASocketThatFailsForLongIsGivenUp(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	s := f.ben.Connect(t)
	subscribe(t, s, f.notes)
	s.Fail()
	f.setCircuit(t, s, 20, time.Now().Add(-time.Second))
	f.write(t)
	if got := f.circuit(t, s); got.Failures != 21 || !s.Open() {
		t.Fatalf("after an event: %+v, hung up: %v", got, !s.Open())
	}
	f.stream(t, "Log", "streams/project")
	f.stream(t, "Log", "streams/fanout")
	if s.Open() {
		t.Error("the socket is still open")
	}
	for _, key := range []table.Key{f.row(s), {PK: "CONNECTION#" + s.ID, SK: "CONNECTION"}} {
		if _, err := table.Get[circuit](t.Context(), f.Tables.Realtime, key); !errors.Is(err, table.ErrNotFound) {
			t.Errorf("%s is left: %v", key, err)
		}
	}
}

// A few sockets that hang don't keep a frame from the others, however many
// slots they hold.
func TestSocketsThatHangDelayNobody(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	var hanging []*testkit.Socket
	for range 9 {
		s := f.ben.Connect(t)
		subscribe(t, s, f.notes)
		s.Hang()
		hanging = append(hanging, s)
	}
	good := f.ada.Connect(t)
	subscribe(t, good, f.notes)
	f.write(t)
	if got := good.Events(t, f.notes); len(got) != 1 {
		t.Errorf("the good socket got %v", got)
	}
	for _, s := range hanging {
		if got := f.circuit(t, s); got.Failures != 1 {
			t.Errorf("a hanging socket: %+v", got)
		}
	}
}

// metricSink keeps what calls measured.
type metricSink map[string]float64

func (m metricSink) Collect(groups []metrics.Group) {
	for _, g := range groups {
		for _, s := range g.Series {
			name := s.Name
			for _, d := range g.Dimensions {
				name += " " + d.Value
			}
			for _, v := range s.Values {
				m[name] += v
			}
		}
	}
}

func TestDeliveryIsCounted(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	good, failing, gone := f.ada.Connect(t), f.ben.Connect(t), f.ben.Connect(t)
	for _, s := range []*testkit.Socket{good, failing, gone} {
		subscribe(t, s, f.notes)
	}
	failing.Fail()
	gone.Vanish()
	got := metricSink{}
	f.seq++
	good.SendIn(metrics.WithSink(t.Context(), got), t, map[string]any{
		"action": "edit", "id": "e", "meetingId": f.id, "baseVersion": 0, "clientId": "ada-1", "clientSeq": f.seq,
		"ops": []any{map[string]any{"type": "insert", "position": 0, "content": "x"}},
	})
	for name, want := range map[string]float64{
		"FramesPosted notes express": 1, "FramesFailed notes express": 1, "SocketsGone notes": 1, "Subscribers notes": 3,
		"FramesDropped notes express": 0, "WriteUnits notes/edit": got["WriteUnits notes/edit"],
	} {
		if got[name] != want {
			t.Errorf("%s is %v, want %v", name, got[name], want)
		}
	}
	if got["FanoutLatency notes"] <= 0 || got["CallDuration notes/edit"] <= 0 {
		t.Errorf("no latencies in %v", got)
	}
}
