// Package metrics measures what happens inside a call. Code that has a context
// counts and observes; the adapter that began the call takes everything at its
// end and writes it as CloudWatch's embedded metric format, or hands it to the
// sink that the local runner has put into the context.
//
// Measuring outside a call does nothing. A call keeps a bounded number of
// observations; what is beyond it is left out and counted as MeasurementsLost,
// so a busy call never grows without end.
package metrics

import (
	"cmp"
	"context"
	"slices"
	"sync"
	"time"
)

// Unit is a unit under CloudWatch's name.
type Unit string

// The units in use.
const (
	Counts       Unit = "Count"
	Milliseconds Unit = "Milliseconds"
)

const (
	// maxObservations bounds what one call keeps.
	maxObservations = 10_000
	// lost counts observations beyond that.
	lost = "MeasurementsLost"
)

// Dimension tells measurements of one name apart, such as by the kind of topic.
// Its values must be few: each is a metric of its own.
type Dimension struct{ Name, Value string }

// Series is what was measured under one name.
type Series struct {
	Name string
	Unit Unit
	// Values are the single observations, or one sum for what is counted.
	Values []float64
	// Counted is true where Values is a sum.
	Counted bool
}

// Group is what was measured under the same dimensions.
type Group struct {
	Dimensions []Dimension
	Series     []Series
}

// Sink takes what calls measured. It is called by many goroutines at once.
type Sink interface {
	Collect(groups []Group)
}

// Recorder keeps what one call measures. It is safe for concurrent use.
type Recorder struct {
	mu     sync.Mutex
	groups []Group
	kept   int
}

type (
	recorderKey struct{}
	sinkKey     struct{}
)

// Record gives a context under which measurements are kept.
func Record(ctx context.Context) (context.Context, *Recorder) {
	r := &Recorder{}
	return context.WithValue(ctx, recorderKey{}, r), r
}

// WithSink gives a context whose calls hand their measurements to a sink.
func WithSink(ctx context.Context, s Sink) context.Context {
	return context.WithValue(ctx, sinkKey{}, s)
}

// SinkOf is the context's sink, nil where there is none.
func SinkOf(ctx context.Context) Sink {
	s, _ := ctx.Value(sinkKey{}).(Sink)
	return s
}

// Count adds n to a name.
func Count[N int | float64](ctx context.Context, name string, n N, dimensions ...Dimension) {
	if n == 0 {
		return
	}
	if r, ok := ctx.Value(recorderKey{}).(*Recorder); ok {
		r.add(name, Counts, float64(n), true, dimensions)
	}
}

// Observe keeps a duration.
func Observe(ctx context.Context, name string, d time.Duration, dimensions ...Dimension) {
	if r, ok := ctx.Value(recorderKey{}).(*Recorder); ok {
		r.add(name, Milliseconds, float64(d.Microseconds())/1000, false, dimensions)
	}
}

// Sample keeps a number of things, such as the subscribers of a topic.
func Sample(ctx context.Context, name string, n int, dimensions ...Dimension) {
	if r, ok := ctx.Value(recorderKey{}).(*Recorder); ok {
		r.add(name, Counts, float64(n), false, dimensions)
	}
}

// Groups gives what was measured, ordered by dimensions and names.
func (r *Recorder) Groups() []Group {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, g := range r.groups {
		slices.SortFunc(g.Series, func(a, b Series) int { return cmp.Compare(a.Name, b.Name) })
	}
	slices.SortFunc(r.groups, func(a, b Group) int {
		return slices.CompareFunc(a.Dimensions, b.Dimensions, func(a, b Dimension) int {
			return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.Value, b.Value))
		})
	})
	return r.groups
}

func (r *Recorder) add(name string, unit Unit, value float64, counted bool, dimensions []Dimension) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !counted {
		r.kept++
		if r.kept > maxObservations {
			name, unit, value, counted, dimensions = lost, Counts, 1, true, nil
		}
	}
	at := slices.IndexFunc(r.groups, func(g Group) bool { return slices.Equal(g.Dimensions, dimensions) })
	if at < 0 {
		at = len(r.groups)
		r.groups = append(r.groups, Group{Dimensions: slices.Clone(dimensions)})
	}
	group := &r.groups[at]
	of := slices.IndexFunc(group.Series, func(s Series) bool { return s.Name == name })
	switch {
	case of < 0:
		group.Series = append(group.Series, Series{Name: name, Unit: unit, Values: []float64{value}, Counted: counted})
	case counted:
		group.Series[of].Values[0] += value
	default:
		group.Series[of].Values = append(group.Series[of].Values, value)
	}
}
