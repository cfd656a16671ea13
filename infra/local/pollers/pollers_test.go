package pollers

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/google/go-cmp/cmp"

	"github.com/rapport/rapport/infra/local/template"
	"github.com/rapport/rapport/shared/core/clock"
	"github.com/rapport/rapport/shared/testkit/queues"
)

// fakeFunction is a function that takes orders, as its test says, and notes when it
// was given which.
type fakeFunction struct {
	began   time.Time
	process func(body string, received string) error
	takes   time.Duration
	fails   bool

	mu      sync.Mutex
	batches []string
	running int
	most    int
}

// Invoke implements Invoker.
func (fn *fakeFunction) Invoke(ctx context.Context, folder string, payload []byte) ([]byte, error) {
	var event events.SQSEvent
	if err := json.Unmarshal(payload, &event); err != nil || folder != "orders/process" {
		return nil, fmt.Errorf("%s: %w", folder, err)
	}
	var bodies []string
	answer := events.SQSEventResponse{}
	for _, m := range event.Records {
		bodies = append(bodies, m.Body)
		if fn.process != nil && fn.process(m.Body, m.Attributes["ApproximateReceiveCount"]) != nil {
			answer.BatchItemFailures = append(answer.BatchItemFailures, events.SQSBatchItemFailure{ItemIdentifier: m.MessageId})
		}
	}
	fn.mu.Lock()
	fn.batches = append(fn.batches, fmt.Sprintf("%v %s", time.Since(fn.began).Round(time.Second), strings.Join(bodies, ",")))
	fn.running++
	fn.most = max(fn.most, fn.running)
	fn.mu.Unlock()
	err := clock.System{}.Sleep(ctx, fn.takes)
	fn.mu.Lock()
	fn.running--
	fn.mu.Unlock()
	if fn.fails {
		return nil, errors.New("the function fails")
	}
	if err != nil {
		return nil, err
	}
	return json.Marshal(answer)
}

func start(t *testing.T, fn *fakeFunction, source template.QueueSource, f Faults) *queues.Queues {
	t.Helper()
	fn.began = time.Now()
	q, err := queues.Open(queues.Options{Clock: clock.System{}, Log: slog.New(slog.DiscardHandler), Specs: []queues.Spec{
		{Name: "Orders", Visibility: 30 * time.Second, DeadLetters: "OrdersDlq", MaxReceives: 3}, {Name: "OrdersDlq"},
	}})
	if err != nil {
		t.Fatal(err)
	}
	source.QueueName, source.ReportBatchItemFailures = "Orders", true
	p := Start(t.Context(), Config{
		Stack:  &template.Stack{Functions: []template.Function{{Folder: "orders/process", Queues: []template.QueueSource{source}}}},
		Queues: q, Invoker: fn, Clock: clock.System{}, Log: slog.New(slog.DiscardHandler), Faults: f,
	})
	t.Cleanup(p.Close)
	return q
}

func send(t *testing.T, q *queues.Queues, delay time.Duration, bodies ...string) {
	t.Helper()
	for _, body := range bodies {
		if _, err := q.Send("Orders", queues.Draft{Body: body, Delay: &delay}); err != nil {
			t.Fatal(err)
		}
	}
}

// run lets virtual time pass and gives which batches were delivered, and what
// is left in the queue and its dead letters.
func run(t *testing.T, fn *fakeFunction, q *queues.Queues, d time.Duration) (batches []string, left, dead int) {
	t.Helper()
	time.Sleep(d)
	synctest.Wait()
	fn.mu.Lock()
	defer fn.mu.Unlock()
	all := q.Snapshot()
	return fn.batches, all[0].Visible + all[0].Hidden + all[0].Delayed, all[1].Visible
}

