package artifacts

import (
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/rapport/rapport/shared/core/endpoint"
)

// Journeys is the file of what people come for, and what else wakes somebody.
const Journeys = "infra/journeys.yaml"

// watched is that file.
type watched struct {
	Journeys []journey `yaml:"journeys"`
	Signals  []signal  `yaml:"signals"`
	Widgets  []struct {
		Title   string   `yaml:"title"`
		Metrics []metric `yaml:"metrics"`
	} `yaml:"widgets"`
}

// journey is something that people come for.
type journey struct {
	Name      string   `yaml:"name"`
	Title     string   `yaml:"title"`
	Promise   string   `yaml:"promise"`
	Objective float64  `yaml:"objective"`
	Minimum   int      `yaml:"minimum"`
	HTTP      bool     `yaml:"http"`
	Latency   *latency `yaml:"latency"`
	Runbook   string   `yaml:"runbook"`
	// functions are those that name it, died the errors of those that answer somebody: a
	// function that dies writes no line, and Lambda alone counts it. Of the others'
	// deaths their age tells.
	functions []string
	died      []part
}

// latency is how long it may take for most.
type latency struct {
	Metric       string `yaml:"metric"`
	Kind         string `yaml:"kind"`
	Percentile   string `yaml:"percentile"`
	Milliseconds int    `yaml:"milliseconds"`
}

// metric is one of CloudWatch's, with its dimensions; `${X}` is a parameter.
type metric struct {
	Namespace  string            `yaml:"namespace"`
	Name       string            `yaml:"name"`
	Stat       string            `yaml:"stat"`
	Dimensions map[string]string `yaml:"dimensions"`
}

// signal is an alarm of no single journey.
type signal struct {
	ID       string `yaml:"id"`
	Says     string `yaml:"says"`
	Severity string `yaml:"severity"`
	Runbook  string `yaml:"runbook"`
	Metric   metric `yaml:"metric"`
	Rate     *struct {
		Of      metric `yaml:"of"`
		Minimum int    `yaml:"minimum"`
	} `yaml:"rate"`
	Share       string  `yaml:"share"`
	Period      int     `yaml:"period"`
	Evaluations int     `yaml:"evaluations"`
	Datapoints  int     `yaml:"datapoints"`
	Threshold   float64 `yaml:"threshold"`
}

// The severities: who is woken, and who finds it in the morning.
const (
	page   = "page"
	ticket = "ticket"
)

// mostDied is how many functions a journey's alarm can look at: ten metrics are an
// alarm's most, and two of them are the journey's own.
const mostDied = 8

// readJourneys reads the file, and which functions name which journey: one that the
// file doesn't have is an error.
func readJourneys(tree fs.FS, specs []endpoint.FunctionSpec, ids map[string]string) (watched, error) {
	text, err := fs.ReadFile(tree, Journeys)
	if err != nil {
		return watched{}, err
	}
	var w watched
	decoder := yaml.NewDecoder(strings.NewReader(string(text)))
	decoder.KnownFields(true)
	if err := decoder.Decode(&w); err != nil {
		return w, fmt.Errorf("%s: %w", Journeys, err)
	}
	for _, spec := range specs {
		name := spec.JourneyName()
		if name == "" {
			continue
		}
		at := slices.IndexFunc(w.Journeys, func(j journey) bool { return j.Name == name })
		if at < 0 {
			return w, fmt.Errorf("%s: %s has no journey %q", spec.Name, Journeys, name)
		}
		j := &w.Journeys[at]
		j.functions = append(j.functions, spec.Name)
		if !j.HTTP && (spec.Trigger == endpoint.TriggerHTTP || spec.Trigger == endpoint.TriggerSocket) {
			parameter := nameParameter(spec.Name, ids[spec.Name])
			j.died = append(j.died, part{
				"died" + strconv.Itoa(len(j.died)+1),
				metric{"AWS/Lambda", "Errors", "Sum", map[string]string{"FunctionName": "${" + parameter + "}"}},
			})
		}
		if len(j.died) > mostDied {
			return w, fmt.Errorf("%s: the journey %q has more than %d functions that answer; an alarm can't look at more", spec.Name, name, mostDied)
		}
	}
	for _, s := range w.Signals {
		if s.Severity != page && s.Severity != ticket {
			return w, fmt.Errorf("%s: the severity of %s is %q, not %s or %s", Journeys, s.ID, s.Severity, page, ticket)
		}
	}
	return w, nil
}

// nameParameter is how the stack of alarms is told a function's physical name.
func nameParameter(function, id string) string {
	domain := path.Dir(function)
	return strings.ToUpper(domain[:1]) + domain[1:] + id + "FunctionName"
}

// looksAt reports whether an alarm of a journey needs a function's physical name.
func (w watched) looksAt(name, id string) bool {
	want := "${" + nameParameter(name, id) + "}"
	return slices.ContainsFunc(w.Journeys, func(j journey) bool {
		return slices.ContainsFunc(j.died, func(p part) bool { return p.Dimensions["FunctionName"] == want })
	})
}

// rate is the expression of its failed calls in percent, and the metrics that it
// computes with. SUM leaves out what has no value.
func (j journey) rate() (expression, total string, parts []part) {
	parts = append([]part{{"calls", j.calls()}, {"failed", j.failed()}}, j.died...)
	ids := ""
	for _, p := range j.died {
		ids += ", " + p.ID
	}
	total = "SUM([calls" + ids + "])"
	return "100 * SUM([failed" + ids + "]) / " + total, total, parts
}

// live are the journeys that functions name.
func (w watched) live() []journey {
	return slices.DeleteFunc(slices.Clone(w.Journeys), func(j journey) bool { return len(j.functions) == 0 })
}

// ID begins the logical ids of its alarms.
func (j journey) ID() string { return strings.ToUpper(j.Name[:1]) + j.Name[1:] }

// calls, failed and slow are what it is measured by.
func (j journey) calls() metric {
	if j.HTTP {
		return metric{"AWS/ApiGateway", "Count", "Sum", map[string]string{"ApiId": "${HttpApiId}"}}
	}
	return j.own("CallDuration", "SampleCount")
}

func (j journey) failed() metric {
	if j.HTTP {
		return metric{"AWS/ApiGateway", "5xx", "Sum", map[string]string{"ApiId": "${HttpApiId}"}}
	}
	return j.own("Failures", "Sum")
}

func (j journey) slow() metric {
	switch l := j.Latency; {
	case j.HTTP:
		return metric{"AWS/ApiGateway", l.Metric, l.Percentile, map[string]string{"ApiId": "${HttpApiId}"}}
	case l.Kind != "":
		return metric{"Rapport", l.Metric, l.Percentile, map[string]string{"Stage": "${Stage}", "Kind": l.Kind}}
	default:
		return j.own(l.Metric, l.Percentile)
	}
}

func (j journey) own(name, stat string) metric {
	return metric{"Rapport", name, stat, map[string]string{"Stage": "${Stage}", "Journey": j.Name}}
}
