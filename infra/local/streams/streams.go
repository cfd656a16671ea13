// Package streams reads the streams of tables and invokes functions with their
// records, as Lambda's event source mapping does: shard by shard, parents before
// children, one batch under way in a shard, in order, at least once. It knows
// batch size and batching window, event filters, partial batch failures,
// bisecting, bounds on retries and on a record's age, and a destination for what
// was given up. Where a reader has got to is kept in DATA_DIR/streams, so that it
// goes on from there after any end of the process.
//
// The engines have one shard a table, or few. So that order between partitions
// is no better than on AWS, each is read as several logical shards: a record
// belongs to the one that its partition key's hash names, and each has batches,
// retries, bisects and a position of its own. The engine is asked once for all of
// them. What one of them and a reader hold is bounded; a logical shard that is
// slow holds up the others when it is full. A restart reads on from the lowest
// position and passes over what the logical shards have.
//
// It differs from Lambda on purpose in five things. A reader that starts for the
// first time starts at the oldest record, also where the template says LATEST:
// nothing that was committed is ever skipped. A record's age counts from the
// reader's start where that is later, because a laptop sleeps. Attempts are
// counted for the record at which a batch stands, so they begin anew where a
// partial failure moves on. A batch that is to be bisected is, also where its
// first record was named as the one that failed: good records aren't given up
// with it. A ParallelizationFactor above 1 is read as 1.
//
// The engines differ from DynamoDB, which the readers allow for: Dynoxide has one
// shard a table that never closes, although it names an ending sequence number;
// records carry their sequence number as event id (made unique here), and whole
// seconds; a write that changes nothing has a record too; an iterator never
// expires, and one behind a sequence number that doesn't exist yet waits for it;
// records and numbers survive a restart, and a table made anew under an old name
// goes on with the old numbers. Without the indexes of package tables it looks
// through every record of every table for each write and each read.
package streams

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodbstreams"

	"github.com/rapport/rapport/infra/local/template"
	"github.com/rapport/rapport/shared/core/clock"
)

// Invoker runs a function, such as a pool.Pool.
type Invoker interface {
	Invoke(ctx context.Context, folder string, payload []byte) ([]byte, error)
}

// Config is what the readers need.
type Config struct {
	// Stack names the functions and their event sources.
	Stack *template.Stack
	// Tables and Streams reach the engine.
	Tables  *dynamodb.Client
	Streams *dynamodbstreams.Client
	Invoker Invoker
	// Dir is DATA_DIR; empty keeps neither checkpoints nor dead letters.
	Dir   string
	Clock clock.Clock
	Log   *slog.Logger
	// Expired reports whether an item was deleted because it expired, by its table
	// and the texts of its key; its record then names the service, as on AWS.
	// May be nil. See tables.Sweeper.
	Expired func(table string, key map[string]string) bool
	// Split is how many logical shards each of the engine's shards is read as; 0
	// means DefaultSplit.
	Split int
	// Hop gives how long a batch's newest record is on its way from its commit to
	// the function at least. The engines tell commits in whole seconds, so it counts
	// from when the record was read, and comes on top of what the laptop took until
	// then. Nil adds nothing.
	Hop func() time.Duration
	// Faults disturbs deliveries within the guarantees; nil leaves them alone.
	Faults Faults
}

// Faults decides what happens to a batch beside being delivered.
type Faults interface {
	// Batch is asked once for each batch of a reader, such as
	// `streams-fanout.Log`: whether it is delivered again after it succeeded, and
	// how much later it is delivered. Logical shards ask at the same time.
	Batch(reader string) (repeat bool, delay time.Duration)
}

// DefaultSplit is how many logical shards an engine's shard is read as: enough
// that what is written to different partitions comes in another order.
const DefaultSplit = 4

// Readers are the running readers of a stack.
type Readers struct {
	sources []*source
	stop    context.CancelFunc
	done    sync.WaitGroup
}

// Start begins to read every event source of the stack. The tables must exist.
// The readers run until Close; ctx bounds the start alone.
func Start(ctx context.Context, cfg Config) (*Readers, error) {
	if cfg.Split <= 0 {
		cfg.Split = DefaultSplit
	}
	r := &Readers{}
	var errs []error
	for _, f := range cfg.Stack.Functions {
		for _, spec := range f.Streams {
			s, err := newSource(ctx, cfg, f, spec)
			if err != nil {
				errs = append(errs, fmt.Errorf("%s, event %s: %w", f.Folder, spec.Name, err))
				continue
			}
			r.sources = append(r.sources, s)
		}
	}
	if len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	running, stop := context.WithCancel(context.WithoutCancel(ctx))
	r.stop = stop
	for _, s := range r.sources {
		r.done.Go(func() { s.run(running) })
	}
	return r, nil
}

// Close stops reading and returns when no reader runs any more. A batch under
// way is not waited for: it comes again after the next start.
func (r *Readers) Close() {
	r.stop()
	r.done.Wait()
}

// Wake makes idle readers look at once: called after an invocation, it spares
// them polling in haste.
func (r *Readers) Wake() {
	for _, s := range r.sources {
		select {
		case s.wake <- struct{}{}:
		default:
		}
	}
}

// Snapshot gives the statistics of every reader, in the order of the templates.
func (r *Readers) Snapshot() []Statistics {
	all := make([]Statistics, 0, len(r.sources))
	for _, s := range r.sources {
		all = append(all, s.snapshot())
	}
	return all
}

// sourceName names a reader's files: `streams-fanout.Log`.
func sourceName(folder, event string) string {
	return strings.ReplaceAll(folder, "/", "-") + "." + event
}
