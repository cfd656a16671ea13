package artifacts

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/rapport/rapport/shared/core/endpoint"
)

// alarmsName is the stack of the alarms that belong to no function, and the dashboard.
const alarmsName = "alarms"

// alarm is one in the templates' terms: a metric, an expression over some, or a rule
// over other alarms.
type alarm struct {
	ID, Says, Severity, Runbook    string
	Metric                         *metric
	Expression                     string
	Parts                          []part
	Rule                           []string
	Period, Evaluations, Datapoint int
	Threshold                      float64
	Strictly                       bool
}

// part is a metric of an expression under its id.
type part struct {
	ID string
	metric
}

// window is a pair of windows in which the budget is spent too fast: the long one says
// that it matters, the short one that it still goes on.
type window struct {
	name, severity string
	burn           float64
	long, short    int
}

// windows are the Site Reliability Workbook's, chapter 5, for a budget of 30 days. A
// window is one period, and CloudWatch's longest is a day, so the last is a day at
// three times the budget instead of three days at once.
func windows() []window {
	return []window{
		{"Fast", page, 14.4, 3600, 300},
		{"Steady", page, 6, 21600, 1800},
		{"Slow", ticket, 3, 86400, 7200},
	}
}

func allAlarms(w watched) []alarm {
	var all []alarm
	for _, j := range w.live() {
		all = append(all, burnAlarms(j)...)
		if j.Latency != nil {
			slow := j.slow()
			all = append(all, alarm{
				ID: j.ID() + "Late", Severity: ticket, Runbook: "a-journey-is-slow", Metric: &slow,
				Says:   fmt.Sprintf("%s takes longer than %d ms at %s", j.Title, j.Latency.Milliseconds, j.Latency.Percentile),
				Period: 60, Evaluations: 5, Datapoint: 3, Threshold: float64(j.Latency.Milliseconds), Strictly: true,
			})
		}
	}
	for _, s := range w.Signals {
		all = append(all, s.alarm())
	}
	for _, t := range tables() {
		all = append(all, tableAlarms(t)...)
	}
	return all
}

// alarmsText is the stack, and the parameters that it needs.
func alarmsText(w watched, known []parameter) (string, []parameter, error) {
	body, err := dashboard(w)
	if err != nil {
		return "", nil, err
	}
	data := struct {
		Alarms    []string
		Dashboard string
	}{Dashboard: body}
	for _, a := range allAlarms(w) {
		data.Alarms = append(data.Alarms, strings.Join(a.lines(), "\n"))
	}
	resources, err := render("alarms.yaml.tmpl", data)
	if err != nil {
		return "", nil, err
	}
	needed := given(known, mentioned(resources))
	head, err := render("alarmshead.yaml.tmpl", needed)
	return head + resources, needed, err
}

// burnAlarms are, for each pair of windows, an alarm on each and the one over both that
// somebody hears.
func burnAlarms(j journey) []alarm {
	var all []alarm
	rate, total, parts := j.rate()
	for _, w := range windows() {
		one := func(suffix string, period int) alarm {
			return alarm{
				ID: j.ID() + w.name + suffix, Runbook: j.Runbook,
				Says:       fmt.Sprintf("%s fails at %g times its budget within %s", j.Title, w.burn, span(period)),
				Expression: fmt.Sprintf("IF(%s >= %d, %s, 0)", total, j.Minimum, rate), Parts: parts,
				Period: period, Evaluations: 1, Threshold: round(w.burn * (100 - j.Objective)),
			}
		}
		long, short := one("Long", w.long), one("Short", w.short)
		all = append(all, long, short, alarm{
			ID: j.ID() + w.name, Severity: w.severity, Runbook: j.Runbook, Rule: []string{long.ID, short.ID},
			Says: fmt.Sprintf("%s fails at %g times its budget, within %s and still within %s", j.Title, w.burn, span(w.long), span(w.short)),
		})
	}
	return all
}

func (s signal) alarm() alarm {
	a := alarm{
		ID: s.ID, Says: s.Says, Severity: s.Severity, Runbook: s.Runbook, Metric: &s.Metric,
		Period: s.Period, Evaluations: max(1, s.Evaluations), Datapoint: s.Datapoints, Threshold: s.Threshold,
	}
	switch {
	case s.Rate != nil:
		a.Metric, a.Parts = nil, []part{{"total", s.Rate.Of}, {"counted", s.Metric}}
		a.Expression = fmt.Sprintf("IF(total >= %d, 100 * FILL(counted, 0) / total, 0)", s.Rate.Minimum)
	case s.Share != "":
		a.Metric, a.Parts = nil, []part{{"counted", s.Metric}}
		a.Expression = "100 * counted / " + s.Share
	}
	return a
}

// tableAlarms are on what a table refuses for too much, and on what DynamoDB itself
// fails at.
func tableAlarms(t endpoint.Table) []alarm {
	name := map[string]string{"TableName": "${" + string(t) + "Table}"}
	throttled := []part{
		{"reads", metric{"AWS/DynamoDB", "ReadThrottleEvents", "Sum", name}},
		{"writes", metric{"AWS/DynamoDB", "WriteThrottleEvents", "Sum", name}},
	}
	var failed []part
	for _, operation := range []string{"GetItem", "BatchGetItem", "Query", "PutItem", "UpdateItem", "DeleteItem", "BatchWriteItem", "TransactWriteItems", "TransactGetItems"} {
		failed = append(failed, part{
			strings.ToLower(operation),
			metric{"AWS/DynamoDB", "SystemErrors", "Sum", map[string]string{"TableName": name["TableName"], "Operation": operation}},
		})
	}
	return []alarm{
		{
			ID: string(t) + "Throttled", Severity: ticket, Runbook: "a-table-throttles-or-fails", Expression: "SUM(METRICS())", Parts: throttled,
			Says: "the table " + string(t) + " refuses calls: one key or the account has too many", Period: 60, Evaluations: 5, Datapoint: 3, Threshold: 10,
		},
		{
			ID: string(t) + "SystemErrors", Severity: ticket, Runbook: "a-table-throttles-or-fails", Expression: "SUM(METRICS())", Parts: failed,
			Says: "DynamoDB fails at calls to the table " + string(t), Period: 60, Evaluations: 5, Datapoint: 3, Threshold: 5,
		},
	}
}

