package streams

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/dynamodbstreams"
	"github.com/google/go-cmp/cmp"

	"github.com/rapport/rapport/infra/local/tables"
	"github.com/rapport/rapport/infra/local/template"
	"github.com/rapport/rapport/shared/core/clock"
	"github.com/rapport/rapport/shared/testkit/engine"
)

const tableName = "rapport-Data"

// fixture is an engine with one table that has a stream.
type fixture struct {
	t       *testing.T
	engine  *engine.Engine
	dataDir string
	tables  []template.Table
	expired func(string, map[string]string) bool
	// split is 1 where a test says in which batches records come.
	split  int
	hop    func() time.Duration
	faults Faults
	writes atomic.Int64
}

func newFixture(t *testing.T) *fixture {
	t.Helper()
	f := &fixture{t: t, dataDir: t.TempDir(), split: 1}
	f.startEngine()
	f.tables = []template.Table{{LogicalID: "Data", Name: tableName, TTL: "ttl", Create: &dynamodb.CreateTableInput{
		TableName: aws.String(tableName),
		KeySchema: []types.KeySchemaElement{
			{AttributeName: aws.String("PK"), KeyType: types.KeyTypeHash}, {AttributeName: aws.String("SK"), KeyType: types.KeyTypeRange},
		},
		AttributeDefinitions: []types.AttributeDefinition{
			{AttributeName: aws.String("PK"), AttributeType: "S"}, {AttributeName: aws.String("SK"), AttributeType: "S"},
		},
		StreamSpecification: &types.StreamSpecification{StreamEnabled: aws.Bool(true), StreamViewType: "NEW_AND_OLD_IMAGES"},
	}}}
	if err := tables.Create(t.Context(), f.engine.Client(), f.tables); err != nil {
		t.Fatal(err)
	}
	return f
}

func (f *fixture) startEngine() {
	f.t.Helper()
	o := engine.Options{Kind: os.Getenv("ENGINE"), Dir: filepath.Join(f.dataDir, "tables")}
	if o.Kind != engine.DynamoDBLocal {
		if err := tables.Prepare(o.Dir); err != nil {
			f.t.Fatal(err)
		}
	}
	e, err := engine.Start(f.t.Context(), o)
	if err != nil {
		f.t.Fatal(err)
	}
	f.engine = e
	f.t.Cleanup(func() {
		if err := e.Stop(); err != nil {
			f.t.Error(err)
		}
	})
}

// start runs readers for one function with one event source.
func (f *fixture) start(spec template.EventSource, invoke invokerFunc) *Readers {
	f.t.Helper()
	return f.run(spec, invoke)
}

// run is start for any Invoker.
func (f *fixture) run(spec template.EventSource, invoke Invoker) *Readers {
	f.t.Helper()
	spec.Name, spec.Table, spec.TableName, spec.StartingPosition = "Data", "Data", tableName, "LATEST"
	if spec.BatchSize == 0 {
		spec.BatchSize = 100
	}
	spec.Destination = "arn:aws:sqs:us-east-1:000000000000:dead"
	client := dynamodbstreams.New(dynamodbstreams.Options{
		Region: "us-east-1", BaseEndpoint: &f.engine.Endpoint,
		Credentials: credentials.NewStaticCredentialsProvider("local", "local", ""),
	})
	readers, err := Start(f.t.Context(), Config{
		Stack: &template.Stack{Region: "us-east-1", AccountID: "000000000000", Functions: []template.Function{
			{Folder: "a/b", ARN: "arn:b", Streams: []template.EventSource{spec}},
		}},
		Tables: f.engine.Client(), Streams: client, Invoker: invoke, Dir: f.dataDir,
		Clock: clock.System{}, Log: slog.New(slog.DiscardHandler), Expired: f.expired,
		Split: f.split, Hop: f.hop, Faults: f.faults,
	})
	if err != nil {
		f.t.Fatal(err)
	}
	f.t.Cleanup(readers.Close)
	return readers
}

// keyOf is the key of an item that is alone in its partition.
func keyOf(partition string) map[string]types.AttributeValue {
	return map[string]types.AttributeValue{"PK": &types.AttributeValueMemberS{Value: partition}, "SK": &types.AttributeValueMemberS{Value: "x"}}
}

func (f *fixture) put(keys ...string) {
	f.t.Helper()
	for _, key := range keys {
		item := keyOf(key)
		// A write that changes nothing has no record on AWS.
		item["n"] = &types.AttributeValueMemberN{Value: fmt.Sprint(f.writes.Add(1))}
		if _, err := f.engine.Client().PutItem(f.t.Context(), &dynamodb.PutItemInput{
			TableName: aws.String(tableName), Item: item,
		}); err != nil {
			f.t.Fatal(err)
		}
	}
}

