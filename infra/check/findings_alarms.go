package check

import (
	"slices"
	"strings"
	"sync"

	"github.com/rapport/rapport/functions"
)

// alarmsNotify holds every alarm to a severity, to who is notified of it and that it is over,
// and to a runbook; those that only roll back, or are part of another, are heard by
// nobody.
func alarmsNotify(f *findings, s suite) {
	topics := map[string]string{"page": "PageTopicArn", "ticket": "TicketTopicArn"}
	for _, doc := range s {
		parts := map[string]bool{}
		gates := map[string]bool{}
		for _, r := range doc.Resources {
			for _, part := range alarmsIn(substituted(r.Properties["AlarmRule"])) {
				parts[part] = true
			}
			for _, gate := range refs(at(r.Properties, "DeploymentPreference", "Alarms")) {
				gates[gate] = true
			}
		}
		for id, r := range doc.Resources {
			if r.Type != alarmType && r.Type != compositeID {
				continue
			}
			if said, _ := r.Properties["AlarmDescription"].(string); !strings.Contains(said, "docs/runbooks/README.md#") {
				f.add("%s: %s names no runbook", doc.File, id)
			}
			severity := severityOf(r)
			notified, over := refs(r.Properties["AlarmActions"]), refs(r.Properties["OKActions"])
			silent := severity == "" && parts[id] || severity == "rollback" && gates[id]
			switch {
			case silent && len(notified)+len(over) > 0:
				f.add("%s: %s is heard, but is only part of what is", doc.File, id)
			case !silent && (topics[severity] == "" || !slices.Equal(notified, []string{topics[severity]}) || !slices.Equal(over, notified)):
				f.add("%s: %s of the severity %q is heard by %v, and that it is over by %v", doc.File, id, severity, notified, over)
			}
			for _, part := range alarmsIn(substituted(r.Properties["AlarmRule"])) {
				if doc.Resources[part].Type != alarmType || !strings.HasPrefix(part, id) {
					f.add("%s: %s is made of %s, which is no part of it", doc.File, id, part)
				}
			}
		}
	}
}

func severityOf(r resource) string {
	for _, tag := range list(r.Properties["Tags"]) {
		if severity, _ := fields(tag)["Value"].(string); fields(tag)["Key"] == "severity" {
			return severity
		}
	}
	return ""
}

// alarmsIn are the logical ids in a composite alarm's rule.
func alarmsIn(rule string) []string {
	var all []string
	for _, piece := range strings.Split(rule, `ALARM("${`)[1:] {
		id, _, _ := strings.Cut(piece, "}")
		all = append(all, id)
	}
	return all
}

// alarmsWatchWhatTheySay holds every alarm to metrics that exist, under dimensions that
// they are kept under, of what the alarm is named after.
func alarmsWatchWhatTheySay(f *findings, s suite) {
	s.each(alarmType, func(doc document, id string, r resource) {
		type looked struct {
			namespace, name string
			dimensions      map[string]any
		}
		var all []looked
		take := func(holder any) {
			namespace, _ := at(holder, "Namespace").(string)
			name, _ := at(holder, "MetricName").(string)
			all = append(all, looked{namespace, name, dimensionsOf(at(holder, "Dimensions"))})
		}
		if r.Properties["MetricName"] != nil {
			take(r.Properties)
		}
		for _, part := range list(r.Properties["Metrics"]) {
			if at(part, "MetricStat") != nil {
				take(at(part, "MetricStat", "Metric"))
			}
		}
		if len(all) == 0 {
			f.add("%s: %s looks at nothing", doc.File, id)
		}
		journey := ""
		for _, looked := range all {
			if name, is := looked.dimensions["Journey"].(string); is {
				journey = name
			}
		}
		for _, looked := range all {
			named := map[string]string{}
			for dimension, value := range looked.dimensions {
				named[dimension] = dimensionText(value)
				if owner, is := strings.CutSuffix(ref(value), "Function"); is && !watches(id, owner) {
					f.add("%s: %s watches %sFunction", doc.File, id, owner)
				}
				if queue, is := strings.CutSuffix(ref(value), "Name"); is && dimension == "QueueName" && !watches(id, queue) {
					f.add("%s: %s watches the queue %s", doc.File, id, queue)
				}
				if table, is := strings.CutSuffix(ref(value), "Table"); is && !watches(id, table) {
					f.add("%s: %s watches the table %s", doc.File, id, table)
				}
				if name, is := value.(string); is && dimension == "Journey" && !strings.EqualFold(name, id[:min(len(name), len(id))]) {
					f.add("%s: %s watches the journey %s", doc.File, id, name)
				}
				if parameter := ref(value); strings.HasSuffix(parameter, "FunctionName") && journeyOf(parameter) != journey {
					f.add("%s: %s counts %s, of another journey", doc.File, id, parameter)
				}
			}
			if wrong := metricFinding(looked.namespace, looked.name, named); wrong != "" {
				f.add("%s: %s looks at %s %s: %s", doc.File, id, looked.namespace, looked.name, wrong)
			}
		}
		mustWatch(f, doc, id, r)
	})
	missingAlarms(f, s)
}

