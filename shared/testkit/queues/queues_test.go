package queues_test

import (
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/google/go-cmp/cmp"

	"github.com/rapport/rapport/shared/core/clock"
	"github.com/rapport/rapport/shared/core/queue"
	ours "github.com/rapport/rapport/shared/core/queue/sqs"
	"github.com/rapport/rapport/shared/testkit/queues"
)

func specs() []queues.Spec {
	return []queues.Spec{
		{Name: "Mail", ARN: "arn:aws:sqs:us-east-1:000000000000:Mail", Visibility: 30 * time.Second, Retention: time.Hour, MaxBytes: 1 << 20, DeadLetters: "MailDlq", MaxReceives: 3},
		{Name: "MailDlq", ARN: "arn:aws:sqs:us-east-1:000000000000:MailDlq", Visibility: 30 * time.Second, Retention: 24 * time.Hour, MaxBytes: 1 << 20},
	}
}

// fixture is a served set of queues with a clock that the test moves, and SQS's
// real client.
type fixture struct {
	t      *testing.T
	dir    string
	clock  *clock.Manual
	queues *queues.Queues
	client *sqs.Client
	url    string
}

func open(t *testing.T, dir string) *fixture {
	t.Helper()
	f := &fixture{t: t, dir: dir, clock: clock.NewManual(time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC))}
	f.reopen()
	return f
}

