package streams

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodbstreams"
	"github.com/aws/aws-sdk-go-v2/service/dynamodbstreams/types"

	"github.com/rapport/rapport/infra/local/template"
)

// source is one event source of one function.
type source struct {
	Config
	function template.Function
	spec     template.EventSource
	filters  []pattern
	// streamARN is the engine's, eventARN what events show.
	streamARN   string
	eventARN    string
	checkpoints *checkpoints
	started     time.Time
	log         *slog.Logger
	wake        chan struct{}

	mu   sync.Mutex
	seen Statistics
}

// Statistics are what a reader has done since the start.
type Statistics struct {
	Folder string
	Event  string
	Table  string
	// Records counts those that the function took, Filtered those that no filter
	// let through, Discarded those that were given up.
	Records   int64
	Filtered  int64
	Discarded int64
	// Batches counts invocations, Failures those that failed wholly or in part.
	Batches  int64
	Failures int64
	// IteratorAge is the age of the newest record of the last batch, when it was
	// read.
	IteratorAge time.Duration
}

func newSource(ctx context.Context, cfg Config, f template.Function, spec template.EventSource) (*source, error) {
	s := &source{
		Config: cfg, function: f, spec: spec, started: cfg.Clock.Now(), wake: make(chan struct{}, 1),
		log:  cfg.Log.With("reader", sourceName(f.Folder, spec.Name), "table", spec.TableName),
		seen: Statistics{Folder: f.Folder, Event: spec.Name, Table: spec.Table},
	}
	for _, text := range spec.Filters {
		p, err := parsePattern(text)
		if err != nil {
			return nil, fmt.Errorf("filter %s: %w", text, err)
		}
		s.filters = append(s.filters, p)
	}
	table, err := cfg.Tables.DescribeTable(ctx, &dynamodb.DescribeTableInput{TableName: &spec.TableName})
	if err != nil {
		return nil, fmt.Errorf("find the stream of %s: %w", spec.TableName, err)
	}
	if table.Table.LatestStreamArn == nil {
		return nil, fmt.Errorf("the table %s has no stream", spec.TableName)
	}
	s.streamARN = *table.Table.LatestStreamArn
	label := s.streamARN[strings.LastIndex(s.streamARN, "/")+1:]
	s.eventARN = fmt.Sprintf("arn:aws:dynamodb:%s:%s:table/%s/stream/%s", cfg.Stack.Region, cfg.Stack.AccountID, spec.TableName, label)
	if s.checkpoints, err = openCheckpoints(cfg.Dir, sourceName(f.Folder, spec.Name), s.streamARN, s.log); err != nil {
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
		shards, err := s.shards(ctx)
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

func (s *source) shards(ctx context.Context) ([]types.Shard, error) {
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
	defer s.mu.Unlock()
	return s.seen
}