// journeyOf is the journey that a function names, by the parameter that tells its
// physical name: MeetingsGetFunctionName.
func journeyOf(parameter string) string { return journeys()[strings.ToLower(parameter)] }

// journeys are those of all functions, by their parameters in lower case.
var journeys = sync.OnceValue(func() map[string]string {
	all := map[string]string{}
	for _, spec := range functions.All() {
		all[strings.ReplaceAll(spec.Name, "/", "")+"functionname"] = spec.JourneyName()
	}
	return all
})

// watches reports whether an alarm is named after something, by its id.
func watches(alarm, of string) bool {
	rest, is := strings.CutPrefix(alarm, of)
	return is && slices.Contains([]string{"Errors", "Age", "Depth", "Missed", "Failed", "Throttled", "SystemErrors"}, rest)
}

// mustWatch holds alarms to the metric that their names promise.
func mustWatch(f *findings, doc document, id string, r resource) {
	for suffix, metric := range map[string][]string{
		"DlqDepth": {"ApproximateNumberOfMessagesVisible"}, "Age": {"IteratorAge", "ApproximateAgeOfOldestMessage"},
		"Missed": {"Invocations"}, "Failed": {"Errors"},
	} {
		if name, _ := r.Properties["MetricName"].(string); strings.HasSuffix(id, suffix) && !slices.Contains(metric, name) {
			f.add("%s: %s watches %s", doc.File, id, name)
		}
	}
}

// missingAlarms finds functions, queues and tables whose trouble nobody learns of.
func missingAlarms(f *findings, s suite) {
	all := map[string]bool{}
	for _, doc := range s {
		for id, r := range doc.Resources {
			all[doc.File+" "+id] = r.Type == alarmType
			all[id] = all[id] || r.Type == alarmType
		}
	}
	s.each(functionType, func(doc document, id string, r resource) {
		name := strings.TrimSuffix(id, "Function")
		var want []string
		switch {
		case triggeredBy(r, "DynamoDB"):
			want = []string{name + "Age", name + "DlqDepth"}
		case triggeredBy(r, "ScheduleV2"):
			want = []string{name + "Missed", name + "Failed"}
		case triggeredBy(r, "SQS"):
			for queue := range mappings(r.Properties["Events"]) {
				want = append(want, queue+"Age", queue+"DlqDepth")
			}
		}
		for _, alarm := range want {
			if !all[doc.File+" "+alarm] {
				f.add("%s: there is no alarm %s", doc.File, alarm)
			}
		}
	})
	s.each("AWS::DynamoDB::Table", func(_ document, id string, _ resource) {
		for _, alarm := range []string{id + "Throttled", id + "SystemErrors"} {
			if !all[alarm] {
				f.add("nobody hears of the table %s: there is no alarm %s", id, alarm)
			}
		}
	})
}

// dimensionsOf are an alarm's dimensions by name.
func dimensionsOf(value any) map[string]any {
	all := map[string]any{}
	for _, dimension := range list(value) {
		name, _ := fields(dimension)["Name"].(string)
		all[name] = fields(dimension)["Value"]
	}
	return all
}

// dimensionText is what a dimension's value says: a parameter's name, or a text after
// `=`.
func dimensionText(value any) string {
	if text, is := value.(string); is {
		return "=" + text
	}
	return ref(value)
}
