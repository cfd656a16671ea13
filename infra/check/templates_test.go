package check

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rapport/rapport/infra/local/template"
)

// TestPoliciesGrantOneTableAndNamedActions holds every policy to the least: no
// wildcards, and nothing but adding to Audit.
func TestPoliciesGrantOneTableAndNamedActions(t *testing.T) {
	stack, err := loadStack(root(t))
	if err != nil {
		t.Fatalf("templates:\n%v", err)
	}
	audit, ok := stack.Table("Audit")
	if !ok {
		t.Fatal("there is no table Audit")
	}
	granted := 0
	for _, f := range stack.Functions {
		for _, s := range f.Policies {
			if s.Effect != "Allow" {
				continue
			}
			if len(s.NotAction) > 0 {
				t.Errorf("%s: %s allows all but some actions", f.Folder, s.Sid)
			}
			for _, action := range s.Action {
				granted++
				if strings.Contains(action, "*") {
					t.Errorf("%s: %s grants %s; name the actions", f.Folder, s.Sid, action)
				}
				if action == "dynamodb:Scan" {
					t.Errorf("%s: %s grants a scan", f.Folder, s.Sid)
				}
			}
			for _, resource := range s.Resource {
				if resource == "*" || strings.HasSuffix(resource, ":table/*") {
					t.Errorf("%s: %s grants everything on %s", f.Folder, s.Sid, resource)
				}
				onAudit := strings.Contains(resource, "table/"+audit.Name)
				if onAudit && !slices.Equal(s.Action, []string{"dynamodb:PutItem"}) {
					t.Errorf("%s: %s grants %s on Audit, to which entries are only added", f.Folder, s.Sid, s.Action)
				}
			}
		}
	}
	if granted == 0 {
		t.Error("no policy was looked at")
	}
}

// TestTemplates finds what is wrong with the templates as they are written.
func TestTemplates(t *testing.T) {
	for _, found := range templateFindings(templates(t)) {
		t.Error(found)
	}
}

// anchor is a section of the runbooks in an alarm's description.
var anchor = regexp.MustCompile(`docs/runbooks/README\.md#([a-z-]+)`)

