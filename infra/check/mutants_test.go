package check

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
)

// mutant is one mistake in the templates.
type mutant struct {
	name string
	// change makes the mistake; false where there was nothing to change.
	change func(s suite) bool
}

// TestMutantsAreFound makes mistakes in the templates, one at a time, and expects each
// to be found: those that were once overlooked, and then each mistake of a kind at every
// place where it can be made.
func TestMutantsAreFound(t *testing.T) {
	original := templates(t)
	if found := templateFindings(original); len(found) > 0 {
		t.Fatalf("the templates themselves are wrong: %v", found)
	}
	named := mutants()
	all := slices.Concat(named, everyMutant(original))
	caught := 0
	for _, m := range all {
		copied := copied(original)
		if !m.change(copied) {
			t.Errorf("%s: there is nothing to change", m.name)
			continue
		}
		if len(templateFindings(copied)) == 0 {
			t.Errorf("%s: nothing was found", m.name)
			continue
		}
		caught++
	}
	t.Logf("%d of %d mutants were found, %d of them by name", caught, len(all), len(named))
	if least := len(named) + 500; len(all) < least {
		t.Errorf("only %d mutants, want %d at least", len(all), least)
	}
}

// mutants are the mistakes that were once overlooked, and some of their kind.
func mutants() []mutant {
	return []mutant{
		{"the invoke role's wrong prefix", on("meetings.yaml", "InvokeRole", func(r resource) bool {
			return replaceText(r.Properties, "!Ref", "CreateFunctionAliaslive", "CreateFunctionAlias")
		})},
		{"the invoke role grants a pattern", on("meetings.yaml", "InvokeRole", func(r resource) bool {
			return replaceValue(r.Properties, "Resource", []any{map[string]any{"!Sub": "arn:aws:lambda:*:*:function:rapport-*"}})
		})},
		{"the invoke role's wrong principal", on("users.yaml", "InvokeRole", func(r resource) bool {
			return replaceText(r.Properties, "Service", "apigateway.amazonaws.com", "lambda.amazonaws.com")
		})},
		{"a dead-letter destination without its type", on("streams.yaml", "FanoutFunction", func(r resource) bool {
			return removeKey(at(r.Properties, "Events", "Data", "Properties", "DestinationConfig", "OnFailure"), "Type")
		})},
		{"a dead-letter destination of another type", on("streams.yaml", "ProjectFunction", func(r resource) bool {
			return replaceText(at(r.Properties, "Events", "Log", "Properties", "DestinationConfig"), "Type", "SQS", "SNS")
		})},
		{"a wrong metric in the dashboard", inDashboard(`"Rapport","FanoutLatency"`, `"Rapport","FanoutLatencies"`)},
		{"another metric in the dashboard", inDashboard(`"AWS/ApiGateway","5xx"`, `"AWS/ApiGateway","4xx"`)},
		{"a dashboard's dimension", inDashboard(`"Journey","signin"`, `"Function","signin"`)},
		{"a quoted name in a search", inDashboard(`MetricName=\"Errors\" ${Tokens}`, `MetricName=\"Errors\" FunctionName=\"${StackName}-\"`)},
		{"an alarm's dimension", on("streams.yaml", "FanoutAge", func(r resource) bool {
			return replaceText(r.Properties["Dimensions"], "Name", "Resource", "Alias")
		})},
		{"a metric filter's pattern", on("alarms.yaml", "InternalAnswers", func(r resource) bool {
			return replaceText(r.Properties, "FilterPattern", `{ $.code = "INTERNAL" }`, `{ $.kind = "INTERNAL" }`)
		})},
		{"a metric filter's dimension", on("alarms.yaml", "InternalAnswers", func(r resource) bool {
			return replaceText(r.Properties, "Value", "$.function", "$.name")
		})},
		{"a missing log group", func(s suite) bool {
			_, there := s.of("state.yaml").Resources["FunctionLogs"]
			delete(s.of("state.yaml").Resources, "FunctionLogs")
			return there
		}},
		{"functions log elsewhere", func(s suite) bool {
			return removeKey(at(s.of("notes.yaml").Globals["Function"], "LoggingConfig"), "LogGroup")
		}},
		{"a metric filter reads another log", on("alarms.yaml", "UnauthorizedAnswers", func(r resource) bool {
			return replaceText(r.Properties, "!Ref", "LogGroup", "AccessLogs")
		})},
		{"an alarm that watches another function", on("meetings.yaml", "CreateErrors", func(r resource) bool {
			return replaceText(r.Properties, "!Ref", "CreateFunction", "ListFunction")
		})},
		{"an alarm that rolls back by another's version", on("meetings.yaml", "CreateErrors", func(r resource) bool {
			return replaceText(r.Properties, "!GetAtt", "CreateFunction.Version.Version", "ListFunction.Version.Version")
		})},
		{"a gate that overlooks what died", on("meetings.yaml", "CreateErrors", func(r resource) bool {
			return replaceText(r.Properties, "Expression", gateRate, strings.ReplaceAll(gateRate, "died, ", ""))
		})},
		{"a deployment gated by another's alarm", on("meetings.yaml", "CreateFunction", func(r resource) bool {
			return replaceText(r.Properties, "!Ref", "CreateErrors", "ListErrors")
		})},
		{"CORS without authorization", on("template.yaml", "HttpApi", func(r resource) bool {
			return replaceValue(r.Properties, "AllowHeaders", []any{"content-type", "idempotency-key"})
		})},
		{"CORS without PATCH", on("template.yaml", "HttpApi", func(r resource) bool {
			return replaceValue(r.Properties, "AllowMethods", []any{"GET", "POST", "DELETE"})
		})},
		{"CORS for everybody", on("template.yaml", "HttpApi", func(r resource) bool {
			return replaceValue(r.Properties, "AllowOrigins", []any{"*"})
		})},
		{"a socket endpoint without its stage", on("template.yaml", "NotesStack", func(r resource) bool {
			return trimText(at(r.Properties, "Parameters", "WsEndpoint"), "/ws")
		})},
		{"tickets that lead elsewhere than our domain", on("template.yaml", "UsersStack", func(r resource) bool {
			return replaceText(at(r.Properties, "Parameters", "WsUrl"), "!Sub", "wss://${WsDomain}", "wss://${HttpDomain}")
		})},
		{"a name that a long stack name leaves no room for", on("template.yaml", "WsApi", func(r resource) bool {
			return replaceValue(r.Properties, "Name", map[string]any{"!Sub": "${AWS::StackName}-ws"})
		})},
		{"a role by the stack's name", on("meetings.yaml", "InvokeRole", func(r resource) bool {
			r.Properties["RoleName"] = map[string]any{"!Sub": "${Stage}-${AWS::StackName}"}
			return true
		})},
		{"a queue that two stacks would share", on("state.yaml", "Departures", func(r resource) bool {
			r.Properties["QueueName"] = "departures"
			return true
		})},
		{"functions deployed in their own way", func(s suite) bool {
			return removeKey(at(s.of("notes.yaml").Globals["Function"], "DeploymentPreference"), "Type")
		}},
		{"all functions at once unless an environment says otherwise", func(s suite) bool {
			parameter := s.of("template.yaml").Parameters["Deployment"]
			before := parameter["Default"]
			parameter["Default"] = "CodeDeployDefault.LambdaAllAtOnce"
			return before != nil
		}},
		{"a socket's grant without its stage", on("template.yaml", "NotesStack", func(r resource) bool {
			return cutText(at(r.Properties, "Parameters", "ConnectionsArn"), "/ws")
		})},
		{"the socket's stage is renamed", on("template.yaml", "WsApi", func(r resource) bool {
			return replaceText(r.Properties, "StageName", "ws", "socket")
		})},
		{"an access log that is no JSON", on("template.yaml", "WsApi", func(r resource) bool {
			return suffixText(r.Properties, "Format", ",")
		})},
		{"no access log of the sockets", on("template.yaml", "WsApi", func(r resource) bool {
			return removeKey(r.Properties, "AccessLogSettings")
		})},
		{"one table's name for another's", on("template.yaml", "NotesStack", func(r resource) bool {
			return replaceText(r.Properties, "!GetAtt", "StateStack.Outputs.LogTable", "StateStack.Outputs.DataTable")
		})},
		{"a page that wakes nobody", on("alarms.yaml", "EditFast", func(r resource) bool {
			return replaceText(r.Properties["AlarmActions"], "!Ref", "PageTopicArn", "TicketTopicArn")
		})},
		{"an alarm of a journey on another", on("alarms.yaml", "JoinFastLong", func(r resource) bool {
			return replaceText(r.Properties, "Value", "join", "edit")
		})},
		{"an alarm of a journey on another's function", on("alarms.yaml", "JoinSlowLong", func(r resource) bool {
			return replaceText(r.Properties, "!Ref", "MeetingsGetFunctionName", "NotesEditFunctionName")
		})},
		{"a journey's alarm over half of it", on("alarms.yaml", "JoinFast", func(r resource) bool {
			return cutText(r.Properties["AlarmRule"], `ALARM("${JoinFastLong}") AND `) && replaceText(r.Properties, "!Sub", `ALARM("${JoinFastShort}")`, `ALARM("${EditFastShort}")`)
		})},
		{"a table that is not protected", on("state.yaml", "Audit", func(r resource) bool {
			return removeKey(r.Properties, "DeletionProtectionEnabled")
		})},
		{"a table that can't give way", func(s suite) bool {
			return replaceText(s.of("state.yaml").Outputs["LogTableArn"], "!GetAtt", "Log.Arn", "Data.Arn")
		}},
		{"a route with another stack's role", on("template.yaml", "HttpApi", func(r resource) bool {
			return replaceText(r.Properties["DefinitionBody"], "!GetAtt", "UsersStack.Outputs.InvokeRoleArn", "NotesStack.Outputs.InvokeRoleArn")
		})},
	}
}

