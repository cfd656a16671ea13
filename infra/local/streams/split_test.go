package streams

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/service/dynamodbstreams/types"
	"github.com/google/go-cmp/cmp"

	"github.com/rapport/rapport/infra/local/template"
	"github.com/rapport/rapport/shared/core/clock"
	"github.com/rapport/rapport/shared/core/config"
	"github.com/rapport/rapport/shared/core/endpoint"
	"github.com/rapport/rapport/shared/core/table"
)

func textKey(key string) types.AttributeValue { return &types.AttributeValueMemberS{Value: key} }

// Where a key belongs is what stored positions mean: it must not change.
func TestKeysKeepTheirLogicalShard(t *testing.T) {
	for key, want := range map[string]int{"": 3, "a": 2, "b": 2, "MEETING#1": 0, "LOG#meetings/1/notes#0": 2} {
		if got := partOf(textKey(key), 4); got != want {
			t.Errorf("%q belongs to %d, want %d", key, got, want)
		}
	}
	if partOf(&types.AttributeValueMemberN{Value: "7"}, 4) != partOf(textKey("7"), 4) || partOf(&types.AttributeValueMemberB{Value: []byte("7")}, 4) != partOf(textKey("7"), 4) {
		t.Error("numbers and bytes are hashed otherwise than texts")
	}
	seen := make([]int, 4)
	for i := range 4000 {
		seen[partOf(textKey(fmt.Sprintf("LOG#meetings/%026d/notes#0", i)), 4)]++
	}
	if slices.Min(seen) < 800 {
		t.Errorf("4000 meetings lie %v", seen)
	}
}

// keysOfParts are n keys of each logical shard of 4.
func keysOfParts(n int) [][]string {
	keys := make([][]string, 4)
	for i := 0; slices.ContainsFunc(keys, func(k []string) bool { return len(k) < n }); i++ {
		key := fmt.Sprintf("key%d", i)
		if p := partOf(textKey(key), 4); len(keys[p]) < n {
			keys[p] = append(keys[p], key)
		}
	}
	return keys
}

// A logical shard that fails, or is slow, doesn't hold up the others before it is
// full, and then it holds up reading.
func TestASlowLogicalShard(t *testing.T) {
	f, keys := newFixture(t), keysOfParts(1)
	f.split = 4
	slow, quick := keys[0][0], keys[1][0]
	release := make(chan struct{})
	var mu sync.Mutex
	taken := map[string]int{}
	count := func(key string) int {
		mu.Lock()
		defer mu.Unlock()
		return taken[key]
	}
	f.put(slow, slow, slow, slow) // two will be under way, two wait
	readers := f.start(template.EventSource{BatchSize: 2, MaximumRetryAttempts: -1, MaximumRecordAgeSeconds: -1},
		func(batch []string, _ events.DynamoDBEvent) (string, error) {
			if batch[0] == slow {
				<-release
			}
			mu.Lock()
			defer mu.Unlock()
			for _, key := range batch {
				taken[key]++
			}
			return "", nil
		})
	t.Cleanup(sync.OnceFunc(func() {
		select {
		case <-release:
		default:
			close(release)
		}
	}))
	source := readers.sources[0]
	open := func() (n int) {
		source.mu.Lock()
		defer source.mu.Unlock()
		for _, sh := range source.shards {
			sh.mu.Lock()
			for _, p := range sh.parts {
				n += len(p.open)
			}
			sh.mu.Unlock()
		}
		return n
	}
	waitFor(t, "the slow key's records", func() bool { return open() == 4 })
	f.put(quick, quick, quick)
	waitFor(t, "the other key", func() bool { return count(quick) == 3 })
	if s := readers.Snapshot()[0]; s.Shards != 4 || s.Behind <= 0 {
		t.Errorf("%d logical shards, %v behind", s.Shards, s.Behind)
	}
	// One more of the slow key, and nothing more is read.
	f.put(slow)
	waitFor(t, "the record too many", func() bool { return open() == 5 })
	for range 10 {
		f.put(slow, quick)
	}
	time.Sleep(3 * pollIdle)
	if n := open(); n != 5 || count(quick) != 3 {
		t.Errorf("%d records are held, %d of the other key came", n, count(quick))
	}
	close(release)
	waitFor(t, "every record", func() bool { return count(slow) == 15 && count(quick) == 13 })
	waitFor(t, "its end", func() bool { return readers.Snapshot()[0].Behind == 0 })
}

