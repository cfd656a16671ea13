package check

import (
	"encoding/json"
	"maps"
	"regexp"
	"slices"
	"strings"
)

// routesMayInvoke holds every route to a role of its function's stack, which API
// Gateway and nobody else may assume, and which may invoke that function.
func routesMayInvoke(f *findings, s suite) {
	root := s.of("template.yaml")
	s.each("AWS::Serverless::HttpApi", func(doc document, id string, r resource) {
		for path, methods := range mappings(at(r.Properties, "DefinitionBody", "paths")) {
			for method, operation := range methods {
				integration := fields(at(operation, "x-amazon-apigateway-integration"))
				stack, output, _ := strings.Cut(attribute(integration["uri"]), ".Outputs.")
				role := attribute(integration["credentials"])
				if role != stack+".Outputs.InvokeRoleArn" {
					f.add("%s: %s %s is invoked as %q, of another stack than its function", doc.File, method, path, role)
				}
				nested := s.nested(root, stack)
				function := strings.TrimSuffix(output, "Uri")
				invoked := substituted(at(nested.Outputs[output], "Value"))
				if !strings.HasSuffix(invoked, "/functions/${"+function+"FunctionAliaslive}/invocations") {
					f.add("%s: %s %s leads to %q", doc.File, method, path, invoked)
				}
				if !slices.Contains(invokable(nested), function+"FunctionAliaslive") {
					f.add("%s: the role of %s may not invoke %s", doc.File, stack, function)
				}
				if attribute(at(nested.Outputs["InvokeRoleArn"], "Value")) != "InvokeRole.Arn" {
					f.add("%s: the output InvokeRoleArn is not the role's", nested.File)
				}
			}
		}
	})
	s.each("AWS::IAM::Role", func(doc document, id string, r resource) {
		for _, statement := range list(at(r.Properties, "AssumeRolePolicyDocument", "Statement")) {
			service := at(statement, "Principal", "Service")
			if id != "InvokeRole" && id != "GatewayLogsRole" || service != "apigateway.amazonaws.com" || at(statement, "Action") != "sts:AssumeRole" || at(statement, "Effect") != "Allow" || len(fields(at(statement, "Principal"))) != 1 {
				f.add("%s: %s may be assumed by %v", doc.File, id, at(statement, "Principal"))
			}
		}
		for _, policy := range list(r.Properties["Policies"]) {
			for _, statement := range list(at(policy, "PolicyDocument", "Statement")) {
				for _, resource := range list(at(statement, "Resource")) {
					if !strings.HasSuffix(ref(resource), "FunctionAliaslive") {
						f.add("%s: %s may invoke %v", doc.File, id, resource)
					}
				}
				if at(statement, "Action") != "lambda:InvokeFunction" || len(list(at(statement, "Resource"))) == 0 {
					f.add("%s: %s may do %v", doc.File, id, at(statement, "Action"))
				}
			}
		}
	})
}

// nested is the template of a stack that the root names.
func (s suite) nested(root document, id string) document {
	location, _ := root.Resources[id].Properties["Location"].(string)
	if location == "" {
		return document{}
	}
	return s.of(location)
}

// invokable are the aliases that a stack's role may invoke.
func invokable(doc document) []string {
	var all []string
	for _, policy := range list(doc.Resources["InvokeRole"].Properties["Policies"]) {
		for _, statement := range list(at(policy, "PolicyDocument", "Statement")) {
			all = append(all, refs(at(statement, "Resource"))...)
		}
	}
	return all
}

// browsersMayCall holds CORS to what the client sends and reads.
func browsersMayCall(f *findings, s suite) {
	s.each("AWS::Serverless::HttpApi", func(doc document, id string, r resource) {
		cors := fields(r.Properties["CorsConfiguration"])
		for property, want := range map[string][]string{
			"AllowHeaders": {"authorization", "content-type", "idempotency-key"}, "ExposeHeaders": {"allow", "retry-after"},
		} {
			got := slices.Sorted(slices.Values(texts(cors[property])))
			if !slices.Equal(got, want) {
				f.add("%s: %s of %s are %v, want %v", doc.File, property, id, got, want)
			}
		}
		if !slices.Equal(refs(cors["AllowOrigins"]), []string{"CorsOrigin"}) || len(list(cors["AllowOrigins"])) != 1 {
			f.add("%s: %s is open to %v", doc.File, id, cors["AllowOrigins"])
		}
		for path, methods := range mappings(at(r.Properties, "DefinitionBody", "paths")) {
			for method := range methods {
				if !strings.HasPrefix(method, "x-") && !slices.Contains(texts(cors["AllowMethods"]), strings.ToUpper(method)) {
					f.add("%s: browsers may not %s %s", doc.File, method, path)
				}
			}
		}
	})
}