// everyMutant makes one mistake after another at every alarm, gate, filter, widget and
// parameter.
func everyMutant(original suite) []mutant {
	var all []mutant
	for i, doc := range original {
		for _, id := range slices.Sorted(maps.Keys(doc.Resources)) {
			r := doc.Resources[id]
			here := func(name string, change func(r resource) bool) {
				all = append(all, mutant{doc.File + " " + id + ": " + name, func(s suite) bool { return change(s[i].Resources[id]) }})
			}
			switch r.Type {
			case alarmType, compositeID:
				here("another metric", func(r resource) bool {
					return suffixText(r.Properties, "MetricName", "Count2") || r.Type == compositeID && removeKey(r.Properties, "AlarmRule")
				})
				here("no dimension", func(r resource) bool {
					return mutateDimension(r.Properties, "Name") || removeKey(r.Properties, "AlarmDescription")
				})
				here("another's dimension", func(r resource) bool {
					return mutateDimension(r.Properties, "Value") || removeKey(r.Properties, "Tags") || removeKey(r.Properties, "Metrics")
				})
				if len(list(r.Properties["AlarmActions"])) > 0 {
					here("nobody hears", func(r resource) bool { return removeKey(r.Properties, "AlarmActions") })
					here("nobody gets that it is over", func(r resource) bool { return removeKey(r.Properties, "OKActions") })
				}
				if r.Type == alarmType && !strings.HasSuffix(id, "Long") && !strings.HasSuffix(id, "Short") && !strings.HasSuffix(doc.File, "alarms.yaml") {
					all = append(all, mutant{doc.File + " without " + id, func(s suite) bool { delete(s[i].Resources, id); return true }})
				}
			case functionType:
				here("no gate", func(r resource) bool { return removeKey(r.Properties, "DeploymentPreference") })
				here("not published", func(r resource) bool { return removeKey(r.Properties, "AutoPublishAliasAllProperties") })
				for name := range mappings(r.Properties["Events"]) {
					if triggeredBy(r, "ScheduleV2") {
						here("tried again for ever", func(r resource) bool { return removeKey(r.Properties, "EventInvokeConfig") })
						continue
					}
					here("no partial failures of "+name, func(r resource) bool {
						return removeKey(at(r.Properties, "Events", name, "Properties"), "FunctionResponseTypes")
					})
				}
			case stackType:
				for name := range fields(r.Properties["Parameters"]) {
					here("without "+name, func(r resource) bool { return removeKey(r.Properties["Parameters"], name) })
					here("another value of "+name, func(r resource) bool {
						fields(r.Properties["Parameters"])[name] = map[string]any{"!Ref": "Elsewhere"}
						return true
					})
				}
			case "AWS::DynamoDB::Table", "AWS::SQS::Queue", "AWS::S3::Bucket", "AWS::Logs::LogGroup":
				all = append(all, mutant{doc.File + " " + id + ": goes with its stack", func(s suite) bool {
					r := s[i].Resources[id]
					r.DeletionPolicy = "Delete"
					s[i].Resources[id] = r
					return true
				}})
			}
		}
	}
	return append(all, everyRow(original)...)
}