// After kill -9 each logical shard goes on from its own position: the file as it
// stood is all that is left.
func TestEachLogicalShardGoesOnFromItsOwn(t *testing.T) {
	f, keys := newFixture(t), keysOfParts(2)
	f.split = 4
	stuck, good := keys[2], keys[3]
	f.put(stuck[0], good[0], stuck[1], good[1])
	hang := make(chan struct{})
	first := newCalls()
	spec := template.EventSource{BatchSize: 10, MaximumRetryAttempts: -1, MaximumRecordAgeSeconds: -1}
	readers := f.start(spec, func(batch []string, _ events.DynamoDBEvent) (string, error) {
		if batch[0] == stuck[0] {
			<-hang
			return "", errors.New("the process is gone")
		}
		first.add(batch)
		return "", nil
	})
	first.wait(t, strings.Join(good, " "))
	path := filepath.Join(f.dataDir, "streams", "a-b.Data.json")
	var left []byte
	waitFor(t, "the checkpoint", func() bool {
		text, err := os.ReadFile(path)
		left = text
		var stored progress
		if err != nil || json.Unmarshal(text, &stored) != nil || len(stored.Shards) != 1 {
			return false
		}
		for _, p := range stored.Shards {
			return p.Sequence == "" && after(p.Parts[3], "3")
		}
		return false
	})
	readers.stop()
	close(hang)
	readers.Close()
	if err := os.WriteFile(path, left, 0o600); err != nil {
		t.Fatal(err)
	}
	f.put(good[0])
	second := newCalls()
	f.start(spec, func(batch []string, _ events.DynamoDBEvent) (string, error) { second.add(batch); return "", nil })
	waitFor(t, "both batches", func() bool {
		second.mu.Lock()
		defer second.mu.Unlock()
		return len(second.batches) == 2
	})
	slices.Sort(second.batches)
	want := []string{strings.Join(stuck, " "), good[0]}
	slices.Sort(want)
	if diff := cmp.Diff(want, second.batches); diff != "" {
		t.Error(diff)
	}
}

// TestOrderOfEachKey writes to many keys while readers come and go, the function
// fails at random, batches come twice and late, and the number of logical shards
// changes: every record comes, and the first time in the order of its key.
func TestOrderOfEachKey(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	f := newFixture(t)
	chaos := &chaos{random: rand.New(rand.NewPCG(seed, 0)), known: map[string]bool{}, newest: map[string]string{}, t: t}
	f.faults = chaos
	const total, keys = 300, 12
	written := make(chan struct{})
	go func() {
		defer close(written)
		for i := range total {
			f.put(fmt.Sprintf("k%d", i%keys))
		}
	}()
	for round := range 6 {
		f.split = 1 + 3*(round%2)
		readers := f.start(template.EventSource{BatchSize: 7, ReportBatchItemFailures: true, Bisect: true, MaximumRetryAttempts: -1, MaximumRecordAgeSeconds: -1}, chaos.take)
		enough := min(chaos.taken()+chaos.intN(40), total)
		waitFor(t, "the next records", func() bool { return chaos.taken() >= enough })
		readers.Close()
	}
	<-written
	f.split = 4
	f.start(template.EventSource{BatchSize: 50, MaximumRetryAttempts: -1, MaximumRecordAgeSeconds: -1, ReportBatchItemFailures: true}, chaos.take)
	waitFor(t, "every record", func() bool { return chaos.taken() == total })
}

