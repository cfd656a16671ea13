// Package schedules runs functions by the clock, as EventBridge Scheduler does,
// and on request. A schedule runs once for each of its times; a run that takes
// longer than to the next time delays that one. What a kill -9 ended, or came due
// while nothing ran here, is made up by one run, for the newest of the times that
// were missed, when the runner starts again: where a schedule has got to is kept
// in DATA_DIR. A run that fails is logged and counted, and left to the next.
package schedules

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/rapport/rapport/infra/local/template"
	"github.com/rapport/rapport/shared/core/clock"
)

// Invoker runs a function, such as a pool.Pool.
type Invoker interface {
	Invoke(ctx context.Context, folder string, payload []byte) ([]byte, error)
}

// Config is what schedules need.
type Config struct {
	Stack   *template.Stack
	Invoker Invoker
	// Dir keeps where the schedules are; empty keeps nothing.
	Dir   string
	Clock clock.Clock
	Log   *slog.Logger
}

// Schedules are those of a stack's functions, running.
type Schedules struct {
	Config
	all  []*schedule
	stop context.CancelFunc
	done sync.WaitGroup

	mu    sync.Mutex
	marks map[string]mark
}

// mark is where a schedule is: when it was made, and the newest time that it has
// run for.
type mark struct {
	Made time.Time `json:"made"`
	Last time.Time `json:"last"`
}

// schedule is one schedule of one function.
type schedule struct {
	name     string
	function template.Function
	spec     template.Schedule
	when     expression

	mu   sync.Mutex
	seen Statistics
}

// Statistics are what a schedule has done since the start.
type Statistics struct {
	Folder   string
	Schedule string
	// Runs counts runs by the clock, Failures the failed ones among them.
	Runs     int64
	Failures int64
}

// Start begins to run functions by the clock, until Close.
func Start(ctx context.Context, cfg Config) (*Schedules, error) {
	s := &Schedules{Config: cfg, marks: map[string]mark{}}
	if err := s.load(); err != nil {
		return nil, err
	}
	now := cfg.Clock.Now()
	var errs []error
	for _, f := range cfg.Stack.Functions {
		for _, spec := range f.Schedules {
			name := f.Folder + "." + spec.Name
			at, known := s.marks[name]
			if !known {
				at = mark{Made: now, Last: now}
				s.marks[name] = at
			}
			when, err := parse(spec.Expression, at.Made)
			if err != nil {
				errs = append(errs, fmt.Errorf("%s, event %s: %w", f.Folder, spec.Name, err))
				continue
			}
			s.all = append(s.all, &schedule{name: name, function: f, spec: spec, when: when, seen: Statistics{Folder: f.Folder, Schedule: spec.Name}})
		}
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	if err := s.save(); err != nil {
		return nil, err
	}
	running, stop := context.WithCancel(context.WithoutCancel(ctx))
	s.stop = stop
	for _, schedule := range s.all {
		s.done.Go(func() { s.follow(running, schedule) })
	}
	return s, nil
}

// Close runs nothing more and returns when nothing runs any more.
func (s *Schedules) Close() {
	s.stop()
	s.done.Wait()
}

// follow runs one schedule at its times.
func (s *Schedules) follow(ctx context.Context, one *schedule) {
	for {
		at := s.at(one).Last
		next := one.when.after(at)
		if s.Clock.Sleep(ctx, next.Sub(s.Clock.Now())) != nil {
			return
		}
		// Where several were missed, the newest is made up for.
		for now := s.Clock.Now(); ; {
			later := one.when.after(next)
			if later.After(now) {
				break
			}
			next = later
		}
		_, err := s.invoke(ctx, one, next)
		if ctx.Err() != nil {
			return
		}
		one.count(err)
		if err != nil {
			s.Log.Error("scheduled run failed", "function", one.function.Folder, "time", next, "error", err.Error())
		}
		if err := s.reached(one, next); err != nil {
			s.Log.Error("where a schedule is, is not kept", "schedule", one.name, "error", err.Error())
		}
	}
}

func (s *schedule) count(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.seen.Runs++
	if err != nil {
		s.seen.Failures++
	}
}

// Snapshot gives the statistics of every schedule, in the order of the templates.
func (s *Schedules) Snapshot() []Statistics {
	all := make([]Statistics, 0, len(s.all))
	for _, schedule := range s.all {
		schedule.mu.Lock()
		all = append(all, schedule.seen)
		schedule.mu.Unlock()
	}
	return all
}

// ErrNoSchedule says that a function has none.
var ErrNoSchedule = errors.New("the function has no schedule")

// Run runs a function of a schedule now and gives its answer. The schedule's own
// times stay.
func (s *Schedules) Run(ctx context.Context, folder string) ([]byte, error) {
	for _, schedule := range s.all {
		if schedule.function.Folder == folder {
			return s.invoke(ctx, schedule, s.Clock.Now())
		}
	}
	return nil, fmt.Errorf("%s: %w", folder, ErrNoSchedule)
}

// invoke gives a function the event of EventBridge Scheduler.
func (s *Schedules) invoke(ctx context.Context, one *schedule, at time.Time) ([]byte, error) {
	event, err := json.Marshal(map[string]any{
		"version": "0", "id": clock.NewID(s.Clock), "detail-type": "Scheduled Event", "source": "aws.scheduler",
		"account": s.Stack.AccountID, "time": at.UTC().Format(time.RFC3339), "region": s.Stack.Region,
		"resources": []string{one.spec.ARN}, "detail": "{}",
	})
	if err != nil {
		return nil, fmt.Errorf("event of a schedule: %w", err)
	}
	return s.Invoker.Invoke(ctx, one.function.Folder, event)
}

func (s *Schedules) at(one *schedule) mark {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.marks[one.name]
}

// reached keeps that a schedule has run for a time.
func (s *Schedules) reached(one *schedule, at time.Time) error {
	s.mu.Lock()
	s.marks[one.name] = mark{Made: s.marks[one.name].Made, Last: at}
	s.mu.Unlock()
	return s.save()
}

const file = "schedules.json"

func (s *Schedules) load() error {
	if s.Dir == "" {
		return nil
	}
	text, err := os.ReadFile(filepath.Join(s.Dir, file))
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("schedules: %w", err)
	}
	if err := json.Unmarshal(text, &s.marks); err != nil {
		return fmt.Errorf("schedules: %s: %w", filepath.Join(s.Dir, file), err)
	}
	return nil
}

// save keeps all marks, all or none.
func (s *Schedules) save() error {
	if s.Dir == "" {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	text, err := json.MarshalIndent(s.marks, "", "  ")
	if err != nil {
		return fmt.Errorf("schedules: %w", err)
	}
	path := filepath.Join(s.Dir, file)
	fresh, err := os.OpenFile(path+".new", os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return fmt.Errorf("schedules: %w", err)
	}
	_, err = fresh.Write(text)
	if err := errors.Join(err, fresh.Sync(), fresh.Close()); err != nil {
		return fmt.Errorf("schedules: %w", err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		return fmt.Errorf("schedules: %w", err)
	}
	return nil
}