// TestAlarmsLeadToARunbook holds every alarm's description to a heading that exists, and
// every heading about alarms to alarms that do.
func TestAlarmsLeadToARunbook(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(root(t), "docs", "runbooks", "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	headings := map[string]bool{}
	for line := range strings.Lines(string(text)) {
		if heading, is := strings.CutPrefix(strings.TrimSpace(line), "## "); is {
			slug := strings.NewReplacer(" ", "-", "'", "", ",", "", ":", "", "`", "").Replace(strings.ToLower(heading))
			headings[slug] = true
		}
	}
	alarms := map[string]bool{}
	for _, doc := range templates(t) {
		for id, r := range doc.Resources {
			if r.Type != alarmType && r.Type != compositeID {
				continue
			}
			alarms[id] = true
			said, _ := r.Properties["AlarmDescription"].(string)
			if found := anchor.FindStringSubmatch(said); found == nil || !headings[found[1]] {
				t.Errorf("%s: %s leads to no heading of the runbooks: %s", doc.File, id, said)
			}
		}
	}
	for _, name := range regexp.MustCompile("`([A-Z][A-Za-z]+(?:Age|Depth|Missed|Failed|Failures|Errors|Late|Slow|Calls|Throttled|High|GivenUp))`").FindAllStringSubmatch(string(text), -1) {
		if !alarms[name[1]] {
			t.Errorf("the runbooks tell of an alarm %s, which is not there", name[1])
		}
	}
}

// TestStreamReadersLoseNothingSilently holds the readers of streams to partial
// failures, bounded retries and a queue for what they give up.
func TestStreamReadersLoseNothingSilently(t *testing.T) {
	stack, err := loadStack(root(t))
	if err != nil {
		t.Fatalf("templates:\n%v", err)
	}
	readers := map[string]int{}
	for _, f := range stack.Functions {
		for _, s := range f.Streams {
			readers[s.Table]++
			if !s.ReportBatchItemFailures || !s.Bisect {
				t.Errorf("%s: one bad record of %s fails its batch", f.Folder, s.Table)
			}
			if s.MaximumRetryAttempts < 0 || s.MaximumRecordAgeSeconds < 0 {
				t.Errorf("%s: a record of %s can block its shard for ever", f.Folder, s.Table)
			}
			if s.Destination == "" {
				t.Errorf("%s: what it gives up of %s is lost", f.Folder, s.Table)
			}
			if len(s.Filters) == 0 {
				t.Errorf("%s: reads %s without a filter on eventName", f.Folder, s.Table)
			}
		}
	}
	for table, n := range readers {
		if n > 2 {
			t.Errorf("%d functions read the stream of %s; a shard allows two", n, table)
		}
	}
}

// TestQueuesLoseNothingSilently holds the queues that functions take messages from to
// dead letters, time enough, partial failures and a bound on concurrency.
func TestQueuesLoseNothingSilently(t *testing.T) {
	stack, err := loadStack(root(t))
	if err != nil {
		t.Fatalf("templates:\n%v", err)
	}
	byName := map[string]template.Queue{}
	for _, q := range stack.Queues {
		byName[q.Name] = q
	}
	for _, f := range stack.Functions {
		for _, source := range f.Queues {
			q := byName[source.QueueName]
			if !source.ReportBatchItemFailures {
				t.Errorf("%s: one bad message of %s fails its batch", f.Folder, source.Queue)
			}
			if source.MaximumConcurrency == 0 {
				t.Errorf("%s: nothing bounds how many batches of %s are under way", f.Folder, source.Queue)
			}
			if q.Visibility < 6*f.Timeout {
				t.Errorf("%s: the visibility timeout of %s is %v, below six times the function's %v", f.Folder, source.Queue, q.Visibility, f.Timeout)
			}
			if q.DeadLetters == "" || q.MaxReceives < 3 || q.MaxReceives > 20 {
				t.Errorf("%s: a message of %s that fails is tried %d times and goes to %q", f.Folder, source.Queue, q.MaxReceives, q.DeadLetters)
			}
			if dead, _ := stack.Queue(q.DeadLetters); dead.Retention < 14*24*time.Hour {
				t.Errorf("%s: the dead letters of %s are kept %v", f.Folder, source.Queue, dead.Retention)
			}
		}
	}
}

// TestIssuersMustBeHTTPS tries the pattern that keeps a laptop's issuer out of a
// deployed stack.
func TestIssuersMustBeHTTPS(t *testing.T) {
	text, _ := templates(t)[0].Parameters["Issuers"]["AllowedPattern"].(string)
	pattern, err := regexp.Compile(text)
	if err != nil || text == "" {
		t.Fatalf("AllowedPattern %q: %v", text, err)
	}
	tests := []struct {
		name, give string
		want       bool
	}{
		{"one", `[{"issuer":"https://a.example","jwksUrl":"https://a.example/jwks"}]`, true},
		{"two", `[{"issuer":"https://a.example","jwksUrl":"https://a.example/jwks"},{"issuer":"https://b.example","jwksUrl":"https://b.example/jwks"}]`, true},
		{"none", `[]`, false},
		{"empty", ``, false},
		{"local issuer", `[{"issuer":"http://localhost:3000","jwksUrl":"http://localhost:3000/dev/jwks"}]`, false},
		{"https issuer with http keys", `[{"issuer":"https://a.example","jwksUrl":"http://a.example/jwks"}]`, false},
		{"a local issuer behind a good one", `[{"issuer":"https://a.example","jwksUrl":"https://a.example/jwks"},{"issuer":"http://localhost","jwksUrl":"http://localhost"}]`, false},
		{"other fields", `[{"issuer":"https://a.example","jwksUrl":"https://a.example/jwks","keys":"http://localhost"}]`, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := pattern.MatchString(tt.give); got != tt.want {
				t.Fatalf("matches %v, want %v: %s", got, tt.want, tt.give)
			}
		})
	}
}

// TestWorkosKeyMustBeGiven looks for the rule without which a deployed stack
// could not ask who its people are.
func TestWorkosKeyMustBeGiven(t *testing.T) {
	rule := fmt.Sprint(templates(t)[0].Rules["WorkosKeyIsGiven"])
	for _, want := range []string{"RuleCondition:map[!Not:[map[!Equals:[map[!Ref:Stage] local]]]]", "Assert:map[!Not:[map[!Equals:[map[!Ref:WorkosApiKeySecret] ]]]]"} {
		if !strings.Contains(rule, want) {
			t.Errorf("the rule is %s, want %s in it", rule, want)
		}
	}
}

func templates(t *testing.T) suite {
	t.Helper()
	all, err := documents(root(t))
	if err != nil {
		t.Fatal(err)
	}
	if len(all) < 2 {
		t.Fatalf("only %d templates were found", len(all))
	}
	return all
}