// everyRow makes a mistake in each line of the dashboard.
func everyRow(original suite) []mutant {
	parts := list(at(original.of("alarms.yaml").Resources["Dashboard"].Properties, "DashboardBody", "Fn::Sub"))
	text, _ := parts[0].(string)
	var all []mutant
	for line := range strings.Lines(text) {
		for _, change := range [][2]string{{`["Rapport","`, `["Rapport","Un`}, {`["AWS/`, `["AWS/Un`}, {`"Stage","${Stage}"`, `"Stage","local"`}, {`MetricName=\"`, `MetricName=\"Un`}} {
			if strings.Contains(line, change[0]) {
				all = append(all, mutant{fmt.Sprintf("dashboard: %s for %s in %.80s", change[1], change[0], line), inDashboard(line, strings.Replace(line, change[0], change[1], 1))})
			}
		}
	}
	return all
}

func on(file, id string, change func(r resource) bool) func(suite) bool {
	return func(s suite) bool { return change(s.of(file).Resources[id]) }
}

func inDashboard(old, text string) func(suite) bool {
	return on("alarms.yaml", "Dashboard", func(r resource) bool {
		parts := list(at(r.Properties, "DashboardBody", "Fn::Sub"))
		before, _ := parts[0].(string)
		after := strings.Replace(before, old, text, 1)
		parts[0] = after
		return before != after
	})
}