func (f *fixture) reopen() {
	f.t.Helper()
	q, err := queues.Open(queues.Options{Specs: specs(), Dir: f.dir, Clock: f.clock, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		f.t.Fatal(err)
	}
	server := httptest.NewServer(q)
	f.t.Cleanup(server.Close)
	f.queues, f.url = q, server.URL+"/000000000000/Mail"
	f.client = ours.NewClient(ours.Config{Region: "us-east-1", AccessKeyID: "k", SecretAccessKey: "s", Endpoint: server.URL})
}

func (f *fixture) receive(name string) []types.Message {
	f.t.Helper()
	out, err := f.client.ReceiveMessage(f.t.Context(), &sqs.ReceiveMessageInput{
		QueueUrl: aws.String(strings.TrimSuffix(f.url, "Mail") + name), MaxNumberOfMessages: 10,
		MessageSystemAttributeNames: []types.MessageSystemAttributeName{types.MessageSystemAttributeNameAll}, MessageAttributeNames: []string{"All"},
	})
	if err != nil {
		f.t.Fatal(err)
	}
	return out.Messages
}

func (f *fixture) send(messages ...queue.Outgoing) {
	f.t.Helper()
	if err := ours.New(f.client, f.url).Send(f.t.Context(), messages...); err != nil {
		f.t.Fatal(err)
	}
}

func bodies(messages []types.Message) []string {
	all := []string{}
	for _, m := range messages {
		all = append(all, *m.Body)
	}
	return all
}

// What our sender sends through the real client arrives as it was sent: the
// client itself holds the checksums against what the server says.
func TestSendAndReceive(t *testing.T) {
	f := open(t, "")
	f.send(queue.Outgoing{SourceID: "ä-1", Body: map[string]int{"n": 1}})
	var many []queue.Outgoing
	for i := range 23 {
		many = append(many, queue.Outgoing{SourceID: fmt.Sprint("m", i), Body: i})
	}
	f.send(many...)
	got := f.receive("Mail")
	if *got[0].Body != `{"n":1}` || *got[0].MessageAttributes["sourceId"].StringValue != "ä-1" {
		t.Errorf("got %s with %v", *got[0].Body, got[0].MessageAttributes)
	}
	if got[0].Attributes["ApproximateReceiveCount"] != "1" || got[0].Attributes["SentTimestamp"] != "1772366400000" {
		t.Errorf("attributes %v", got[0].Attributes)
	}
	if n := len(got) + len(f.receive("Mail")) + len(f.receive("Mail")) + len(f.receive("Mail")); n != 24 {
		t.Errorf("received %d", n)
	}
}

func TestDelayAndVisibility(t *testing.T) {
	f := open(t, "")
	f.send(queue.Outgoing{SourceID: "late", Delay: 8 * time.Second, Body: "late"}, queue.Outgoing{SourceID: "now", Body: "now"})
	first := f.receive("Mail")
	if diff := cmp.Diff([]string{`"now"`}, bodies(first)); diff != "" {
		t.Fatal(diff)
	}
	f.clock.Advance(8 * time.Second)
	late := f.receive("Mail")
	if diff := cmp.Diff([]string{`"late"`}, bodies(late)); diff != "" {
		t.Fatal(diff)
	}
	if _, err := f.client.DeleteMessage(t.Context(), &sqs.DeleteMessageInput{QueueUrl: &f.url, ReceiptHandle: late[0].ReceiptHandle}); err != nil {
		t.Fatal(err)
	}
	f.clock.Advance(22 * time.Second)
	again := f.receive("Mail")
	if len(again) != 1 || *again[0].Body != `"now"` || again[0].Attributes["ApproximateReceiveCount"] != "2" {
		t.Fatalf("after its visibility timeout: %v", bodies(again))
	}
	// The receipt of an earlier delivery deletes nothing.
	if _, err := f.client.DeleteMessage(t.Context(), &sqs.DeleteMessageInput{QueueUrl: &f.url, ReceiptHandle: first[0].ReceiptHandle}); err != nil {
		t.Fatal(err)
	}
	_, err := f.client.ChangeMessageVisibility(t.Context(), &sqs.ChangeMessageVisibilityInput{QueueUrl: &f.url, ReceiptHandle: again[0].ReceiptHandle, VisibilityTimeout: 0})
	if err != nil {
		t.Fatal(err)
	}
	if got := f.receive("Mail"); len(got) != 1 {
		t.Errorf("made visible again: %v", bodies(got))
	}
	_, err = f.client.ChangeMessageVisibility(t.Context(), &sqs.ChangeMessageVisibilityInput{QueueUrl: &f.url, ReceiptHandle: again[0].ReceiptHandle, VisibilityTimeout: 5})
	if _, ok := errors.AsType[*types.MessageNotInflight](err); !ok {
		t.Errorf("an old receipt: %v", err)
	}
}

func TestDeadLetters(t *testing.T) {
	f := open(t, t.TempDir())
	f.send(queue.Outgoing{SourceID: "p", Body: "poison"})
	for range 3 {
		if got := f.receive("Mail"); len(got) != 1 {
			t.Fatalf("%v", bodies(got))
		}
		f.clock.Advance(30 * time.Second)
	}
	if got := f.receive("Mail"); len(got) != 0 {
		t.Errorf("received a fourth time")
	}
	f.reopen()
	dead := f.receive("MailDlq")
	if len(dead) != 1 || *dead[0].Body != `"poison"` || !strings.HasSuffix(dead[0].Attributes["DeadLetterQueueSourceArn"], ":Mail") || *dead[0].MessageAttributes["sourceId"].StringValue != "p" {
		t.Errorf("dead letters %v", dead)
	}
}

func TestRefusals(t *testing.T) {
	f := open(t, "")
	_, err := f.client.SendMessage(t.Context(), &sqs.SendMessageInput{QueueUrl: aws.String(f.url + "x"), MessageBody: aws.String("x")})
	if _, ok := errors.AsType[*types.QueueDoesNotExist](err); !ok {
		t.Errorf("no such queue: %v", err)
	}
	entry := func(id, body string, delay int32) types.SendMessageBatchRequestEntry {
		return types.SendMessageBatchRequestEntry{Id: &id, MessageBody: &body, DelaySeconds: delay}
	}
	out, err := f.client.SendMessageBatch(t.Context(), &sqs.SendMessageBatchInput{QueueUrl: &f.url, Entries: []types.SendMessageBatchRequestEntry{
		entry("a", "x", 0), entry("b", "x", 901),
	}})
	if err != nil || len(out.Successful) != 1 || len(out.Failed) != 1 || *out.Failed[0].Id != "b" || !out.Failed[0].SenderFault {
		t.Errorf("a batch of a good and a bad one: %v %v", out, err)
	}
	_, err = f.client.SendMessageBatch(t.Context(), &sqs.SendMessageBatchInput{QueueUrl: &f.url, Entries: []types.SendMessageBatchRequestEntry{entry("a", "x", 0), entry("a", "x", 0)}})
	if _, ok := errors.AsType[*types.BatchEntryIdsNotDistinct](err); !ok {
		t.Errorf("two entries of one id: %v", err)
	}
	ours := ours.New(f.client, f.url)
	for name, m := range map[string]queue.Outgoing{
		"no source":    {Body: 1},
		"too late":     {SourceID: "a", Body: 1, Delay: 16 * time.Minute},
		"half seconds": {SourceID: "a", Body: 1, Delay: time.Second / 2},
		"too large":    {SourceID: "a", Body: strings.Repeat("x", queue.MaxBody)},
		"no JSON":      {SourceID: "a", Body: func() {}},
	} {
		if err := ours.Send(t.Context(), m); err == nil {
			t.Errorf("%s: sent", name)
		}
	}
}

func TestAttributesOfAQueue(t *testing.T) {
	f := open(t, "")
	f.send(queue.Outgoing{SourceID: "a", Body: 1}, queue.Outgoing{SourceID: "b", Body: 2}, queue.Outgoing{SourceID: "c", Body: 3, Delay: time.Minute})
	f.clock.Advance(7 * time.Second)
	out, err := f.client.ReceiveMessage(t.Context(), &sqs.ReceiveMessageInput{QueueUrl: &f.url})
	if err != nil || len(out.Messages) != 1 {
		t.Fatal(out, err)
	}
	want := []queues.Statistics{{Queue: "Mail", Visible: 1, Hidden: 1, Delayed: 1, Oldest: 7 * time.Second}, {Queue: "MailDlq"}}
	if diff := cmp.Diff(want, f.queues.Snapshot()); diff != "" {
		t.Error(diff)
	}
	got, err := f.client.GetQueueAttributes(t.Context(), &sqs.GetQueueAttributesInput{QueueUrl: &f.url, AttributeNames: []types.QueueAttributeName{types.QueueAttributeNameAll}})
	if err != nil || got.Attributes["ApproximateNumberOfMessages"] != "1" || got.Attributes["ApproximateNumberOfMessagesNotVisible"] != "1" || got.Attributes["VisibilityTimeout"] != "30" {
		t.Errorf("%v %v", got, err)
	}
	if _, err := f.client.PurgeQueue(t.Context(), &sqs.PurgeQueueInput{QueueUrl: &f.url}); err != nil {
		t.Fatal(err)
	}
	f.clock.Advance(time.Hour)
	if got := f.receive("Mail"); len(got) != 0 {
		t.Errorf("after a purge: %v", bodies(got))
	}
}

// Long polling ends with the first message, not with its wait.
func TestLongPolling(t *testing.T) {
	q, err := queues.Open(queues.Options{Specs: specs(), Clock: clock.System{}, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(q)
	t.Cleanup(server.Close)
	client := ours.NewClient(ours.Config{Region: "us-east-1", AccessKeyID: "k", SecretAccessKey: "s", Endpoint: server.URL, HTTP: server.Client()})
	url := server.URL + "/0/Mail"
	var sending sync.WaitGroup
	defer sending.Wait()
	sending.Go(func() {
		time.Sleep(50 * time.Millisecond) // the receiver most likely waits by then
		if err := ours.New(client, url).Send(t.Context(), queue.Outgoing{SourceID: "a", Body: 1}); err != nil {
			t.Error(err)
		}
	})
	began := time.Now()
	out, err := client.ReceiveMessage(t.Context(), &sqs.ReceiveMessageInput{QueueUrl: &url, WaitTimeSeconds: 20})
	if err != nil || len(out.Messages) != 1 || time.Since(began) > 15*time.Second {
		t.Errorf("%v %v after %v", out, err, time.Since(began))
	}
}

// Whatever happens, queues that are opened anew hold what those before held,
// also where the last line was cut short and where the journal was written anew.
func TestReopened(t *testing.T) {
	seed := rand.Uint64()
	t.Log("seed", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	f := open(t, t.TempDir())
	var receipts []string
	for step := range 2500 {
		var err error
		switch n := random.IntN(10); {
		case n < 4:
			delay := time.Duration(random.IntN(20)) * time.Second
			_, err = f.queues.Send("Mail", queues.Draft{Body: fmt.Sprint("body ", step), Delay: &delay, Attributes: map[string]queues.Attribute{"a": {Type: "String", Text: "x"}}})
		case n < 8:
			var got []queues.Message
			got, err = f.queues.Receive("Mail", 1+random.IntN(5), f.clock.Now(), nil)
			for _, m := range got {
				receipts = append(receipts, m.Receipt)
			}
		case n < 9 && len(receipts) > 0:
			err = f.queues.Delete("Mail", receipts[random.IntN(len(receipts))])
		default:
			f.clock.Advance(time.Duration(random.IntN(20)) * time.Second)
		}
		if err != nil {
			t.Fatal(err)
		}
		if step%600 != 0 {
			continue
		}
		before := f.queues.Snapshot()
		tear(t, f.dir)
		f.reopen()
		after := f.queues.Snapshot()
		for i := range before {
			before[i].Buried = 0 // counted since the start
		}
		if diff := cmp.Diff(before, after); diff != "" {
			t.Fatalf("step %d: (-before +after):\n%s", step, diff)
		}
	}
	lines, err := os.ReadFile(filepath.Join(f.dir, "messages.jsonl"))
	if n := strings.Count(string(lines), "\n"); err != nil || n > 20_000 {
		t.Errorf("the journal has %d lines: %v", n, err)
	}
}

// tear leaves half a line, as a crash in a write does.
func tear(t *testing.T, dir string) {
	t.Helper()
	file, err := os.OpenFile(filepath.Join(dir, "messages.jsonl"), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := file.WriteString(`{"queue":"Mail","put":{"id":"torn`); err != nil {
		t.Fatal(err)
	}
	if err := file.Close(); err != nil {
		t.Fatal(err)
	}
}
