package simulation

import (
	"context"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodbstreams"
	"github.com/aws/aws-sdk-go-v2/service/dynamodbstreams/types"

	"github.com/rapport/rapport/shared/core/endpoint"
	"github.com/rapport/rapport/shared/testkit/engine"
	"github.com/rapport/rapport/shared/testkit/streamevent"
)

const (
	// shardsOf is how many shards a stream has: records of one partition stay in
	// their order, others overtake each other.
	shardsOf = 3
	// batchOf is the most records that a reader is given at once.
	batchOf = 100
	// retryAfter is the first pause after a batch that failed.
	retryAfter = 100 * time.Millisecond
)

// feed is the stream of one table with its readers. The records come from the
// engine's own stream.
type feed struct {
	w        *simulation
	name     string
	physical string
	client   *dynamodbstreams.Client
	arn      string
	iterator *string
	dirty    bool
	readers  []*reader
}

// reader is one shard as one function reads it.
type reader struct {
	w        *simulation
	name     string
	function endpoint.FunctionSpec
	pending  []streamed
	batches  int
	busy     bool
	failures int
}

// streamed is a record on its way.
type streamed struct {
	number string
	record map[string]any
}

// newFeeds prepares the streams of the two tables that have one, for every
// function that reads them.
func newFeeds(sim *simulation, specs []engine.TableSpec) []*feed {
	var feeds []*feed
	for i, name := range []string{"Data", "Log"} {
		f := &feed{w: sim, name: name, physical: specs[i].Name, client: dynamodbstreams.New(dynamodbstreams.Options{
			Region: "us-east-1", BaseEndpoint: &sim.engine.Endpoint, HTTPClient: sim.line,
			Credentials: credentials.NewStaticCredentialsProvider("simulation", "simulation", ""),
		})}
		for _, function := range sim.functions {
			if function.Trigger != endpoint.TriggerStream || !slices.Contains(strings.Split(function.Route, ","), name) {
				continue
			}
			for shard := range shardsOf {
				f.readers = append(f.readers, &reader{w: sim, name: fmt.Sprintf("%s %s %d", function.Name, name, shard), function: function})
			}
		}
		feeds = append(feeds, f)
	}
	return feeds
}

// begin finds the stream's beginning.
func (f *feed) begin(t testing.TB, tables *dynamodb.Client) {
	described, err := tables.DescribeTable(context.Background(), &dynamodb.DescribeTableInput{TableName: &f.physical})
	if err != nil {
		t.Fatal(err)
	}
	f.arn = *described.Table.LatestStreamArn
	stream, err := f.client.DescribeStream(context.Background(), &dynamodbstreams.DescribeStreamInput{StreamArn: &f.arn})
	if err != nil {
		t.Fatal(err)
	}
	if n := len(stream.StreamDescription.Shards); n != 1 {
		t.Fatalf("the stream of %s has %d shards", f.name, n)
	}
	out, err := f.client.GetShardIterator(context.Background(), &dynamodbstreams.GetShardIteratorInput{
		StreamArn: &f.arn, ShardId: stream.StreamDescription.Shards[0].ShardId, ShardIteratorType: types.ShardIteratorTypeTrimHorizon,
	})
	if err != nil {
		t.Fatal(err)
	}
	f.iterator = out.ShardIterator
}

// touch notes which streams have something new. The run is locked.
func (s *simulation) touch(c call) {
	for _, written := range c.writes() {
		for _, f := range s.feeds {
			f.dirty = f.dirty || f.physical == written.table
		}
	}
}

// run moves records from the engine to the readers until the run ends.
func (f *feed) run() {
	o := f.w.operation("stream of "+f.name, "")
	for o.sleep(f.w.ctx, "look", pace{20 * time.Millisecond, 80 * time.Millisecond, 0, 0}) == nil {
		f.w.mu.Lock()
		if f.dirty {
			f.dirty = false
			if err := f.fetch(); err != nil {
				f.w.t.Errorf("stream of %s: %v", f.name, err)
			}
		}
		f.w.mu.Unlock()
	}
}

