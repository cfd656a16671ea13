package tables

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/rapport/rapport/infra/local/template"
	"github.com/rapport/rapport/shared/core/clock"
)

const (
	// SweepEvery is the time between two sweeps.
	SweepEvery = 30 * time.Second
	// A sweep reads at most pagesPerSweep pages of pageItems of each table, and
	// the next one goes on from there; between pages it lets others have the
	// engine.
	pageItems     = 200
	pagesPerSweep = 50
	betweenPages  = 10 * time.Millisecond
	// tooOld is the age beyond which DynamoDB takes no value for an end.
	tooOld = 5 * 365 * 24 * time.Hour
	// remembered bounds what Expired knows.
	remembered = 10_000
)

// Sweeper deletes expired items, which Dynoxide leaves in place: those whose TTL
// attribute is a number of seconds in the past, but not by more than five years.
// Each is deleted on the condition that it is still expired.
type Sweeper struct {
	client *dynamodb.Client
	tables []template.Table
	clock  clock.Clock
	log    *slog.Logger
	// next is where each table's sweep goes on.
	next map[string]map[string]types.AttributeValue

	mu      sync.Mutex
	expired map[string]bool
	order   []string
}

// NewSweeper is a sweeper of the tables that have a TTL attribute.
func NewSweeper(client *dynamodb.Client, tables []template.Table, c clock.Clock, log *slog.Logger) *Sweeper {
	s := &Sweeper{client: client, clock: c, log: log, next: map[string]map[string]types.AttributeValue{}, expired: map[string]bool{}}
	for _, table := range tables {
		if table.TTL != "" {
			s.tables = append(s.tables, table)
		}
	}
	return s
}

// Run sweeps every SweepEvery until ctx ends.
func (s *Sweeper) Run(ctx context.Context) {
	for s.clock.Sleep(ctx, SweepEvery) == nil {
		if _, err := s.Sweep(ctx); err != nil && ctx.Err() == nil {
			s.log.Warn("expired items not swept", "error", err.Error())
		}
	}
}

// Sweep looks once at every table, within its bounds, and gives the number of
// items deleted.
func (s *Sweeper) Sweep(ctx context.Context) (int, error) {
	var deleted int
	var errs []error
	for _, table := range s.tables {
		n, err := s.sweepTable(ctx, table)
		deleted += n
		if err != nil {
			errs = append(errs, fmt.Errorf("sweep %s: %w", table.Name, err))
		}
	}
	if deleted > 0 {
		s.log.Info("expired items deleted", "items", deleted)
	}
	return deleted, errors.Join(errs...)
}

func (s *Sweeper) sweepTable(ctx context.Context, table template.Table) (int, error) {
	deleted := 0
	for page := range pagesPerSweep {
		if page > 0 {
			if err := s.clock.Sleep(ctx, betweenPages); err != nil {
				return deleted, err
			}
		}
		in := s.scan(table)
		out, err := s.client.Scan(ctx, in)
		if err != nil {
			return deleted, err
		}
		for _, key := range out.Items {
			done, err := s.delete(ctx, table, key, in.ExpressionAttributeValues)
			if err != nil {
				return deleted, err
			}
			if done {
				deleted++
			}
		}
		s.next[table.Name] = out.LastEvaluatedKey
		if out.LastEvaluatedKey == nil {
			break
		}
	}
	return deleted, nil
}

const isExpired = "#ttl BETWEEN :oldest AND :now"

// scan asks for the keys of a page's expired items.
func (s *Sweeper) scan(table template.Table) *dynamodb.ScanInput {
	now := s.clock.Now()
	in := &dynamodb.ScanInput{
		TableName:                &table.Name,
		Limit:                    new(int32(pageItems)),
		ExclusiveStartKey:        s.next[table.Name],
		FilterExpression:         new(isExpired),
		ExpressionAttributeNames: map[string]string{"#ttl": table.TTL},
		ExpressionAttributeValues: map[string]types.AttributeValue{
			":oldest": seconds(now.Add(-tooOld)), ":now": seconds(now.Add(-time.Second)),
		},
	}
	var names []string
	for i, element := range table.Create.KeySchema {
		name := "#k" + strconv.Itoa(i)
		in.ExpressionAttributeNames[name] = *element.AttributeName
		names = append(names, name)
	}
	in.ProjectionExpression = new(strings.Join(names, ", "))
	return in
}

func seconds(t time.Time) types.AttributeValue {
	return &types.AttributeValueMemberN{Value: strconv.FormatInt(t.Unix(), 10)}
}

// delete removes one item unless it was given another end meanwhile.
func (s *Sweeper) delete(ctx context.Context, table template.Table, key, bounds map[string]types.AttributeValue) (bool, error) {
	id := identity(table.Name, texts(key))
	s.remember(id)
	_, err := s.client.DeleteItem(ctx, &dynamodb.DeleteItemInput{
		TableName:                 &table.Name,
		Key:                       key,
		ConditionExpression:       new(isExpired),
		ExpressionAttributeNames:  map[string]string{"#ttl": table.TTL},
		ExpressionAttributeValues: bounds,
	})
	if _, renewed := errors.AsType[*types.ConditionalCheckFailedException](err); renewed {
		s.forget(id)
		return false, nil
	}
	return err == nil, err
}

// Expired reports whether the sweeper deleted an item lately, by its table and the
// texts of its key: its stream record then carries the service's identity, as
// DynamoDB's does.
func (s *Sweeper) Expired(table string, key map[string]string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.expired[identity(table, key)]
}

func (s *Sweeper) remember(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.expired[id] {
		return
	}
	s.expired[id] = true
	s.order = append(s.order, id)
	if len(s.order) > remembered {
		delete(s.expired, s.order[0])
		s.order = s.order[1:]
	}
}

func (s *Sweeper) forget(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.expired, id)
	if i := slices.Index(s.order, id); i >= 0 {
		s.order = slices.Delete(s.order, i, i+1)
	}
}

func texts(key map[string]types.AttributeValue) map[string]string {
	out := make(map[string]string, len(key))
	for name, v := range key {
		if s, ok := v.(*types.AttributeValueMemberS); ok {
			out[name] = s.Value
		}
	}
	return out
}

func identity(table string, key map[string]string) string {
	var id strings.Builder
	fmt.Fprintf(&id, "%q", table)
	for _, name := range slices.Sorted(maps.Keys(key)) {
		fmt.Fprintf(&id, " %q=%q", name, key[name])
	}
	return id.String()
}
