package check

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// burn is one alarm on a window of a journey's calls, as the templates have it.
type burn struct {
	minutes, minimum int
	percent          float64
}

// minute is what a journey's calls do in a minute.
type minute struct{ calls, failed float64 }

var leastCalls = regexp.MustCompile(`^IF\(SUM\(\[calls[^]]*\]\) >= (\d+), `)

// burnOf reads an alarm's window, threshold and least number of calls.
func burnOf(t *testing.T, r resource) burn {
	t.Helper()
	var b burn
	number := func(text any) float64 {
		written, _ := text.(string)
		n, err := strconv.ParseFloat(written, 64)
		if err != nil {
			t.Fatalf("%v is no number: %v", text, err)
		}
		return n
	}
	b.percent = number(r.Properties["Threshold"])
	for _, part := range list(r.Properties["Metrics"]) {
		if expression, is := at(part, "Expression").(string); is {
			found := leastCalls.FindStringSubmatch(expression)
			if found == nil {
				t.Fatalf("the expression %s has no least number of calls", expression)
			}
			b.minimum = int(number(found[1]))
			continue
		}
		b.minutes = int(number(at(part, "MetricStat", "Period"))) / 60
	}
	return b
}

// fires reports whether the alarm is on after the last of some minutes.
func (b burn) fires(past []minute) bool {
	var sum minute
	for _, m := range past[max(0, len(past)-b.minutes):] {
		sum.calls, sum.failed = sum.calls+m.calls, sum.failed+m.failed
	}
	return sum.calls >= float64(b.minimum) && sum.calls > 0 && 100*sum.failed/sum.calls >= b.percent
}

// stretch is some minutes in which a share of the calls fails.
func stretch(minutes int, calls, share float64) []minute {
	return slices.Repeat([]minute{{calls, calls * share}}, minutes)
}

// TestBurnAlarmsFireInTime replays minutes of calls against the alarms of every journey, as
// CloudWatch evaluates them: each minute, over windows that slide.
func TestBurnAlarmsFireInTime(t *testing.T) {
	const day, calls = 24 * 60, 100
	alarms := templates(t).of("alarms.yaml").Resources
	journeys := 0
	for id, r := range alarms {
		name, isFast := strings.CutSuffix(id, "Fast")
		if r.Type != compositeID || !isFast {
			continue
		}
		journeys++
		budget := burnOf(t, alarms[id+"Long"]).percent / 14.4 / 100
		tests := []struct {
			name   string
			before []minute
			// page and ticket are the minutes after which each is told at the latest, counted
			// from the end of before; never is -1.
			then         []minute
			page, ticket int
		}{
			{"all calls fail", stretch(day, calls, 0), stretch(day, calls, 1), 5, 121},
			{"a hundred times the budget", stretch(day, calls, 0), stretch(day, calls, 100*budget), 15, 150},
			{"four times the budget", stretch(day, calls, 0), stretch(2*day, calls, 4*budget), -1, day},
			{"half the budget", stretch(day, calls, budget/2), stretch(day, calls, budget/2), -1, -1},
			{"a minute in which some fail", stretch(day, calls, 0), slices.Concat(stretch(1, calls, 14*budget*30), stretch(day, calls, 0)), -1, -1},
			{"the only call of an hour fails", stretch(day, 0, 0), slices.Concat(stretch(1, 1, 1), stretch(59, 0, 0)), -1, -1},
			{"it is over", slices.Concat(stretch(day, calls, 0), stretch(10, calls, 1), stretch(30, calls, 0)), stretch(60, calls, 0), -1, -1},
		}
		for _, tt := range tests {
			t.Run(name+"/"+tt.name, func(t *testing.T) {
				reported := func(suffixes ...string) int {
					past := slices.Clone(tt.before)
					for n, m := range tt.then {
						past = append(past, m)
						if slices.ContainsFunc(suffixes, func(suffix string) bool {
							return burnOf(t, alarms[name+suffix+"Long"]).fires(past) && burnOf(t, alarms[name+suffix+"Short"]).fires(past)
						}) {
							return n + 1
						}
					}
					return -1
				}
				if got := reported("Fast", "Steady"); (got < 0) != (tt.page < 0) || got > tt.page {
					t.Errorf("somebody is woken after %d minutes, want %d", got, tt.page)
				}
				if tt.name == "it is over" {
					return // a ticket stands for as long as a day's budget is spent
				}
				if got := reported("Slow"); (got < 0) != (tt.ticket < 0) || got > tt.ticket {
					t.Errorf("there is a ticket after %d minutes, want %d", got, tt.ticket)
				}
			})
		}
	}
	if journeys < 5 {
		t.Errorf("only %d journeys have alarms", journeys)
	}
}