func TestDeliveries(t *testing.T) {
	bad := errors.New("no")
	for _, test := range []struct {
		name     string
		function *fakeFunction
		source   template.QueueSource
		faults   Faults
		send     func(*testing.T, *queues.Queues)
		within   time.Duration
		want     []string
		left     int
		dead     int
	}{
		{name: "at once, in batches", function: &fakeFunction{}, source: template.QueueSource{BatchSize: 2, MaximumConcurrency: 1},
			send: func(t *testing.T, q *queues.Queues) { send(t, q, 0, "a", "b", "c") }, within: time.Second, want: []string{"0s a", "0s b,c"}},
		{name: "when its delay is over", function: &fakeFunction{}, source: template.QueueSource{BatchSize: 10},
			send: func(t *testing.T, q *queues.Queues) { send(t, q, 8*time.Second, "a"); send(t, q, 0, "b") }, within: time.Minute, want: []string{"0s b", "8s a"}},
		{name: "gathered for a window", function: &fakeFunction{}, source: template.QueueSource{BatchSize: 3, Window: 5 * time.Second},
			send: func(t *testing.T, q *queues.Queues) {
				send(t, q, time.Second, "a")
				send(t, q, 3*time.Second, "b")
				send(t, q, 20*time.Second, "c", "d", "e")
			}, within: time.Minute, want: []string{"6s a,b", "20s c,d,e"}},
		{name: "what fails alone comes again alone", function: &fakeFunction{process: func(body, received string) error {
			if body == "b" && received == "1" {
				return bad
			}
			return nil
		}}, source: template.QueueSource{BatchSize: 10, Window: time.Second},
			send: func(t *testing.T, q *queues.Queues) { send(t, q, 0, "a", "b", "c") }, within: time.Minute * 2, want: []string{"1s a,b,c", "31s b"}},
		{name: "poison goes to the dead letters", function: &fakeFunction{process: func(string, string) error { return bad }}, source: template.QueueSource{BatchSize: 10},
			send: func(t *testing.T, q *queues.Queues) { send(t, q, 0, "a") }, within: 10 * time.Minute, want: []string{"0s a", "30s a", "1m0s a"}, dead: 1},
		{name: "a function that fails takes nothing", function: &fakeFunction{fails: true}, source: template.QueueSource{BatchSize: 10},
			send: func(t *testing.T, q *queues.Queues) { send(t, q, 0, "a") }, within: 20 * time.Second, want: []string{"0s a"}, left: 1},
		{name: "again after it was taken", function: &fakeFunction{}, source: template.QueueSource{BatchSize: 10}, faults: chaos{repeat: true},
			send: func(t *testing.T, q *queues.Queues) { send(t, q, 0, "a") }, within: time.Minute, want: []string{"0s a", "0s a"}},
		{name: "held back", function: &fakeFunction{}, source: template.QueueSource{BatchSize: 10}, faults: chaos{delay: 4 * time.Second},
			send: func(t *testing.T, q *queues.Queues) { send(t, q, 0, "a") }, within: time.Minute, want: []string{"4s a"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				q := start(t, test.function, test.source, test.faults)
				test.send(t, q)
				got, left, dead := run(t, test.function, q, test.within)
				// What is sent bit by bit may come in one batch or two.
				if diff := cmp.Diff(flat(test.want), flat(got)); diff != "" {
					t.Error(diff)
				}
				if left != test.left || dead != test.dead {
					t.Errorf("%d left, %d dead, want %d and %d", left, dead, test.left, test.dead)
				}
			})
		})
	}
}

// flat is what was delivered when, batches aside.
func flat(batches []string) string {
	var all []string
	for _, batch := range batches {
		when, bodies, _ := strings.Cut(batch, " ")
		for body := range strings.SplitSeq(bodies, ",") {
			all = append(all, when+" "+body)
		}
	}
	return strings.Join(all, ",")
}

type chaos struct {
	repeat bool
	delay  time.Duration
}

func (c chaos) Messages(string) (bool, time.Duration) { return c.repeat, c.delay }

func TestConcurrencyIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fn := &fakeFunction{takes: time.Second}
		q := start(t, fn, template.QueueSource{BatchSize: 1, MaximumConcurrency: 3}, nil)
		send(t, q, 0, "a", "b", "c", "d", "e", "f", "g")
		got, left, _ := run(t, fn, q, 10*time.Second)
		if len(got) != 7 || fn.most != 3 || left != 0 {
			t.Errorf("%v, at most %d at once, %d left", got, fn.most, left)
		}
	})
}

// A batch that is under way at the end comes again.
func TestCloseLosesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fn := &fakeFunction{takes: time.Minute}
		q := start(t, fn, template.QueueSource{BatchSize: 1}, nil)
		send(t, q, 0, "a")
		_, left, _ := run(t, fn, q, time.Second)
		if left != 1 {
			t.Errorf("%d left", left)
		}
	})
}