// callsAreLogged holds both APIs to an access log that is kept, in lines of JSON. What
// API Gateway puts in it doesn't escape: a user agent with quotes breaks its own line.
func callsAreLogged(f *findings, s suite) {
	for kind, want := range map[string]struct {
		group  string
		fields []string
	}{
		"AWS::Serverless::HttpApi":      {"AccessLogsArn", []string{"requestId", "method", "route", "status", "latency", "integrationLatency", "error", "integrationError", "ip", "userAgent"}},
		"AWS::Serverless::WebSocketApi": {"SocketAccessLogsArn", []string{"requestId", "connectionId", "event", "route", "status", "integrationLatency", "error", "integrationError", "ip", "userAgent"}},
	} {
		s.each(kind, func(doc document, id string, r resource) {
			settings := fields(r.Properties["AccessLogSettings"])
			if attribute(settings["DestinationArn"]) != "StateStack.Outputs."+want.group {
				f.add("%s: %s has no access log that is kept", doc.File, id)
			}
			format, _ := settings["Format"].(string)
			var line map[string]string
			if err := json.Unmarshal([]byte(format), &line); err != nil || strings.Contains(format, "\n") {
				f.add("%s: the access log of %s is no JSON in one line: %v", doc.File, id, err)
			}
			for _, name := range want.fields {
				if !strings.HasPrefix(line[name], "$context.") {
					f.add("%s: the access log of %s lacks %s", doc.File, id, name)
				}
			}
		})
	}
}

// addressesHaveTheirStage holds every address of the WebSocket API to its stage.
func addressesHaveTheirStage(f *findings, s suite) {
	for _, doc := range s {
		for id, api := range doc.Resources {
			if api.Type != "AWS::Serverless::WebSocketApi" {
				continue
			}
			stage, _ := api.Properties["StageName"].(string)
			for holder, r := range doc.Resources {
				walk(r.Properties, holder, func(where string, value any) {
					text := substituted(value)
					if !strings.Contains(text, "${"+id+"}") {
						return
					}
					domain := strings.HasSuffix(text, "${"+id+"}.execute-api.${AWS::Region}.${AWS::URLSuffix}/"+stage)
					resource := strings.Contains(text, "${"+id+"}/"+stage+"/") && strings.HasSuffix(text, "/@connections/*")
					if strings.Contains(text, "execute-api") && !domain && !resource {
						f.add("%s: %s is %s, without the stage %s", doc.File, where, text, stage)
					}
				})
			}
		}
	}
}

// stacksGetWhatTheyAreGiven holds every parameter of a nested stack to the value of its
// name: that of the stack of what is kept, the root's own, or an address of the sockets.
func stacksGetWhatTheyAreGiven(f *findings, s suite) {
	root := s.of("template.yaml")
	state := s.of("stacks/state.yaml")
	others := map[string]string{
		"StackName": "AWS::StackName", "HttpApiId": "HttpApi", "WsApiId": "WsApi", "PageTopicArn": "PageTopic", "TicketTopicArn": "TicketTopic",
	}
	calls := map[string]string{"ConnectionsArn": "/POST/", "ConnectionLookupsArn": "/GET/", "ConnectionEndsArn": "/DELETE/"}
	for id, r := range root.Resources {
		if r.Type != stackType {
			continue
		}
		nested := s.nested(root, id)
		given := fields(r.Properties["Parameters"])
		if want, got := slices.Sorted(maps.Keys(nested.Parameters)), slices.Sorted(maps.Keys(given)); !slices.Equal(want, got) {
			f.add("%s: %s is given %v, and takes %v", root.File, id, got, want)
		}
		for name, value := range given {
			var right bool
			switch {
			case id == "StateStack":
				right = ref(value) == name
			case state.Outputs[name] != nil:
				right = attribute(value) == "StateStack.Outputs."+name
			case strings.HasSuffix(name, "FunctionName"):
				right = s.names(root, attribute(value), name)
			case others[name] != "":
				right = ref(value) == others[name]
			case calls[name] != "":
				right = strings.HasPrefix(substituted(value), "arn:${AWS::Partition}:execute-api:${AWS::Region}:${AWS::AccountId}:${WsApi}/") && strings.Contains(substituted(value), calls[name])
			case name == "WsEndpoint":
				right = strings.HasPrefix(substituted(value), "https://${WsApi}.")
			case name == "WsUrl":
				right = ownDomain(value, "HasWsDomain", "wss://${WsDomain}", "wss://${WsApi}.")
			default:
				right = ref(value) == name && root.Parameters[name] != nil
			}
			if !right {
				f.add("%s: %s is given %v as %s", root.File, id, value, name)
			}
		}
	}
}