type invokerFunc func(batch []string, event events.DynamoDBEvent) (string, error)

func (f invokerFunc) Invoke(_ context.Context, folder string, payload []byte) ([]byte, error) {
	var event events.DynamoDBEvent
	if err := json.Unmarshal(payload, &event); err != nil || folder != "a/b" {
		return nil, fmt.Errorf("%s: %w", folder, err)
	}
	var keys []string
	for _, r := range event.Records {
		keys = append(keys, r.Change.Keys["PK"].String())
	}
	answer, err := f(keys, event)
	return []byte(answer), err
}

// calls gathers the batches that a function got.
type calls struct {
	mu      sync.Mutex
	batches []string
	changed chan struct{}
}

func newCalls() *calls { return &calls{changed: make(chan struct{}, 1000)} }

func (c *calls) add(batch []string) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.batches = append(c.batches, strings.Join(batch, " "))
	c.changed <- struct{}{}
	return len(c.batches)
}

func (c *calls) wait(t *testing.T, want ...string) {
	t.Helper()
	deadline := time.After(20 * time.Second)
	for {
		c.mu.Lock()
		got := append([]string{}, c.batches...)
		c.mu.Unlock()
		if len(got) >= len(want) {
			if diff := cmp.Diff(want, got); diff != "" {
				t.Fatal(diff)
			}
			return
		}
		select {
		case <-c.changed:
		case <-deadline:
			t.Fatalf("batches %q, want %q", got, want)
		}
	}
}