// mutateDimension changes the name or the value of the first dimension below.
func mutateDimension(value any, key string) bool {
	done := false
	walk(value, "", func(_ string, v any) {
		dimension := fields(v)
		if _, isDimension := dimension["Name"].(string); !isDimension || done || dimension["Value"] == nil {
			return
		}
		done = true
		if key == "Name" {
			dimension["Name"] = "Other"
		} else {
			dimension["Value"] = map[string]any{"!Ref": "OtherFunction"}
		}
	})
	return done
}

// replaceText changes the first text under a key.
func replaceText(value any, key, old, text string) bool {
	return firstText(value, key, func(before string) (string, bool) { return text, before == old })
}

func suffixText(value any, key, suffix string) bool {
	return firstText(value, key, func(before string) (string, bool) { return before + suffix, true })
}

func trimText(value any, suffix string) bool {
	return firstText(value, "!Sub", func(before string) (string, bool) { return strings.CutSuffix(before, suffix) })
}

func cutText(value any, piece string) bool {
	return firstText(value, "!Sub", func(before string) (string, bool) {
		return strings.Replace(before, piece, "", 1), strings.Contains(before, piece)
	})
}

func firstText(value any, key string, change func(string) (string, bool)) bool {
	done := false
	walk(value, "", func(_ string, v any) {
		before, isText := fields(v)[key].(string)
		if !isText || done {
			return
		}
		if after, right := change(before); right {
			done, fields(v)[key] = true, after
		}
	})
	return done
}

func replaceValue(value any, key string, other any) bool {
	done := false
	walk(value, "", func(_ string, v any) {
		if _, there := fields(v)[key]; there && !done {
			done, fields(v)[key] = true, other
		}
	})
	return done
}

func removeKey(value any, key string) bool {
	_, there := fields(value)[key]
	delete(fields(value), key)
	return there
}

// copied is templates that may be changed.
func copied(s suite) suite {
	all := make(suite, 0, len(s))
	for _, doc := range s {
		document := doc
		document.Globals = mappings(deep(anyMap(doc.Globals)))
		document.Parameters = mappings(deep(anyMap(doc.Parameters)))
		document.Outputs = fields(deep(doc.Outputs))
		document.Resources = map[string]resource{}
		for id, r := range doc.Resources {
			r.Properties, r.Metadata = fields(deep(r.Properties)), fields(deep(r.Metadata))
			document.Resources[id] = r
		}
		all = append(all, document)
	}
	return all
}

func anyMap(of map[string]map[string]any) map[string]any {
	all := map[string]any{}
	for name, value := range of {
		all[name] = value
	}
	return all
}

func deep(value any) any {
	switch v := value.(type) {
	case map[string]any:
		all := make(map[string]any, len(v))
		for name, field := range v {
			all[name] = deep(field)
		}
		return all
	case []any:
		all := make([]any, 0, len(v))
		for _, item := range v {
			all = append(all, deep(item))
		}
		return all
	}
	return value
}
