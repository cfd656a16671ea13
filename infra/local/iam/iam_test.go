package iam

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/rapport/rapport/infra/local/proxy"
	"github.com/rapport/rapport/infra/local/template"
)

const (
	tables  = "arn:aws:dynamodb:us-east-1:000000000000:table/"
	sockets = "arn:aws:execute-api:us-east-1:000000000000:wsapi/ws/"
)

func allow(actions, resources string) template.Statement {
	return template.Statement{Effect: "Allow", Action: strings.Fields(actions), Resource: strings.Fields(resources)}
}

func deny(actions, resources string) template.Statement {
	s := allow(actions, resources)
	s.Effect = "Deny"
	return s
}

// except is of every action but the named.
func except(s template.Statement) template.Statement {
	s.Action, s.NotAction = nil, s.Action
	return s
}

func stackWith(statements ...template.Statement) *template.Stack {
	return &template.Stack{AccountID: "123456789012", Functions: []template.Function{
		{Folder: "notes/edit", Stack: "rapport-Notes", LogicalID: "EditFunction", Name: "rapport-Notes-EditFunction", Policies: statements},
		{Folder: "system/health"},
	}}
}

func policies(t *testing.T, log *slog.Logger, statements ...template.Statement) *Policies {
	t.Helper()
	p, err := New(stackWith(statements...), log)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestDecisions(t *testing.T) {
	put, query := "dynamodb:PutItem", "dynamodb:Query"
	data, log := tables+"rapport-Data", tables+"rapport-Log"
	for _, test := range []struct {
		name       string
		statements []template.Statement
		action     string
		resource   string
		want       Decision
	}{
		{"nothing granted", nil, put, data, NotGranted},
		{"granted", []template.Statement{allow(put, data)}, put, data, Granted},
		{"another action", []template.Statement{allow(query, data)}, put, data, NotGranted},
		{"another table", []template.Statement{allow(put, log)}, put, data, NotGranted},
		{"a table whose name goes on", []template.Statement{allow(put, data)}, put, data + "2", NotGranted},
		{"one of several", []template.Statement{allow(query+" "+put, log+" "+data)}, put, data, Granted},
		{"the second statement", []template.Statement{allow(query, data), allow(put, data)}, put, data, Granted},
		{"an action has no case", []template.Statement{allow("DynamoDB:putitem", data)}, put, data, Granted},
		{"a resource has", []template.Statement{allow(put, strings.ToLower(data))}, put, data, NotGranted},
		{"every action of the service", []template.Statement{allow("dynamodb:*", data)}, put, data, Granted},
		{"every action", []template.Statement{allow("*", "*")}, put, data, Granted},
		{"actions that begin alike", []template.Statement{allow("dynamodb:Put*", data)}, put, data, Granted},
		{"and others", []template.Statement{allow("dynamodb:Put*", data)}, query, data, NotGranted},
		{"one character", []template.Statement{allow("dynamodb:?utItem", data)}, put, data, Granted},
		{"exactly one", []template.Statement{allow("dynamodb:?PutItem", data)}, put, data, NotGranted},
		{"tables that begin alike", []template.Statement{allow(put, tables+"rapport-*")}, put, data, Granted},
		{"a star within", []template.Statement{allow(put, tables+"*-Data")}, put, data, Granted},
		{"any region", []template.Statement{allow(put, "arn:aws:dynamodb:*:*:table/rapport-Data")}, put, data, Granted},
		{"a star stays in its part", []template.Statement{allow(put, "arn:aws:dynamodb:*:table/rapport-Data")}, put, data, NotGranted},
		{"an index", []template.Statement{allow(query, log+"/index/*")}, query, log + "/index/GSI1", Granted},
		{"an index isn't its table", []template.Statement{allow(query, log)}, query, log + "/index/GSI1", NotGranted},
		{"a table isn't its index", []template.Statement{allow(query, log+"/index/*")}, query, log, NotGranted},
		{"denied", []template.Statement{allow("dynamodb:*", "*"), deny(put, data)}, put, data, Forbidden},
		{"denied before", []template.Statement{deny(put, data), allow("dynamodb:*", "*")}, put, data, Forbidden},
		{"another is denied", []template.Statement{allow("dynamodb:*", "*"), deny(put, log)}, put, data, Granted},
		{"all but one", []template.Statement{except(allow(query, data))}, put, data, Granted},
		{"and that one", []template.Statement{except(allow(query, data))}, query, data, NotGranted},
		{"denied all but one", []template.Statement{allow("*", "*"), except(deny(query, "*"))}, put, data, Forbidden},
		{"and that one not", []template.Statement{allow("*", "*"), except(deny(query, "*"))}, query, data, Granted},
		{"a post", []template.Statement{allow("execute-api:ManageConnections", sockets+"POST/@connections/*")}, "execute-api:ManageConnections", sockets + "POST/@connections/a=", Granted},
		{"a post isn't a look", []template.Statement{allow("execute-api:ManageConnections", sockets+"POST/@connections/*")}, "execute-api:ManageConnections", sockets + "GET/@connections/a=", NotGranted},
		{"other services say nothing", []template.Statement{allow("s3:*", "*")}, put, data, NotGranted},
		{"a request of no table", []template.Statement{allow("dynamodb:*", tables+"*")}, "dynamodb:ListTables", "*", NotGranted},
	} {
		p := policies(t, slog.New(slog.DiscardHandler), test.statements...)
		if got := p.Decide("notes/edit", proxy.Action{Name: test.action, Resource: test.resource}); got != test.want {
			t.Errorf("%s: %d, want %d", test.name, got, test.want)
		}
		if got := p.Decide("system/health", proxy.Action{Name: test.action, Resource: test.resource}); got != NotGranted {
			t.Errorf("%s: another function: %d", test.name, got)
		}
	}
}

func TestPatterns(t *testing.T) {
	for _, test := range []struct {
		pattern, text string
		want          bool
	}{
		{"", "", true}, {"", "a", false}, {"*", "", true}, {"*", "abc", true}, {"a*", "a", true}, {"a*c", "abbc", true},
		{"a*c", "abcd", false}, {"*b*", "abc", true}, {"a*b*c", "aXbXbXc", true}, {"??", "a", false}, {"??", "ab", true},
		{"a**b", "ab", true}, {"*a", "aab", false}, {"a*?", "a", false}, {"a*?", "ab", true},
		{strings.Repeat("*a", 50) + "b", strings.Repeat("a", 2000), false},
	} {
		if got := match(test.pattern, test.text); got != test.want {
			t.Errorf("%q and %q: %v", test.pattern, test.text, got)
		}
	}
}

func TestWhatCannotBeEvaluatedIsRefused(t *testing.T) {
	conditional := allow("dynamodb:GetItem", "*")
	conditional.Sid = "Mine"
	conditional.Condition = map[string]map[string][]string{"ForAllValues:StringEquals": {"dynamodb:LeadingKeys": {"a"}}}
	elsewhere := conditional
	elsewhere.Action = []string{"cloudwatch:PutMetricData"}
	wild := conditional
	wild.Action = []string{"dyn*"}
	variable := allow("dynamodb:GetItem", tables+"${aws:username}")
	for _, test := range []struct {
		name      string
		statement template.Statement
		want      string
	}{
		{"a condition", conditional, `policy of notes/edit, statement "Mine": conditions (ForAllValues:StringEquals) are not evaluated here`},
		{"a condition of a pattern", wild, `policy of notes/edit, statement "Mine": conditions (ForAllValues:StringEquals) are not evaluated here`},
		{"a variable", variable, `policy of notes/edit, statement "": policy variables (` + tables + `${aws:username}) are not evaluated here`},
		{"another service", elsewhere, ""},
	} {
		_, err := New(stackWith(test.statement), slog.New(slog.DiscardHandler))
		if got := text(err); got != test.want {
			t.Errorf("%s: %q, want %q", test.name, got, test.want)
		}
	}
}

func text(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

func TestCalls(t *testing.T) {
	put, check := proxy.Action{Name: "dynamodb:PutItem", Resource: tables + "A"}, proxy.Action{Name: "dynamodb:ConditionCheckItem", Resource: tables + "B"}
	post := proxy.Action{Name: "execute-api:ManageConnections", Resource: sockets + "POST/@connections/a="}
	const user = "User: arn:aws:sts::123456789012:assumed-role/rapport-Notes-EditFunctionRole/rapport-Notes-EditFunction is not authorized to perform: "
	for _, test := range []struct {
		name   string
		call   proxy.Call
		status int
		want   string
	}{
		{"granted", proxy.Call{Service: proxy.Tables, Function: "notes/edit", Actions: []proxy.Action{put}}, 200, "passed"},
		{"a transaction with one item that isn't", proxy.Call{Service: proxy.Tables, Function: "notes/edit", Actions: []proxy.Action{put, check}}, 400,
			`{"__type":"com.amazon.coral.service#AccessDeniedException","Message":"` + user + `dynamodb:ConditionCheckItem on resource: ` + tables + `B because no identity-based policy allows the dynamodb:ConditionCheckItem action"}`},
		{"denied", proxy.Call{Service: proxy.Tables, Function: "notes/edit", Actions: []proxy.Action{{Name: "dynamodb:PutItem", Resource: tables + "Audit"}}}, 400,
			`{"__type":"com.amazon.coral.service#AccessDeniedException","Message":"` + user + `dynamodb:PutItem on resource: ` + tables + `Audit with an explicit deny in an identity-based policy"}`},
		{"an unknown key", proxy.Call{Service: proxy.Tables, Key: "AKIA", Actions: []proxy.Action{put}}, 400,
			`{"__type":"com.amazon.coral.service#UnrecognizedClientException","message":"The security token included in the request is invalid."}`},
		{"a post", proxy.Call{Service: proxy.Sockets, Function: "notes/edit", Actions: []proxy.Action{post}}, 403,
			`{"Message":"` + user + `execute-api:ManageConnections on resource: arn:aws:execute-api:us-east-1:********0000:wsapi/ws/POST/@connections/{connectionId}"}`},
		{"a post by an unknown key", proxy.Call{Service: proxy.Sockets, Actions: []proxy.Action{post}}, 403,
			`{"message":"The security token included in the request is invalid."}`},
	} {
		p := policies(t, slog.New(slog.DiscardHandler), allow("dynamodb:PutItem", tables+"A"), deny("*", tables+"Audit"))
		answer, err := p.Middleware(t.Context(), &test.call, func(context.Context, *proxy.Call) (proxy.Response, error) {
			return proxy.Response{Status: 200, Body: []byte("passed")}, nil
		})
		if err != nil || answer.Status != test.status || string(answer.Body) != test.want {
			t.Errorf("%s: %d %s %v, want %d %s", test.name, answer.Status, answer.Body, err, test.status, test.want)
		}
	}
}

func TestDenialsAreCountedAndLoggedOnce(t *testing.T) {
	var lines bytes.Buffer
	p := policies(t, slog.New(slog.NewTextHandler(&lines, nil)))
	for _, action := range []string{"dynamodb:PutItem", "dynamodb:Query", "dynamodb:PutItem"} {
		c := proxy.Call{Service: proxy.Tables, Function: "notes/edit", Actions: []proxy.Action{{Name: action, Resource: tables + "A"}}}
		if answer, err := p.Middleware(t.Context(), &c, nil); err != nil || answer.Status != 400 {
			t.Fatalf("%d %v", answer.Status, err)
		}
	}
	want := []DenialCount{{Denial{"notes/edit", "dynamodb:PutItem"}, 2}, {Denial{"notes/edit", "dynamodb:Query"}, 1}}
	if diff := cmp.Diff(want, p.Denied()); diff != "" {
		t.Error(diff)
	}
	if got := strings.Count(lines.String(), "\n"); got != 2 || !strings.Contains(lines.String(), "action=dynamodb:Query") {
		t.Errorf("%d lines: %s", got, &lines)
	}
}

func TestCovers(t *testing.T) {
	a := proxy.Action{Name: "dynamodb:PutItem", Resource: tables + "A"}
	if !Covers(allow("dynamodb:Put*", tables+"A"), a) || !Covers(deny("dynamodb:PutItem", "*"), a) || Covers(allow("dynamodb:Get*", tables+"A"), a) {
		t.Error("a statement covers what it names, and nothing else")
	}
}

func BenchmarkDecide(b *testing.B) {
	p, err := New(stackWith(
		allow("dynamodb:BatchGetItem", tables+"rapport-Data"), allow("dynamodb:GetItem dynamodb:Query dynamodb:PutItem", tables+"rapport-Log"),
		allow("dynamodb:GetItem dynamodb:Query dynamodb:UpdateItem dynamodb:DeleteItem", tables+"rapport-Realtime"),
		allow("execute-api:ManageConnections", sockets+"POST/@connections/*"), allow("dynamodb:PutItem", tables+"rapport-Audit"),
	), slog.New(slog.DiscardHandler))
	if err != nil {
		b.Fatal(err)
	}
	a := proxy.Action{Name: "dynamodb:PutItem", Resource: tables + "rapport-Audit"}
	b.ReportAllocs()
	for b.Loop() {
		if p.Decide("notes/edit", a) != Granted {
			b.Fatal("not granted")
		}
	}
}
