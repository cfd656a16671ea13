package check

import (
	"crypto/md5" //nolint:gosec // SQS's own checksum
	"encoding/hex"
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/printer"
	"go/token"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-lambda-go/events"

	"github.com/rapport/rapport/functions"
	"github.com/rapport/rapport/infra/codegen/artifacts"
	"github.com/rapport/rapport/infra/local/template"
	"github.com/rapport/rapport/shared/core/endpoint"
	"github.com/rapport/rapport/shared/testkit/scene"
)

// TestEveryFunctionIsComplete says, function by function, what is missing.
func TestEveryFunctionIsComplete(t *testing.T) {
	root := root(t)
	stack, err := loadStack(root)
	if err != nil {
		t.Fatalf("templates:\n%v", err)
	}
	specs := functions.All()
	if len(specs) == 0 {
		t.Fatal("no function is declared")
	}
	for _, spec := range specs {
		t.Run(spec.Name, func(t *testing.T) {
			if spec.Summary == "" {
				t.Error("the declaration has no summary")
			}
			for _, lack := range slices.Concat(mainLacks(root, spec), eventLacks(root, spec), templateLacks(stack, spec)) {
				t.Error(lack)
			}
		})
	}
}

// TestSummariesNameTheirTrigger holds what runs without a caller to saying so,
// and to saying what a repetition does.
func TestSummariesNameTheirTrigger(t *testing.T) {
	for _, spec := range functions.All() {
		switch spec.Trigger {
		case endpoint.TriggerStream, endpoint.TriggerQueue:
			if !strings.HasPrefix(spec.Summary, string(spec.Trigger)+": ") || !strings.Contains(spec.Summary, "a retry ") {
				t.Errorf("%s: the summary %q does not begin with its trigger and say what a retry does", spec.Name, spec.Summary)
			}
		case endpoint.TriggerSchedule:
			if !strings.HasPrefix(spec.Summary, "schedule: ") || !strings.Contains(spec.Summary, "a missed run ") || !strings.Contains(spec.Summary, "doubled one ") {
				t.Errorf("%s: the summary %q does not begin with its trigger and say what a missed and a doubled run do", spec.Name, spec.Summary)
			}
		}
	}
}

// TestNothingIsLeftOver finds folders, events, template rows and routes that no
// declaration stands behind.
func TestNothingIsLeftOver(t *testing.T) {
	root := root(t)
	declared := map[string]bool{}
	for _, spec := range functions.All() {
		if declared[spec.Name] {
			t.Errorf("%s is declared twice", spec.Name)
		}
		declared[spec.Name] = true
	}
	have, err := folders(root)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range have {
		if !declared[name] {
			t.Errorf("functions/%s: functions.All() has no such function", name)
		}
	}
	files, err := fs.Glob(os.DirFS(root), "events/*/*")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		if name := strings.TrimSuffix(strings.TrimPrefix(file, "events/"), ".json"); !declared[name] && path.Base(file) != scene.File {
			t.Errorf("%s: functions.All() has no function %s", file, name)
		}
	}
	scenes, err := scene.Load(root)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range scenes.Mentioned() {
		if !declared[name] {
			t.Errorf("events/*/%s: functions.All() has no function %s", scene.File, name)
		}
	}
	stack, err := loadStack(root)
	if err != nil {
		t.Fatalf("templates:\n%v", err)
	}
	for _, f := range stack.Functions {
		if !declared[f.Folder] {
			t.Errorf("%s in %s: functions.All() has no function %s", f.LogicalID, f.Stack, f.Folder)
		}
	}
	for _, r := range stack.Routes {
		if !declared[r.Folder] {
			t.Errorf("the HTTP route %s %s leads to %s, which is not declared", r.Method, r.Path, r.Folder)
		}
	}
	for _, r := range stack.SocketRoutes {
		if !declared[r.Folder] {
			t.Errorf("the socket route %s leads to %s, which is not declared", r.Key, r.Folder)
		}
	}
}

const mainLines = 10