// fetch reads to the end of what there is. The run is locked.
func (f *feed) fetch() error {
	for {
		page, err := f.client.GetRecords(context.Background(), &dynamodbstreams.GetRecordsInput{ShardIterator: f.iterator})
		if err != nil {
			return err
		}
		f.iterator = page.NextShardIterator
		if len(page.Records) == 0 {
			return nil
		}
		for _, raw := range page.Records {
			if err := f.hand(raw); err != nil {
				return err
			}
		}
	}
}

// hand gives a record to the shard of each reader that its key belongs to.
func (f *feed) hand(raw types.Record) error {
	// The engine's time is the machine's.
	now := time.Now().Truncate(time.Second)
	raw.Dynamodb.ApproximateCreationDateTime = &now
	partition, _ := raw.Dynamodb.Keys["PK"].(*types.AttributeValueMemberS)
	hash := fnv.New32a()
	hash.Write([]byte(f.w.namesLocked().Replace(partition.Value))) // never fails, as hash.Hash says
	for i, r := range f.readers {
		if shard := i % shardsOf; int(hash.Sum32()%shardsOf) != shard {
			continue
		}
		record, err := streamevent.Convert(raw, "arn:aws:dynamodb:us-east-1:123456789012:table/"+f.physical+"/stream/simulation", r.name, "us-east-1")
		if err != nil {
			return err
		}
		r.pending = append(r.pending, streamed{*raw.Dynamodb.SequenceNumber, record})
	}
	return nil
}

// run delivers batches until the run ends.
func (r *reader) run() {
	o := r.w.operation(r.name, r.function.Name)
	for o.sleep(r.w.ctx, "hop", r.w.paces.hop) == nil {
		r.w.mu.Lock()
		n := min(len(r.pending), batchOf)
		batch := slices.Clone(r.pending[:n])
		r.busy = n > 0
		r.w.mu.Unlock()
		if n == 0 {
			continue
		}
		fault := r.w.faults.Stream(r.name)
		if fault.Delay > 0 {
			r.w.note(o, "%d records come %v late", n, fault.Delay)
			if sleep(r.w.ctx, fault.Delay) != nil {
				return
			}
		}
		r.deliver(batch)
		if fault.Repeat {
			r.w.note(o, "%d records come again", n)
			r.deliver(batch)
		}
		r.w.mu.Lock()
		r.pending, r.busy = r.pending[n:], false
		r.w.mu.Unlock()
	}
}

// deliver gives a batch to its function until all of it is taken: what failed
// first comes again with all that comes after it.
func (r *reader) deliver(batch []streamed) {
	for attempt := 0; len(batch) > 0 && !r.w.over(); attempt++ {
		if attempt > 0 && sleep(r.w.ctx, retryAfter<<min(attempt, 6)) != nil {
			return
		}
		r.batches++
		o := r.w.operation(fmt.Sprintf("%s batch %d", r.name, r.batches), r.function.Name)
		records := make([]map[string]any, len(batch))
		for i, streamed := range batch {
			records[i] = streamed.record
		}
		r.w.note(o, "%d records", len(batch))
		payload, _, err := r.w.invoke(o, r.function, map[string]any{"Records": records})
		if err != nil {
			r.failures++
			continue
		}
		batch = r.left(o, batch, payload)
	}
}

func (r *reader) left(o *operation, batch []streamed, payload []byte) []streamed {
	var answer events.DynamoDBEventResponse
	if err := json.Unmarshal(payload, &answer); err != nil {
		r.w.t.Errorf("%s answered %s", r.name, payload)
		return nil
	}
	if len(answer.BatchItemFailures) == 0 {
		return nil
	}
	r.failures++
	failed := map[string]bool{}
	for _, failure := range answer.BatchItemFailures {
		failed[failure.ItemIdentifier] = true
	}
	from := slices.IndexFunc(batch, func(one streamed) bool { return failed[one.number] })
	r.w.note(o, "%d of %d failed", len(failed), len(batch))
	return batch[max(from, 0):]
}

// drained reports whether every record was taken. The run is locked.
func (s *simulation) drained() bool {
	for _, f := range s.feeds {
		if f.dirty {
			return false
		}
		for _, r := range f.readers {
			if len(r.pending) > 0 || r.busy {
				return false
			}
		}
	}
	return true
}
