package check

import (
	"fmt"
	"maps"
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

// TestPoliciesAreWrittenOut finds what the resolved policies would not show:
// SAM's policy templates, managed policies, and wildcards in roles.
func TestPoliciesAreWrittenOut(t *testing.T) {
	for _, doc := range templates(t) {
		for id, r := range doc.Resources {
			if r.Type == "AWS::Serverless::Function" {
				policies, _ := r.Properties["Policies"].([]any)
				for _, policy := range policies {
					if fields, ok := policy.(map[string]any); !ok || fields["Statement"] == nil {
						t.Errorf("%s: %s has the policy %v; write its statements out", doc.File, id, policy)
					}
				}
			}
			walk(r.Properties, id, func(at string, value any) {
				fields, _ := value.(map[string]any)
				if fields["Effect"] == "Deny" {
					return // it grants nothing
				}
				for _, action := range texts(fields["Action"]) {
					if strings.Contains(action, "*") {
						t.Errorf("%s: %s grants %s", doc.File, at, action)
					}
				}
				if fields["Action"] != nil && slices.Contains(texts(fields["Resource"]), "*") {
					t.Errorf("%s: %s grants something on everything", doc.File, at)
				}
			})
		}
	}
}

// TestFunctionsAreWatched holds every function to an alarm that rolls its
// deployment back, and to what a deployment needs.
func TestFunctionsAreWatched(t *testing.T) {
	for _, doc := range templates(t) {
		globals := doc.Globals["Function"]
		for id, r := range doc.Resources {
			if r.Type != "AWS::Serverless::Function" {
				continue
			}
			if r.Metadata["BuildMethod"] != "go1.x" {
				t.Errorf("%s: %s has no Metadata {BuildMethod: go1.x}", doc.File, id)
			}
			if r.Properties["AutoPublishAliasAllProperties"] != "true" {
				t.Errorf("%s: %s lacks AutoPublishAliasAllProperties: a change of its environment alone would not be published", doc.File, id)
			}
			preference, _ := globals["DeploymentPreference"].(map[string]any)
			if kind, _ := preference["Type"].(string); !strings.HasPrefix(kind, "Canary") {
				t.Errorf("%s: its functions are not deployed as canaries", doc.File)
			}
			own, _ := r.Properties["DeploymentPreference"].(map[string]any)
			if !slices.ContainsFunc(refs(own["Alarms"]), func(alarm string) bool {
				return slices.Contains(refs(doc.Resources[alarm].Properties["Metrics"]), id)
			}) {
				t.Errorf("%s: no alarm on the failures of %s rolls its deployment back", doc.File, id)
			}
		}
		for id, r := range doc.Resources {
			if r.Type == "AWS::CloudWatch::Alarm" && len(refs(r.Properties["AlarmActions"])) == 0 {
				t.Errorf("%s: nobody hears the alarm %s", doc.File, id)
			}
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
	for _, doc := range templates(t) {
		for id, r := range doc.Resources {
			if r.Type == "AWS::Serverless::Function" && triggeredBy(r, "DynamoDB") && !alarmed(doc, "IteratorAge", id) {
				t.Errorf("%s: nobody hears when %s is behind its stream", doc.File, id)
			}
		}
	}
}

// TestQueuesLoseNothingSilently holds queues to encryption, and those that
// functions take messages from to dead letters, time enough, partial failures and
// a bound on concurrency; somebody must hear of dead letters, and of a queue that
// isn't emptied.
func TestQueuesLoseNothingSilently(t *testing.T) {
	stack, err := loadStack(root(t))
	if err != nil {
		t.Fatalf("templates:\n%v", err)
	}
	taken := map[string]bool{}
	byName := map[string]template.Queue{}
	for _, q := range stack.Queues {
		byName[q.Name] = q
	}
	for _, f := range stack.Functions {
		for _, source := range f.Queues {
			taken[source.Queue] = true
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
	for _, doc := range templates(t) {
		for id, r := range doc.Resources {
			if r.Type != "AWS::SQS::Queue" {
				continue
			}
			if r.Properties["SqsManagedSseEnabled"] != "true" {
				t.Errorf("%s: %s is not encrypted", doc.File, id)
			}
			watched := "ApproximateNumberOfMessagesVisible"
			if taken[id] {
				watched = "ApproximateAgeOfOldestMessage"
			}
			if !alarmed(doc, watched, id) {
				t.Errorf("%s: nobody hears when something lies in %s", doc.File, id)
			}
		}
	}
}

// TestSchedulesAreWatched holds scheduled functions to an alarm on runs that were
// missed, and to a bound on what is tried again.
func TestSchedulesAreWatched(t *testing.T) {
	for _, doc := range templates(t) {
		for id, r := range doc.Resources {
			if r.Type != "AWS::Serverless::Function" || !triggeredBy(r, "ScheduleV2") {
				continue
			}
			if !alarmed(doc, "Invocations", id) {
				t.Errorf("%s: nobody hears when %s is not run", doc.File, id)
			}
			if r.Properties["EventInvokeConfig"] == nil {
				t.Errorf("%s: %s does not say how often a failed run is tried again", doc.File, id)
			}
		}
	}
}

// triggeredBy tells whether a function has an event of a type.
func triggeredBy(r resource, kind string) bool {
	for _, event := range mappings(r.Properties["Events"]) {
		if event["Type"] == kind {
			return true
		}
	}
	return false
}

// alarmed tells whether an alarm on a metric has a dimension of a resource.
func alarmed(doc document, metric, id string) bool {
	for _, r := range doc.Resources {
		if r.Type != "AWS::CloudWatch::Alarm" || r.Properties["MetricName"] != metric {
			continue
		}
		found := slices.Contains(refs(r.Properties["Dimensions"]), id)
		walk(r.Properties["Dimensions"], "", func(_ string, value any) {
			if fields, ok := value.(map[string]any); ok {
				if attribute, ok := fields["!GetAtt"].(string); ok && strings.HasPrefix(attribute, id+".") {
					found = true
				}
			}
		})
		if found {
			return true
		}
	}
	return false
}

// TestTablesAreKept holds every table to backups, encryption, TTL and survival
// of its stack.
func TestTablesAreKept(t *testing.T) {
	var tables []string
	for _, doc := range templates(t) {
		for id, r := range doc.Resources {
			if r.Type != "AWS::DynamoDB::Table" {
				continue
			}
			tables = append(tables, id)
			if r.DeletionPolicy != "Retain" || r.UpdateReplacePolicy != "Retain" {
				t.Errorf("%s: %s would go with its stack", doc.File, id)
			}
			for property, want := range map[string]string{
				"TimeToLiveSpecification": "ttl", "PointInTimeRecoverySpecification": "true", "SSESpecification": "true",
			} {
				fields, _ := r.Properties[property].(map[string]any)
				if !slices.Contains(slices.Collect(maps.Values(fields)), any(want)) {
					t.Errorf("%s: %s has no %s", doc.File, id, property)
				}
			}
		}
	}
	slices.Sort(tables)
	if want := []string{"Audit", "Control", "Data", "Log", "Realtime"}; !slices.Equal(tables, want) {
		t.Errorf("tables %s, want %s", tables, want)
	}
}

// TestBucketsAreClosed holds every bucket to encryption, to being nobody's but its
// functions', to TLS, to a life for what was left unfinished, and to surviving its
// stack.
func TestBucketsAreClosed(t *testing.T) {
	buckets := 0
	for _, doc := range templates(t) {
		for id, r := range doc.Resources {
			if r.Type != "AWS::S3::Bucket" {
				continue
			}
			buckets++
			if r.DeletionPolicy != "Retain" || r.UpdateReplacePolicy != "Retain" {
				t.Errorf("%s: %s would go with its stack", doc.File, id)
			}
			block, _ := r.Properties["PublicAccessBlockConfiguration"].(map[string]any)
			for _, what := range []string{"BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls", "RestrictPublicBuckets"} {
				if block[what] != "true" {
					t.Errorf("%s: %s lacks %s", doc.File, id, what)
				}
			}
			for property, want := range map[string]string{
				"BucketEncryption": "SSEAlgorithm", "LifecycleConfiguration": "AbortIncompleteMultipartUpload", "OwnershipControls": "BucketOwnerEnforced",
			} {
				if !strings.Contains(fmt.Sprint(r.Properties[property]), want) {
					t.Errorf("%s: %s has no %s with %s", doc.File, id, property, want)
				}
			}
			if !slices.ContainsFunc(slices.Collect(maps.Values(doc.Resources)), func(policy resource) bool {
				text := fmt.Sprint(policy.Properties["PolicyDocument"])
				return policy.Type == "AWS::S3::BucketPolicy" && slices.Contains(refs(policy.Properties["Bucket"]), id) &&
					strings.Contains(text, "Effect:Deny") && strings.Contains(text, "aws:SecureTransport:false")
			}) {
				t.Errorf("%s: %s takes requests without TLS", doc.File, id)
			}
		}
	}
	if buckets != 1 {
		t.Errorf("%d buckets, want one", buckets)
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

func templates(t *testing.T) []document {
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