// mainLacks reads functions/<domain>/<function>/main.go.
func mainLacks(root string, spec endpoint.FunctionSpec) []string {
	name := path.Join("functions", spec.Name, "main.go")
	text, err := os.ReadFile(path.Join(root, name))
	if err != nil {
		return []string{name + " is missing"}
	}
	var lacks []string
	if lines := strings.Count(string(text), "\n"); lines > mainLines {
		lacks = append(lacks, fmt.Sprintf("%s has %d lines; %d are enough for a doc comment and endpoint.Serve", name, lines, mainLines))
	}
	file, err := parser.ParseFile(token.NewFileSet(), name, text, parser.ParseComments)
	if err != nil {
		return append(lacks, err.Error())
	}
	for _, word := range strings.Split(spec.Route, ",") {
		named := strings.Contains(file.Doc.Text(), word) || spec.Trigger == endpoint.TriggerHTTP && word == template.DefaultRoute
		if !named {
			lacks = append(lacks, fmt.Sprintf("%s: its doc comment does not name %s", name, word))
		}
	}
	domain := path.Dir(spec.Name)
	listed, err := artifacts.Declared(os.DirFS(root), domain)
	if err != nil {
		return append(lacks, err.Error())
	}
	if !strings.EqualFold(listed[path.Base(spec.Name)], path.Base(spec.Name)) {
		lacks = append(lacks, fmt.Sprintf("functions/%s: Functions lists %q under the folder %s", domain, listed[path.Base(spec.Name)], path.Base(spec.Name)))
	}
	want := fmt.Sprintf("endpoint.Serve(%[1]s.Open, %[1]s.%[2]s) of %[3]s/functions/%[1]s", domain, listed[path.Base(spec.Name)], module)
	if served := servedBy(file); served != want {
		lacks = append(lacks, fmt.Sprintf("%s has %q; Functions lists under its folder what is served by %q", name, served, want))
	}
	return lacks
}

// servedBy is the call in `func main() { endpoint.Serve(domain.Open, domain.X) }`,
// and the package that the domain is; empty where main does anything else.
func servedBy(file *ast.File) string {
	var domains []string
	for _, imported := range file.Imports {
		if name := strings.Trim(imported.Path.Value, `"`); imported.Name == nil && name != module+"/shared/core/endpoint" {
			domains = append(domains, name)
		}
	}
	if len(file.Imports) != 2 || len(domains) != 1 || len(file.Decls) != 2 {
		return ""
	}
	main, ok := file.Decls[1].(*ast.FuncDecl)
	if !ok || len(main.Body.List) != 1 {
		return ""
	}
	var text strings.Builder
	if err := printer.Fprint(&text, token.NewFileSet(), main.Body.List[0]); err != nil {
		return ""
	}
	return text.String() + " of " + domains[0]
}

// eventLacks reads events/<domain>/<function>.json as the type of its trigger.
func eventLacks(root string, spec endpoint.FunctionSpec) []string {
	name := path.Join("events", spec.Name+".json")
	text, err := os.ReadFile(path.Join(root, name))
	if err != nil {
		return []string{name + " is missing"}
	}
	var route, want string
	switch spec.Trigger {
	case endpoint.TriggerHTTP:
		var event events.APIGatewayV2HTTPRequest
		err = json.Unmarshal(text, &event)
		route, want = event.RouteKey, spec.Route
		if event.Version != "2.0" || event.RequestContext.RouteKey != event.RouteKey {
			return []string{name + " is no HTTP event of payload format 2.0"}
		}
	case endpoint.TriggerSocket:
		var event events.APIGatewayWebsocketProxyRequest
		err = json.Unmarshal(text, &event)
		route, want = event.RequestContext.RouteKey, spec.Route
		if event.RequestContext.ConnectionID == "" || event.RequestContext.EventType == "" {
			return []string{name + " is no WebSocket event"}
		}
	case endpoint.TriggerStream:
		var event events.DynamoDBEvent
		err = json.Unmarshal(text, &event)
		if len(event.Records) == 0 {
			return []string{name + " has no records"}
		}
	case endpoint.TriggerQueue:
		return queueEventLacks(name, text, spec)
	case endpoint.TriggerSchedule:
		var event events.EventBridgeEvent
		err = json.Unmarshal(text, &event)
		if event.Time.IsZero() || event.Source != "aws.scheduler" {
			return []string{name + " is no event of EventBridge Scheduler"}
		}
	default:
		return []string{fmt.Sprintf("%s: the check knows no trigger %q", name, spec.Trigger)}
	}
	if err != nil {
		return []string{fmt.Sprintf("%s: %v", name, err)}
	}
	if route != want {
		return []string{fmt.Sprintf("%s is for the route %q, declared is %q", name, route, want)}
	}
	return nil
}

