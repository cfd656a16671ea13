package streams

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	tabletypes "github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/dynamodbstreams"
	"github.com/aws/aws-sdk-go-v2/service/dynamodbstreams/types"
	"golang.org/x/sync/semaphore"

	"github.com/rapport/rapport/infra/local/template"
)

// source is one event source of one function.
type source struct {
	Config
	// name is that of the reader's files: `streams-fanout.Log`.
	name     string
	function template.Function
	spec     template.EventSource
	filters  []pattern
	// keysOnly is set where the filters look at names and keys alone.
	keysOnly bool
	// partition is the table's partition key.
	partition string
	// streamARN is the engine's, eventARN what events show.
	streamARN   string
	eventARN    string
	checkpoints *checkpoints
	started     time.Time
	log         *slog.Logger
	wake        chan struct{}
	// held is what was read and isn't delivered, in bytes.
	held *semaphore.Weighted

	mu   sync.Mutex
	seen Statistics
	// shards are those under way.
	shards map[string]*shard
}

// Statistics are what a reader has done since the start.
type Statistics struct {
	Folder string
	Event  string
	Table  string
	// Records counts records that the function took, Filtered records that no
	// filter let through, Discarded records that were given up.
	Records   int64
	Filtered  int64
	Discarded int64
	// Batches counts invocations, Failures those that failed wholly or in part.
	Batches  int64
	Failures int64
	// IteratorAge is the age that the newest record of the last batch had when the
	// function was given it, and Behind the age of the oldest record that was read
	// and isn't done, 0 where there is none: it grows while a batch is tried again.
	// A record is as old as it can be at most: it is younger than the last read
	// that didn't have it.
	IteratorAge time.Duration
	Behind      time.Duration
	// Shards are the logical shards under way.
	Shards int
}

func newSource(ctx context.Context, cfg Config, f template.Function, spec template.EventSource) (*source, error) {
	name := sourceName(f.Folder, spec.Name)
	s := &source{
		Config: cfg, name: name, function: f, spec: spec, started: cfg.Clock.Now(), wake: make(chan struct{}, 1),
		log:      cfg.Log.With("reader", name, "table", spec.TableName),
		held:     semaphore.NewWeighted(maxHeld),
		seen:     Statistics{Folder: f.Folder, Event: spec.Name, Table: spec.Table},
		shards:   map[string]*shard{},
		keysOnly: len(spec.Filters) > 0,
	}
	for _, text := range spec.Filters {
		p, err := parsePattern(text)
		if err != nil {
			return nil, fmt.Errorf("filter %s: %w", text, err)
		}
		s.filters = append(s.filters, p)
		s.keysOnly = s.keysOnly && p.keysOnly()
	}
	table, err := cfg.Tables.DescribeTable(ctx, &dynamodb.DescribeTableInput{TableName: &spec.TableName})
	if err != nil {
		return nil, fmt.Errorf("find the stream of %s: %w", spec.TableName, err)
	}
	if table.Table.LatestStreamArn == nil {
		return nil, fmt.Errorf("the table %s has no stream", spec.TableName)
	}
	for _, element := range table.Table.KeySchema {
		if element.KeyType == tabletypes.KeyTypeHash {
			s.partition = *element.AttributeName
		}
	}
	s.streamARN = *table.Table.LatestStreamArn
	label := s.streamARN[strings.LastIndex(s.streamARN, "/")+1:]
	s.eventARN = fmt.Sprintf("arn:aws:dynamodb:%s:%s:table/%s/stream/%s", cfg.Stack.Region, cfg.Stack.AccountID, spec.TableName, label)
	if s.checkpoints, err = openCheckpoints(cfg.Dir, name, s.streamARN, s.log); err != nil {
		return nil, err
	}
	return s, nil
}

// run reads every shard of the stream until ctx ends: a shard is begun when its
// parent is done, and the shards are looked up anew when one ends.
func (s *source) run(ctx context.Context) {
	under := map[string]bool{}
	ended := make(chan string)
	var all sync.WaitGroup
	defer func() {
		all.Wait()
		s.checkpoints.flush()
	}()
	for ctx.Err() == nil {
		shards, err := s.describe(ctx)
		if err != nil {
			s.pause(ctx, "describe stream", err)
			continue
		}
		for _, shard := range s.ready(shards, under) {
			under[shard] = true
			all.Go(func() {
				s.runShard(ctx, shard)
				select {
				case ended <- shard:
				case <-ctx.Done():
				}
			})
		}
		select {
		case shard := <-ended:
			delete(under, shard)
		case <-time.After(discoverEvery):
		case <-ctx.Done():
		}
	}
}

// discoverEvery is how often shards are looked up while none ends: a stream
// splits its shards without closing a reader's.
const discoverEvery = 30 * time.Second

func (s *source) describe(ctx context.Context) ([]types.Shard, error) {
	var shards []types.Shard
	in := &dynamodbstreams.DescribeStreamInput{StreamArn: &s.streamARN}
	for {
		page, err := s.Streams.DescribeStream(ctx, in)
		if err != nil {
			return nil, fmt.Errorf("describe stream: %w", err)
		}
		shards = append(shards, page.StreamDescription.Shards...)
		in.ExclusiveStartShardId = page.StreamDescription.LastEvaluatedShardId
		if in.ExclusiveStartShardId == nil {
			return shards, nil
		}
	}
}

// ready are the shards that are neither done nor under way and whose parent is
// done or trimmed away.
func (s *source) ready(shards []types.Shard, under map[string]bool) []string {
	exists := map[string]bool{}
	for _, shard := range shards {
		exists[*shard.ShardId] = true
	}
	s.checkpoints.keep(exists)
	var ready []string
	for _, shard := range shards {
		id := *shard.ShardId
		if under[id] || s.checkpoints.done(id) {
			continue
		}
		if parent := shard.ParentShardId; parent != nil && exists[*parent] && !s.checkpoints.done(*parent) {
			continue
		}
		ready = append(ready, id)
	}
	return ready
}

// pause reports an error of the engine and waits a second.
func (s *source) pause(ctx context.Context, operation string, err error) {
	if ctx.Err() != nil {
		return
	}
	s.log.Warn("stream reader waits for the engine", "operation", operation, "error", err.Error())
	_ = s.Clock.Sleep(ctx, time.Second) // its only error is ctx's end, which the caller sees
}

func (s *source) count(change func(*Statistics)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change(&s.seen)
}

func (s *source) snapshot() Statistics {
	s.mu.Lock()
	seen, shards := s.seen, slices.Collect(maps.Values(s.shards))
	s.mu.Unlock()
	now := s.Clock.Now()
	for _, sh := range shards {
		seen.Shards += len(sh.parts)
		seen.Behind = max(seen.Behind, sh.behind(now))
	}
	return seen
}
