package check

import (
	"maps"
	"slices"
	"strings"
	"sync"
)

// knownMetrics are the metrics that alarms and the dashboard look at, and the
// dimensions under which they are kept: `AWS/Lambda Errors`. A metric under other
// dimensions is another metric, and never has a value.
var knownMetrics = sync.OnceValue(func() map[string][]string {
	const api, kind = "ApiId", "Kind Stage"
	known := map[string][]string{
		"AWS/Lambda Errors":               {"FunctionName", "ExecutedVersion FunctionName Resource"},
		"AWS/Lambda Invocations":          {"FunctionName", "ExecutedVersion FunctionName Resource", ""},
		"AWS/Lambda IteratorAge":          {"FunctionName Resource"},
		"AWS/Lambda Throttles":            {""},
		"AWS/Lambda ConcurrentExecutions": {""},

		"AWS/SQS ApproximateNumberOfMessagesVisible": {"QueueName"},
		"AWS/SQS ApproximateAgeOfOldestMessage":      {"QueueName"},

		"AWS/DynamoDB SystemErrors": {"Operation TableName"},

		"Rapport InternalAnswers":   {"Function Version"},
		"Rapport UnauthorizedCalls": {"Stage"},
		"Rapport CallDuration":      {"Journey Stage"},
		"Rapport Failures":          {"Journey Stage"},
	}
	for _, name := range []string{"FanoutLatency", "Subscribers", "EntriesCoalesced", "PostsHeaded", "SocketsGone", "SocketsGivenUp", "BreakersOpened", "BreakersClosed"} {
		known["Rapport "+name] = []string{kind}
	}
	for _, name := range []string{"FramesPosted", "FramesFailed", "FramesDropped"} {
		known["Rapport "+name] = []string{"Kind Lane Stage"}
	}
	for _, name := range []string{"ReadThrottleEvents", "WriteThrottleEvents", "ConsumedReadCapacityUnits", "ConsumedWriteCapacityUnits"} {
		known["AWS/DynamoDB "+name] = []string{"TableName"}
	}
	for _, name := range slices.Concat(httpMetrics(), socketMetrics()) {
		known["AWS/ApiGateway "+name] = []string{api}
	}
	return known
})

func httpMetrics() []string { return []string{"Count", "4xx", "5xx", "Latency"} }
func socketMetrics() []string {
	return []string{"ConnectCount", "MessageCount", "IntegrationError", "ExecutionError", "ClientError", "IntegrationLatency"}
}

// metricFinding is what is wrong with a metric and the dimensions, by name, that it
// is looked at under; empty where nothing is. A dimension's value is a parameter's
// name, or a text after `=`.
func metricFinding(namespace, name string, dimensions map[string]string) string {
	sets, known := knownMetrics()[namespace+" "+name]
	names := strings.Join(slices.Sorted(maps.Keys(dimensions)), " ")
	switch {
	case !known:
		return "no such metric"
	case !slices.Contains(sets, names):
		return "it is not kept under " + names
	}
	for dimension, value := range dimensions {
		want := func(ok bool) string {
			if ok {
				return ""
			}
			return dimension + " is not " + value
		}
		wrong := ""
		switch dimension {
		case "ApiId":
			wrong = want(value == "HttpApiId" && slices.Contains(httpMetrics(), name) || value == "WsApiId" && slices.Contains(socketMetrics(), name))
		case "Stage":
			wrong = want(value == "Stage")
		case "TableName":
			wrong = want(strings.HasSuffix(value, "Table") && !strings.HasPrefix(value, "="))
		case "FunctionName", "Function":
			wrong = want(!strings.HasPrefix(value, "=") && (strings.HasSuffix(value, "Function") || strings.HasSuffix(value, "FunctionName")))
		case "QueueName":
			wrong = want(strings.HasSuffix(value, "Name") && !strings.HasPrefix(value, "="))
		case "Kind":
			wrong = want(slices.Contains([]string{"=notes", "=transcript", "=meetings"}, value))
		case "Lane":
			wrong = want(value == "=express" || value == "=durable")
		case "Journey":
			wrong = want(strings.HasPrefix(value, "="))
		}
		if wrong != "" {
			return wrong
		}
	}
	return ""
}

// answersAreCounted holds the metric filters to the log that functions write, and to
// what they write into it.
func answersAreCounted(f *findings, s suite) {
	type counted struct{ pattern, dimensions string }
	want := map[string]counted{
		"InternalAnswers":   {`{ $.code = "INTERNAL" }`, "Function=$.function Version=$.version"},
		"UnauthorizedCalls": {`{ $.code = "UNAUTHORIZED" }`, "Stage=$.stage"},
	}
	s.each("AWS::Logs::MetricFilter", func(doc document, id string, r resource) {
		if ref(r.Properties["LogGroupName"]) != "LogGroup" {
			f.add("%s: %s reads another log group than functions write", doc.File, id)
		}
		for _, made := range list(r.Properties["MetricTransformations"]) {
			name, _ := at(made, "MetricName").(string)
			var dimensions []string
			for _, dimension := range list(at(made, "Dimensions")) {
				key, _ := at(dimension, "Key").(string)
				value, _ := at(dimension, "Value").(string)
				dimensions = append(dimensions, key+"="+value)
			}
			slices.Sort(dimensions)
			pattern, _ := r.Properties["FilterPattern"].(string)
			if got := (counted{pattern, strings.Join(dimensions, " ")}); at(made, "MetricNamespace") != "Rapport" || at(made, "MetricValue") != "1" || got != want[name] {
				f.add("%s: %s counts %v as %s", doc.File, id, got, name)
			}
			delete(want, name)
		}
	})
	for name := range want {
		f.add("nothing counts %s", name)
	}
}