// waitFor asks again until it holds; what it waits for always comes, or the
// test fails after 20 s.
func waitFor(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for range 2000 {
		if holds() {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatalf("%s never came", what)
}

func TestBatchesComeInOrderFromTheBeginning(t *testing.T) {
	f, got := newFixture(t), newCalls()
	f.put("a", "b", "c", "d", "e")
	readers := f.start(template.EventSource{BatchSize: 2, MaximumRetryAttempts: -1, MaximumRecordAgeSeconds: -1},
		func(batch []string, event events.DynamoDBEvent) (string, error) {
			if arn := event.Records[0].EventSourceArn; !strings.HasPrefix(arn, "arn:aws:dynamodb:us-east-1:000000000000:table/rapport-Data/stream/") {
				t.Errorf("event source %s", arn)
			}
			got.add(batch)
			return "", nil
		})
	got.wait(t, "a b", "c d", "e")
	f.put("f")
	got.wait(t, "a b", "c d", "e", "f")
	waitFor(t, "the count", func() bool { return readers.Snapshot()[0].Records == 6 })
}

func TestFilteredRecordsAreSkippedAndDone(t *testing.T) {
	f, got := newFixture(t), newCalls()
	f.put("no-1", "yes-1", "no-2", "no-3")
	spec := template.EventSource{
		MaximumRetryAttempts: -1, MaximumRecordAgeSeconds: -1,
		Filters: []string{`{"dynamodb":{"Keys":{"PK":{"S":[{"prefix":"yes"}]}}}}`},
	}
	take := func(batch []string, _ events.DynamoDBEvent) (string, error) { got.add(batch); return "", nil }
	readers := f.start(spec, take)
	got.wait(t, "yes-1")
	waitFor(t, "the count", func() bool { s := readers.Snapshot()[0]; return s.Filtered == 3 && s.Records == 1 })
	readers.Close()
	text, err := os.ReadFile(filepath.Join(f.dataDir, "streams", "a-b.Data.json"))
	if err != nil || !regexp.MustCompile(`"sequence":"0*4"`).Match(text) {
		t.Errorf("checkpoint %s, %v: filtered records count as done", text, err)
	}
}

// TestGoesOnFromItsCheckpoint ends the engine and the readers in the middle of
// a batch and starts both again on the same folder.
func TestGoesOnFromItsCheckpoint(t *testing.T) {
	f, first := newFixture(t), newCalls()
	spec := template.EventSource{BatchSize: 2, MaximumRetryAttempts: -1, MaximumRecordAgeSeconds: -1}
	hang := make(chan struct{})
	f.put("a", "b", "c")
	readers := f.start(spec, func(batch []string, _ events.DynamoDBEvent) (string, error) {
		if first.add(batch) == 2 {
			<-hang
			return "", errors.New("the process is gone")
		}
		return "", nil
	})
	first.wait(t, "a b", "c")
	closed := make(chan struct{})
	go func() {
		readers.stop()
		close(hang)
		readers.Close()
		close(closed)
	}()
	<-closed
	f.put("d")
	if err := f.engine.Stop(); err != nil {
		t.Fatal(err)
	}
	f.startEngine()
	f.put("e")
	second := newCalls()
	f.start(spec, func(batch []string, _ events.DynamoDBEvent) (string, error) { second.add(batch); return "", nil })
	second.wait(t, "c d", "e")
}

func TestPartialFailureGoesOnFromTheLowest(t *testing.T) {
	f, got := newFixture(t), newCalls()
	f.put("a", "b", "c", "d")
	f.start(template.EventSource{ReportBatchItemFailures: true, MaximumRetryAttempts: 3, MaximumRecordAgeSeconds: -1},
		func(batch []string, event events.DynamoDBEvent) (string, error) {
			switch got.add(batch) {
			case 1: // c and b failed: the lowest counts
				return fmt.Sprintf(`{"batchItemFailures":[{"itemIdentifier":%q},{"itemIdentifier":%q}]}`,
					event.Records[2].Change.SequenceNumber, event.Records[1].Change.SequenceNumber), nil
			case 2: // an empty identifier fails the whole batch
				return `{"batchItemFailures":[{"itemIdentifier":""}]}`, nil
			case 3: // and so does what can't be read
				return `[1]`, nil
			}
			return `{"batchItemFailures":[]}`, nil
		})
	got.wait(t, "a b c d", "b c d", "b c d", "b c d")
}

func TestBisectFindsThePoisonAndSendsItAway(t *testing.T) {
	f, got := newFixture(t), newCalls()
	f.put("a", "b", "poison", "d")
	readers := f.start(template.EventSource{Bisect: true, MaximumRetryAttempts: 1, MaximumRecordAgeSeconds: -1},
		func(batch []string, _ events.DynamoDBEvent) (string, error) {
			got.add(batch)
			if strings.Contains(strings.Join(batch, " "), "poison") {
				return "", errors.New("boom")
			}
			return "", nil
		})
	got.wait(t, "a b poison d", "a b", "poison d", "poison", "poison", "d")
	waitFor(t, "the count", func() bool { s := readers.Snapshot()[0]; return s.Discarded == 1 && s.Records == 3 })
	text, err := os.ReadFile(filepath.Join(f.dataDir, "dlq", "dead.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	var l letter
	if err := json.Unmarshal(text, &l); err != nil {
		t.Fatal(err)
	}
	if l.RequestContext.Condition != "RetryAttemptsExhausted" || l.RequestContext.InvokeCount != 2 || strings.TrimLeft(l.Batch.From, "0") != "3" ||
		l.Batch.To != l.Batch.From || l.Batch.Size != 1 || l.Reason != "boom" || l.RequestContext.FunctionARN != "arn:b" {
		t.Errorf("dead letter %s", text)
	}
}

func TestWindowGathersABatch(t *testing.T) {
	f, got := newFixture(t), newCalls()
	f.put("a", "b", "c")
	f.start(template.EventSource{BatchSize: 4, Window: time.Hour, MaximumRetryAttempts: -1, MaximumRecordAgeSeconds: -1},
		func(batch []string, _ events.DynamoDBEvent) (string, error) { got.add(batch); return "", nil })
	f.put("d") // the batch is full: it goes before its window is over
	got.wait(t, "a b c d")
}

func TestOldRecordsAreGivenUp(t *testing.T) {
	old := clock.System{}.Now().Add(-time.Hour)
	sh := &part{shard: &shard{source: &source{
		Config: Config{Clock: clock.System{}}, log: slog.New(slog.DiscardHandler),
		spec: template.EventSource{MaximumRecordAgeSeconds: 60}, started: old,
	}}}
	batch := []record{{sequence: "1", created: old}, {sequence: "2", created: sh.Clock.Now()}}
	if left := sh.dropAged(batch, 0); len(left) != 1 || left[0].sequence != "2" || sh.seen.Discarded != 1 {
		t.Errorf("left %v, discarded %d", left, sh.seen.Discarded)
	}
	sh.started = sh.Clock.Now()
	if left := sh.dropAged(batch, 0); len(left) != 2 {
		t.Error("a record's age counts from the reader's start")
	}
}

func TestDamagedCheckpointStartsAtTheOldest(t *testing.T) {
	f, got := newFixture(t), newCalls()
	f.put("a")
	path := filepath.Join(f.dataDir, "streams", "a-b.Data.json")
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(`{"streamArn`), 0o600); err != nil {
		t.Fatal(err)
	}
	f.start(template.EventSource{MaximumRetryAttempts: -1, MaximumRecordAgeSeconds: -1},
		func(batch []string, _ events.DynamoDBEvent) (string, error) { got.add(batch); return "", nil })
	got.wait(t, "a")
}

func TestExpiredItemsAreTheServicesWork(t *testing.T) {
	f, got := newFixture(t), newCalls()
	sweeper := tables.NewSweeper(f.engine.Client(), f.tables, clock.System{}, slog.New(slog.DiscardHandler))
	for _, key := range []string{"expired", "deleted"} {
		item := keyOf(key)
		item["ttl"] = &types.AttributeValueMemberN{Value: "1600000000000"}
		if _, err := f.engine.Client().PutItem(t.Context(), &dynamodb.PutItemInput{TableName: aws.String(tableName), Item: item}); err != nil {
			t.Fatal(err)
		}
	}
	setEnd := &dynamodb.UpdateItemInput{
		TableName: aws.String(tableName), Key: keyOf("expired"),
		UpdateExpression: aws.String("SET #t = :t"), ExpressionAttributeNames: map[string]string{"#t": "ttl"},
		ExpressionAttributeValues: map[string]types.AttributeValue{":t": &types.AttributeValueMemberN{
			Value: fmt.Sprint(clock.System{}.Now().Unix() - 60),
		}},
	}
	if _, err := f.engine.Client().UpdateItem(t.Context(), setEnd); err != nil {
		t.Fatal(err)
	}
	if n, err := sweeper.Sweep(t.Context()); n != 1 || err != nil {
		t.Fatalf("swept %d, %v", n, err)
	}
	if _, err := f.engine.Client().DeleteItem(t.Context(), &dynamodb.DeleteItemInput{
		TableName: aws.String(tableName), Key: keyOf("deleted"),
	}); err != nil {
		t.Fatal(err)
	}
	f.expired = sweeper.Expired
	f.start(template.EventSource{MaximumRetryAttempts: -1, MaximumRecordAgeSeconds: -1, Filters: []string{`{"eventName":["REMOVE"]}`}},
		func(batch []string, event events.DynamoDBEvent) (string, error) {
			for i, r := range event.Records {
				if r.UserIdentity != nil {
					batch[i] += " by " + r.UserIdentity.PrincipalID
				}
			}
			got.add(batch)
			return "", nil
		})
	got.wait(t, "expired by dynamodb.amazonaws.com deleted")
}

// TestNothingIsLostOverManyEnds writes while readers come and go and the
// function fails at random: every record must be taken, and the first taking of
// each in the order of the stream.
func TestNothingIsLostOverManyEnds(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	f := newFixture(t)
	const total = 200
	var mu sync.Mutex
	var taken []string
	known := map[string]bool{}
	take := func(keys []string) {
		for _, key := range keys {
			if !known[key] {
				known[key] = true
				taken = append(taken, key)
			}
		}
	}
	written := make(chan struct{})
	go func() {
		defer close(written)
		for i := range total {
			f.put(fmt.Sprintf("k%03d", i))
		}
	}()
	for range 8 {
		readers := f.start(template.EventSource{BatchSize: 7, ReportBatchItemFailures: true, Bisect: true, MaximumRetryAttempts: -1, MaximumRecordAgeSeconds: -1},
			func(batch []string, event events.DynamoDBEvent) (string, error) {
				mu.Lock()
				defer mu.Unlock()
				switch random.IntN(10) {
				case 0:
					return "", errors.New("boom")
				case 1:
					failed := random.IntN(len(batch))
					take(batch[:failed])
					return fmt.Sprintf(`{"batchItemFailures":[{"itemIdentifier":%q}]}`, event.Records[failed].Change.SequenceNumber), nil
				}
				take(batch)
				return `{"batchItemFailures":[]}`, nil
			})
		mu.Lock()
		enough := len(taken) + random.IntN(20)
		mu.Unlock()
		waitFor(t, "the next records", func() bool {
			mu.Lock()
			defer mu.Unlock()
			return len(taken) >= min(enough, total)
		})
		readers.Close()
	}
	<-written
	f.start(template.EventSource{BatchSize: 50, MaximumRetryAttempts: -1, MaximumRecordAgeSeconds: -1},
		func(batch []string, _ events.DynamoDBEvent) (string, error) {
			mu.Lock()
			defer mu.Unlock()
			take(batch)
			return "", nil
		})
	waitFor(t, "every record", func() bool {
		mu.Lock()
		defer mu.Unlock()
		return len(taken) == total
	})
	if !slices.IsSorted(taken) {
		t.Errorf("out of order: %v", taken)
	}
}
