package schedules

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/robfig/cron/v3"
)

// expression is when a schedule runs.
type expression interface {
	// after gives the first time after one.
	after(t time.Time) time.Time
}

// rate runs at even distances, counted from when the schedule was made.
type rate struct {
	every time.Duration
	from  time.Time
}

func (r rate) after(t time.Time) time.Time {
	if t.Before(r.from) {
		return r.from.Add(r.every)
	}
	return r.from.Add(r.every * (t.Sub(r.from)/r.every + 1))
}

// calendar runs by fields of date and time, in UTC.
type calendar struct{ cron.Schedule }

func (c calendar) after(t time.Time) time.Time { return c.Next(t.UTC()) }

// parse reads `rate(1 hour)` or `cron(0 3 * * ? *)`, as EventBridge Scheduler
// writes them. from is when the schedule was made.
func parse(text string, from time.Time) (expression, error) {
	switch kind, rest, ok := strings.Cut(strings.TrimSuffix(text, ")"), "("); {
	case !ok || !strings.HasSuffix(text, ")"):
	case kind == "rate":
		return parseRate(text, rest, from)
	case kind == "cron":
		return parseCron(text, rest)
	}
	return nil, fmt.Errorf("schedule %q: want rate(1 hour) or cron(0 3 * * ? *)", text)
}

func parseRate(text, rest string, from time.Time) (expression, error) {
	units := map[string]time.Duration{"minute": time.Minute, "hour": time.Hour, "day": 24 * time.Hour}
	count, unit, _ := strings.Cut(rest, " ")
	n, err := strconv.Atoi(count)
	every, known := units[strings.TrimSuffix(unit, "s")]
	if err != nil || n < 1 || n > 10_000 || !known || (n == 1) == strings.HasSuffix(unit, "s") {
		return nil, fmt.Errorf("schedule %q: want rate(1 hour), rate(5 minutes), rate(2 days)", text)
	}
	return rate{time.Duration(n) * every, from}, nil
}

// numbered are the days of a week as numbers, which EventBridge counts from 1;
// not those behind a step.
var numbered = regexp.MustCompile(`(^|[,-])([1-7])`)

// parseCron reads EventBridge's six fields: those of cron, whose days of the week
// begin at 0, and a year. L, W and # are not understood.
func parseCron(text, rest string) (expression, error) {
	wrong := func(format string, args ...any) (expression, error) {
		return nil, fmt.Errorf("schedule %q: %s", text, fmt.Sprintf(format, args...))
	}
	fields := strings.Fields(rest)
	if len(fields) != 6 {
		return wrong("has %d fields; want minutes, hours, day of month, month, day of week, year", len(fields))
	}
	if (fields[2] == "?") == (fields[4] == "?") {
		return wrong("one of day of month and day of week must be ?, the other not")
	}
	if fields[5] != "*" {
		return wrong("a year that isn't * is not understood here")
	}
	fields[4] = numbered.ReplaceAllStringFunc(fields[4], func(day string) string {
		last := len(day) - 1
		return day[:last] + string(day[last]-1)
	})
	parsed, err := cron.ParseStandard(strings.Join(fields[:5], " "))
	if err != nil {
		return wrong("%v", err)
	}
	return calendar{parsed}, nil
}