// ownDomain reports whether an address is a domain of our own where there is one, and else
// begins with API Gateway's.
func ownDomain(value any, condition, own, gateway string) bool {
	either := list(at(value, "!If"))
	return len(either) == 3 && either[0] == condition && substituted(either[1]) == own && strings.HasPrefix(substituted(either[2]), gateway)
}

// names reports whether `MeetingsStack.Outputs.GetName` is the physical name of the
// function that a parameter such as MeetingsGetFunctionName is named after.
func (s suite) names(root document, output, parameter string) bool {
	stack, name, _ := strings.Cut(output, ".Outputs.")
	id := strings.TrimSuffix(name, "Name")
	return parameter == strings.TrimSuffix(stack, "Stack")+id+"FunctionName" && ref(at(s.nested(root, stack).Outputs[name], "Value")) == id+"Function"
}

// searched is the only form of a search on the dashboard: by words. A quoted value of a
// dimension would have to be the whole of it.
var searched = regexp.MustCompile(`^SEARCH\('\{AWS/Lambda,FunctionName\} MetricName="(Errors|Duration|Throttles|IteratorAge)" \$\{Tokens\}','\w+',60\)$`)

// dashboardShowsWhatIsThere holds the dashboard to metrics that exist, under the
// dimensions that they are kept under.
func dashboardShowsWhatIsThere(f *findings, s suite) {
	shown := 0
	s.each("AWS::CloudWatch::Dashboard", func(doc document, id string, r resource) {
		parts := list(at(r.Properties, "DashboardBody", "Fn::Sub"))
		if len(parts) != 2 || at(parts[1], "Tokens") == nil {
			f.add("%s: %s has no body with the words of the stack's name", doc.File, id)
			return
		}
		text, _ := parts[0].(string)
		var body struct {
			Widgets []struct {
				Properties struct {
					Title   string
					Metrics [][]any
				}
			}
		}
		if err := json.Unmarshal([]byte(text), &body); err != nil {
			f.add("%s: %s is no JSON: %v", doc.File, id, err)
			return
		}
		for _, w := range body.Widgets {
			for _, row := range w.Properties.Metrics {
				shown++
				if wrong := rowFinding(row); wrong != "" {
					f.add("%s: the widget %q: %s", doc.File, w.Properties.Title, wrong)
				}
			}
		}
	})
	if shown == 0 {
		f.add("the dashboard shows nothing")
	}
}

// rowFinding is what is wrong with a widget's row.
func rowFinding(row []any) string {
	options := fields(row[len(row)-1])
	if expression, is := options["expression"].(string); is {
		if strings.Contains(expression, "SEARCH") && !searched.MatchString(expression) {
			return expression + " finds nothing"
		}
		return ""
	}
	words := make([]string, 0, len(row))
	for _, value := range row[:len(row)-1] {
		text, _ := value.(string)
		words = append(words, text)
	}
	if len(words) < 2 || len(words)%2 != 0 {
		return strings.Join(words, " ") + " is no metric"
	}
	dimensions := map[string]string{}
	for i := 2; i < len(words); i += 2 {
		name, isName := strings.CutPrefix(words[i+1], "${")
		if isName {
			dimensions[words[i]] = strings.TrimSuffix(name, "}")
		} else {
			dimensions[words[i]] = "=" + words[i+1]
		}
	}
	if wrong := metricFinding(words[0], words[1], dimensions); wrong != "" {
		return strings.Join(words, " ") + ": " + wrong
	}
	of := map[any][]string{"calls": {"CallDuration", "Count"}, "failed": {"Failures", "5xx"}, "died1": {"Errors"}}
	if want, computed := of[options["id"]]; computed && !slices.Contains(want, words[1]) {
		return words[1] + " is not what " + options["id"].(string) + " means"
	}
	return ""
}