// chaos is a function that fails and the faults around it.
type chaos struct {
	t      *testing.T
	mu     sync.Mutex
	random *rand.Rand
	known  map[string]bool
	newest map[string]string
}

func (c *chaos) taken() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.known)
}

func (c *chaos) intN(n int) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.random.IntN(n)
}

func (c *chaos) Batch(string) (bool, time.Duration) {
	return c.intN(4) == 0, time.Duration(c.intN(5)) * time.Millisecond
}

func (c *chaos) take(keys []string, event events.DynamoDBEvent) (string, error) {
	outcome, failed := c.intN(10), len(keys)
	if outcome == 0 {
		return "", errors.New("boom")
	}
	if outcome == 1 {
		failed = c.intN(len(keys))
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for i, key := range keys[:failed] {
		sequence := event.Records[i].Change.SequenceNumber
		if c.known[sequence] {
			continue
		}
		if c.known[sequence] = true; !after(sequence, c.newest[key]) {
			c.t.Errorf("%s: %s came after %s", key, sequence, c.newest[key])
		}
		c.newest[key] = sequence
	}
	if failed == len(keys) {
		return `{"batchItemFailures":[]}`, nil
	}
	return fmt.Sprintf(`{"batchItemFailures":[{"itemIdentifier":%q}]}`, event.Records[failed].Change.SequenceNumber), nil
}

// handler is a declared stream function as an Invoker.
type handler func(ctx context.Context, payload []byte) ([]byte, error)

func (h handler) Invoke(ctx context.Context, _ string, payload []byte) ([]byte, error) {
	return h(ctx, payload)
}

// A record that its function names as failed, among others on real shards, ends
// in the dead-letter queue alone, with the function's reason; the others are
// delivered and nothing else is in the queue.
func TestPoisonNamedByItsFunction(t *testing.T) {
	f := newFixture(t)
	f.split = 4
	keys := slices.Concat(keysOfParts(5)...)
	poison := keys[7]
	var mu sync.Mutex
	taken := map[string]int{}
	read := endpoint.Stream("Data", "stream: read.", func(_ struct{}, _ context.Context, records []table.Record) map[string]error {
		mu.Lock()
		defer mu.Unlock()
		failed := map[string]error{}
		for _, r := range records {
			if taken[r.Key.PK]++; r.Key.PK == poison {
				failed[r.ID] = errors.New("the text of it can't be read")
			}
		}
		return failed
	})
	declared := endpoint.Domain("a", func(context.Context, endpoint.Declaration, config.Env, endpoint.Overrides) (endpoint.App[struct{}], error) {
		return endpoint.App[struct{}]{Runtime: endpoint.Runtime{Clock: clock.System{}, Log: slog.New(slog.DiscardHandler)}}, nil
	}, map[string]endpoint.Function[struct{}]{"b": read})
	function, err := declared[0].Open(t.Context(), nil, endpoint.Overrides{})
	if err != nil {
		t.Fatal(err)
	}
	f.put(keys...)
	readers := f.run(template.EventSource{ReportBatchItemFailures: true, Bisect: true, MaximumRetryAttempts: 1, MaximumRecordAgeSeconds: -1},
		handler(function.Invoke))
	waitFor(t, "all others", func() bool { s := readers.Snapshot()[0]; return s.Discarded == 1 && s.Records == int64(len(keys)-1) })
	text, err := os.ReadFile(filepath.Join(f.dataDir, "dlq", "dead.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	var l letter
	if err := json.Unmarshal(text, &l); err != nil || strings.Count(string(text), "\n") != 1 {
		t.Fatalf("%s: %v", text, err)
	}
	if l.RequestContext.Condition != retriesExhausted || l.Batch.Size != 1 || !strings.Contains(l.Reason, "the text of it can't be read") ||
		strings.TrimLeft(l.Batch.From, "0") != "8" || !strings.HasSuffix(l.Batch.ShardID, fmt.Sprintf(".%d", partOf(textKey(poison), 4))) {
		t.Errorf("dead letter %s", text)
	}
	mu.Lock()
	defer mu.Unlock()
	for _, key := range keys {
		if taken[key] == 0 {
			t.Errorf("%s never came", key)
		}
	}
}

// fixed are faults that are the same for every batch.
type fixed struct {
	repeat bool
	delay  time.Duration
}

func (f fixed) Batch(reader string) (bool, time.Duration) {
	return f.repeat && reader == "a-b.Data", f.delay
}

// A batch's newest record is on its way for a hop at least, counted from when it
// was read; what the laptop took is part of it. Faults come on top.
func TestHopAndFaults(t *testing.T) {
	start := time.Date(2026, 11, 23, 16, 0, 0, 0, time.UTC)
	for _, tt := range []struct {
		name   string
		hop    time.Duration
		faults Faults
		// took is how long ago the newest record was read.
		took    time.Duration
		want    time.Duration
		batches int64
	}{
		{name: "neither", batches: 1},
		{name: "a hop", hop: 300 * time.Millisecond, took: 100 * time.Millisecond, want: 200 * time.Millisecond, batches: 1},
		{name: "a hop that is over", hop: 300 * time.Millisecond, took: time.Second, batches: 1},
		{name: "late", faults: fixed{delay: time.Second}, want: time.Second, batches: 1},
		{name: "late after a hop", hop: 300 * time.Millisecond, faults: fixed{delay: time.Second}, took: 100 * time.Millisecond, want: 1200 * time.Millisecond, batches: 1},
		{name: "late and the hop is over", hop: 300 * time.Millisecond, faults: fixed{delay: time.Second}, took: time.Second, want: time.Second, batches: 1},
		{name: "twice", faults: fixed{repeat: true}, batches: 2},
	} {
		t.Run(tt.name, func(t *testing.T) {
			now := clock.NewManual(start)
			cfg := Config{Clock: now, Faults: tt.faults, Invoker: handler(func(context.Context, []byte) ([]byte, error) { return nil, nil })}
			if tt.hop > 0 {
				cfg.Hop = func() time.Duration { return tt.hop }
			}
			p := &part{shard: &shard{source: &source{Config: cfg, name: "a-b.Data", spec: template.EventSource{MaximumRecordAgeSeconds: -1}}}}
			newest := start.Add(-tt.took)
			records := []record{{sequence: "1", fetched: newest.Add(-time.Hour)}, {sequence: "2", fetched: newest, committed: newest.Add(-time.Second)}}
			if !p.deliverAs(t.Context(), records) {
				t.Fatal("not delivered")
			}
			s := p.source.seen
			if waited := now.Now().Sub(start); waited != tt.want || s.Batches != tt.batches || s.IteratorAge != tt.took+time.Second+tt.want {
				t.Errorf("waited %v, %d batches, age %v", waited, s.Batches, s.IteratorAge)
			}
		})
	}
}

// A batch that succeeds is given again where the faults want it, also on real
// shards, and moves the position once.
func TestRepeatedBatches(t *testing.T) {
	f, got := newFixture(t), newCalls()
	f.faults = fixed{repeat: true}
	f.put("a", "b")
	readers := f.start(template.EventSource{MaximumRetryAttempts: -1, MaximumRecordAgeSeconds: -1},
		func(batch []string, _ events.DynamoDBEvent) (string, error) { got.add(batch); return "", nil })
	got.wait(t, "a b", "a b")
	waitFor(t, "the position", func() bool { return readers.Snapshot()[0].Behind == 0 })
	f.put("c")
	got.wait(t, "a b", "a b", "c", "c")
}

// Filters that look at keys alone rule records out before they are converted;
// they say the same as on the whole record.
func TestFiltersOfKeys(t *testing.T) {
	for text, want := range map[string]bool{
		`{"eventName":["INSERT"]}`: true,
		`{"eventName":["INSERT"],"dynamodb":{"Keys":{"SK":{"S":[{"prefix":"0"}]}}}}`:         true,
		`{"dynamodb":{"NewImage":{"SK":{"S":["0"]}}}}`:                                       false,
		`{"dynamodb":{"Keys":{"SK":{"S":["0"]}},"NewImage":{"x":{"S":["0"]}}}}`:              false,
		`{"userIdentity":{"type":["Service"]}}`:                                              false,
		`{"$or":[{"eventName":["INSERT"]},{"userIdentity":{"type":["Service"]}}]}`:           false,
		`{"dynamodb":{"$or":[{"Keys":{"SK":{"S":["0"]}}},{"SizeBytes":[{"exists":true}]}]}}`: false,
	} {
		p, err := parsePattern(text)
		if err != nil || p.keysOnly() != want {
			t.Errorf("%s: %v, %v", text, p.keysOnly(), err)
		}
	}
	raw := types.Record{EventName: types.OperationTypeInsert, Dynamodb: &types.StreamRecord{
		SequenceNumber: new("1"), Keys: map[string]types.AttributeValue{"PK": textKey("a"), "SK": &types.AttributeValueMemberN{Value: "7"}},
	}}
	whole, err := convert(raw, "arn", "shard", "us-east-1")
	if err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]bool{
		`{"eventName":["INSERT"],"dynamodb":{"Keys":{"PK":{"S":["a"]},"SK":{"N":["7"]}}}}`: true,
		`{"eventName":["REMOVE"]}`:                              false,
		`{"dynamodb":{"Keys":{"SK":{"S":[{"exists":false}]}}}}`: true,
		`{"dynamodb":{"Keys":{"PK":{"S":["b"]}}}}`:              false,
	} {
		p, err := parsePattern(text)
		if err != nil {
			t.Fatal(err)
		}
		if light, full := p.matches(keysOf(raw)), p.matches(whole.event); light != want || full != want {
			t.Errorf("%s: %v by its keys, %v as a whole", text, light, full)
		}
	}
	raw.Dynamodb.Keys["SK"] = &types.AttributeValueMemberB{Value: []byte("7")}
	if keysOf(raw) != nil {
		t.Error("a key of bytes is to be converted")
	}
}

// BenchmarkSort is what a reader does with a record that it keeps, and with one
// that its filters rule out by the keys alone.
func BenchmarkSort(b *testing.B) {
	keep, err := parsePattern(`{"eventName":["INSERT"],"dynamodb":{"Keys":{"SK":{"S":[{"prefix":"0"}]}}}}`)
	if err != nil {
		b.Fatal(err)
	}
	for name, sort := range map[string]string{"kept": "000000000000007", "filtered": "CHUNK#000000000000007#0"} {
		b.Run(name, func(b *testing.B) {
			sh := &shard{source: &source{filters: []pattern{keep}, keysOnly: true, partition: "PK", Config: Config{
				Stack: &template.Stack{Region: "us-east-1"}, Clock: clock.System{},
			}}}
			for range 4 {
				sh.parts = append(sh.parts, &part{shard: sh})
			}
			keys := map[string]types.AttributeValue{"PK": textKey("LOG#meetings/01M8531J3NN92C9406ZBB5A7AK/notes#0"), "SK": textKey(sort)}
			image := maps.Clone(keys)
			for name, value := range map[string]string{"d": strings.Repeat("x", 200), "u": "01M8531J3NN92C9406ZBB5A7AK", "c": "client-1", "g": strings.Repeat("0", 64)} {
				image[name] = textKey(value)
			}
			raw := types.Record{EventName: types.OperationTypeInsert, Dynamodb: &types.StreamRecord{SequenceNumber: new("7"), Keys: keys, NewImage: image}}
			b.ReportAllocs()
			for b.Loop() {
				if err := sh.sort(raw, time.Time{}); err != nil {
					b.Fatal(err)
				}
				for _, p := range sh.parts {
					p.page, p.open = p.page[:0], p.open[:0]
				}
			}
		})
	}
}