// lines write an alarm's resource.
func (a alarm) lines() []string {
	subject := strings.ToUpper(a.Severity[:min(1, len(a.Severity))]) + a.Severity[min(1, len(a.Severity)):]
	if subject == "" {
		subject = "Part of another"
	}
	description := fmt.Sprintf("%q", subject+": "+a.Says+"; docs/runbooks/README.md#"+a.Runbook)
	if len(a.Rule) > 0 {
		both := make([]string, 0, len(a.Rule))
		for _, id := range a.Rule {
			both = append(both, `ALARM("${`+id+`}")`)
		}
		return append([]string{
			a.ID + ":", "  Type: AWS::CloudWatch::CompositeAlarm", "  Properties:",
			"    AlarmDescription: " + description, "    AlarmRule: !Sub '" + strings.Join(both, " AND ") + "'",
		}, a.actions()...)
	}
	out := []string{
		a.ID + ":", "  Type: AWS::CloudWatch::Alarm", "  Properties:",
		"    AlarmDescription: " + description,
		"    EvaluationPeriods: " + strconv.Itoa(a.Evaluations),
	}
	if a.Datapoint > 0 {
		out = append(out, "    DatapointsToAlarm: "+strconv.Itoa(a.Datapoint))
	}
	comparison := "GreaterThanOrEqualToThreshold"
	if a.Strictly {
		comparison = "GreaterThanThreshold"
	}
	out = append(out, "    Threshold: "+strconv.FormatFloat(a.Threshold, 'f', -1, 64), "    ComparisonOperator: "+comparison, "    TreatMissingData: notBreaching")
	if m := a.Metric; m != nil {
		out = append(out, "    Namespace: "+m.Namespace, "    MetricName: "+m.Name, "    Period: "+strconv.Itoa(a.Period))
		if len(m.Dimensions) > 0 {
			out = append(out, "    Dimensions: "+m.dimensions())
		}
		if strings.HasPrefix(m.Stat, "p") {
			out = append(out, "    ExtendedStatistic: "+m.Stat, "    EvaluateLowSampleCountPercentile: ignore")
		} else {
			out = append(out, "    Statistic: "+m.Stat)
		}
	} else {
		out = append(out, "    Metrics:", "      - {Id: value, Expression: "+sub(a.Expression)+"}")
		for _, p := range a.Parts {
			dimensions := ""
			if len(p.Dimensions) > 0 {
				dimensions = ", Dimensions: " + p.dimensions()
			}
			out = append(out, fmt.Sprintf("      - {Id: %s, ReturnData: false, MetricStat: {Stat: %s, Period: %d, Metric: {Namespace: %s, MetricName: %s%s}}}",
				p.ID, p.Stat, a.Period, p.Namespace, p.Name, dimensions))
		}
	}
	return append(out, a.actions()...)
}

// actions are an alarm's AlarmActions and OKActions; an alarm that is part of another
// has none.
func (a alarm) actions() []string {
	if a.Severity == "" {
		return nil
	}
	topic := strings.ToUpper(a.Severity[:1]) + a.Severity[1:] + "TopicArn"
	return []string{
		"    Tags: [{Key: severity, Value: " + a.Severity + "}]",
		"    AlarmActions: [!Ref " + topic + "]", "    OKActions: [!Ref " + topic + "]",
	}
}

func (m metric) dimensions() string {
	all := make([]string, 0, len(m.Dimensions))
	for _, name := range m.names() {
		all = append(all, fmt.Sprintf("{Name: %s, Value: %s}", name, sub(m.Dimensions[name])))
	}
	return "[" + strings.Join(all, ", ") + "]"
}

// names are those of its dimensions, in order.
func (m metric) names() []string { return slices.Sorted(maps.Keys(m.Dimensions)) }

// sub writes a value that may be a parameter, or mention some.
func sub(text string) string {
	inner, isName := strings.CutPrefix(text, "${")
	if name, closed := strings.CutSuffix(inner, "}"); isName && closed && !strings.Contains(name, "$") {
		return "!Ref " + name
	}
	if strings.Contains(text, "${") {
		return fmt.Sprintf("!Sub %q", text)
	}
	if strings.ContainsAny(text, " ,()") {
		return strconv.Quote(text)
	}
	return text
}

// span is a number of seconds in words.
func span(seconds int) string {
	switch {
	case seconds >= 86400:
		return "a day"
	case seconds == 3600:
		return "an hour"
	case seconds > 3600:
		return fmt.Sprintf("%d hours", seconds/3600)
	}
	return fmt.Sprintf("%d minutes", seconds/60)
}

// round keeps what a percentage needs: products of decimals have a tail otherwise.
func round(percent float64) float64 {
	rounded, err := strconv.ParseFloat(strconv.FormatFloat(percent, 'f', 4, 64), 64)
	if err != nil {
		return percent
	}
	return rounded
}