// queueEventLacks reads an event of a queue, whose messages must be what the
// function takes.
func queueEventLacks(name string, text []byte, spec endpoint.FunctionSpec) []string {
	var event events.SQSEvent
	if err := json.Unmarshal(text, &event); err != nil {
		return []string{fmt.Sprintf("%s: %v", name, err)}
	}
	if len(event.Records) == 0 {
		return []string{name + " has no messages"}
	}
	var lacks []string
	for _, m := range event.Records {
		if source := m.MessageAttributes["sourceId"].StringValue; source == nil || m.Attributes["ApproximateReceiveCount"] == "" {
			lacks = append(lacks, fmt.Sprintf("%s: the message %s lacks its source id or its attributes", name, m.MessageId))
		}
		if sum := md5.Sum([]byte(m.Body)); hex.EncodeToString(sum[:]) != m.Md5OfBody {
			lacks = append(lacks, fmt.Sprintf("%s: the checksum of %s is %x", name, m.MessageId, sum))
		}
	}
	return lacks
}

// otherEvents are those events of a function that its trigger doesn't have.
func otherEvents(f template.Function, trigger endpoint.Trigger) string {
	var others []string
	for kind, n := range map[endpoint.Trigger]int{
		endpoint.TriggerStream: len(f.Streams), endpoint.TriggerQueue: len(f.Queues), endpoint.TriggerSchedule: len(f.Schedules),
	} {
		if n > 0 && kind != trigger {
			others = append(others, string(kind))
		}
	}
	slices.Sort(others)
	return strings.Join(others, " and ")
}

// templateLacks looks for the function, its route or its streams.
func templateLacks(stack *template.Stack, spec endpoint.FunctionSpec) []string {
	var rows []template.Function
	for _, f := range stack.Functions {
		if f.Folder == spec.Name {
			rows = append(rows, f)
		}
	}
	if len(rows) != 1 {
		return []string{fmt.Sprintf("%d resources in the templates have functions/%s/ as CodeUri; one must", len(rows), spec.Name)}
	}
	var led []string
	switch spec.Trigger {
	case endpoint.TriggerHTTP:
		for _, r := range stack.Routes {
			if r.Folder == spec.Name {
				led = append(led, strings.TrimSpace(r.Method+" "+r.Path))
			}
		}
	case endpoint.TriggerSocket:
		for _, r := range stack.SocketRoutes {
			if r.Folder == spec.Name {
				led = append(led, r.Key)
			}
		}
	case endpoint.TriggerStream:
		var tables []string
		for _, s := range rows[0].Streams {
			tables = append(tables, s.Table)
		}
		slices.Sort(tables)
		led = []string{strings.Join(tables, ",")}
	case endpoint.TriggerQueue:
		for _, q := range rows[0].Queues {
			led = append(led, q.Queue)
		}
	case endpoint.TriggerSchedule:
		for _, s := range rows[0].Schedules {
			led = append(led, s.Expression)
		}
	}
	if others := otherEvents(rows[0], spec.Trigger); others != "" {
		return []string{fmt.Sprintf("the templates have %s run it, declared is the trigger %s", others, spec.Trigger)}
	}
	if !slices.Equal(led, []string{spec.Route}) {
		return []string{fmt.Sprintf("the templates lead %q to it, declared is %q (HTTP routes: make codegen)", led, spec.Route)}
	}
	return nil
}
