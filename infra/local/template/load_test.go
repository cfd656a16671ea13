package template

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

const app = "testdata/app/template.yaml"

func load(t *testing.T, params map[string]string) *Stack {
	t.Helper()
	stack, err := Load(app, params)
	if err != nil {
		t.Fatal(err)
	}
	return stack
}

func TestFunctions(t *testing.T) {
	seven := 7
	want := []Function{
		{
			LogicalID: "StartFunction", Stack: "rapport-MeetingsStack", Folder: "meetings/start",
			Name: "rapport-MeetingsStack-StartFunction",
			ARN:  "arn:aws:lambda:us-east-1:000000000000:function:rapport-MeetingsStack-StartFunction",
			Env:  map[string]string{"STAGE": "dev"}, Timeout: 3 * time.Second, MemoryMB: 128,
			Policies: []Statement{
				{
					Effect:   "Allow",
					Action:   []string{"dynamodb:GetItem", "dynamodb:Scan", "dynamodb:Query", "dynamodb:BatchGetItem", "dynamodb:DescribeTable"},
					Resource: []string{"arn:aws:dynamodb:us-east-1:000000000000:table/rapport-Data", "arn:aws:dynamodb:us-east-1:000000000000:table/rapport-Data/index/*"},
				},
				{
					Effect: "Allow", Action: []string{"sqs:SendMessage*"},
					Resource: []string{"arn:aws:sqs:us-east-1:000000000000:rapport-MeetingsStack-FanoutDlq"},
				},
				{
					Effect: "Allow", Action: []string{"execute-api:ManageConnections"},
					Resource:  []string{"arn:aws:execute-api:us-east-1:000000000000:wsapi/ws/*/@connections/*"},
					Condition: map[string]map[string][]string{"ForAllValues:StringLike": {"dynamodb:LeadingKeys": {"meeting#*"}}},
				},
			},
		},
		{
			LogicalID: "FanoutFunction", Stack: "rapport-MeetingsStack", Folder: "realtime/fanout",
			Name:    "rapport-MeetingsStack-FanoutFunction",
			ARN:     "arn:aws:lambda:us-east-1:000000000000:function:rapport-MeetingsStack-FanoutFunction",
			Env:     map[string]string{"STAGE": "dev", "WS_ENDPOINT": "https://wsapi.execute-api.us-east-1.amazonaws.com/ws"},
			Timeout: 3 * time.Second, MemoryMB: 128,
			Streams: []EventSource{{
				Name: "Stream", Table: "Data", TableName: "rapport-Data", StartingPosition: "LATEST", BatchSize: 10,
				Window: 2 * time.Second, Filters: []string{`{"eventName":["INSERT"]}`}, MaximumRetryAttempts: 5,
				MaximumRecordAgeSeconds: 300, Bisect: true, ReportBatchItemFailures: true, ParallelizationFactor: 1,
				Destination: "arn:aws:sqs:us-east-1:000000000000:rapport-MeetingsStack-FanoutDlq",
			}},
		},
		{
			LogicalID: "HealthFunction", Stack: "rapport", Folder: "system/health", Name: "rapport-HealthFunction",
			ARN: "arn:aws:lambda:us-east-1:000000000000:function:rapport-HealthFunction",
			Env: map[string]string{
				"DATA_TABLE": "rapport-Data", "STAGE": "either", "JOINED": "us-east-1-y",
				"SUB":  "hello rapport-Data arn:aws:dynamodb:us-east-1:000000000000:table/rapport-Data ${Kept}",
				"LONG": "000000000000", "NUMBER": "3", "TRUTH": "true",
			},
			Timeout: 5 * time.Second, MemoryMB: 256, Reserved: &seven,
		},
		{
			LogicalID: "NotFoundFunction", Stack: "rapport", Folder: "system/notfound", Name: "rapport-NotFoundFunction",
			ARN: "arn:aws:lambda:us-east-1:000000000000:function:rapport-NotFoundFunction",
			Env: map[string]string{"STAGE": "dev", "DATA_TABLE": "rapport-Data"}, Timeout: 10 * time.Second, MemoryMB: 256,
		},
	}
	if diff := cmp.Diff(want, load(t, nil).Functions); diff != "" {
		t.Error(diff)
	}
}

func TestRoutesAndAPIs(t *testing.T) {
	stack := load(t, nil)
	wantRoutes := []Route{
		{Method: "POST", Path: "/v1/meetings/{meetingId}/start", Folder: "meetings/start", Timeout: 10 * time.Second},
		{Path: DefaultRoute, Folder: "system/notfound"},
		{Method: "GET", Path: "/healthz", Folder: "system/health"},
	}
	if diff := cmp.Diff(wantRoutes, stack.Routes); diff != "" {
		t.Error(diff)
	}
	wantSockets := []SocketRoute{{Key: "$connect", Folder: "system/health"}, {Key: "edit", Folder: "meetings/start"}}
	if diff := cmp.Diff(wantSockets, stack.SocketRoutes); diff != "" {
		t.Error(diff)
	}
	wantHTTP := &API{
		LogicalID: "HttpApi", ID: "httpapi", Stage: "$default", Host: "httpapi.execute-api.us-east-1.amazonaws.com",
		Rate: 99.5, Burst: 50,
		Cors: &Cors{AllowOrigins: []string{"https://a.example", "https://b.example"}, AllowMethods: []string{"GET", "POST"}, MaxAge: 10 * time.Minute},
	}
	if diff := cmp.Diff(wantHTTP, stack.HTTP); diff != "" {
		t.Error(diff)
	}
	if got := stack.Socket.URL("wss"); got != "wss://wsapi.execute-api.us-east-1.amazonaws.com/ws" {
		t.Error(got)
	}
	stack.Rewrite(stack.Socket.URL("https"), "http://localhost:3001")
	if f, _ := stack.Function("realtime/fanout"); f.Env["WS_ENDPOINT"] != "http://localhost:3001" {
		t.Errorf("rewritten: %v", f.Env)
	}
	if diff := cmp.Diff(map[string]string{"HttpUrl": "https://httpapi.execute-api.us-east-1.amazonaws.com"}, stack.Outputs); diff != "" {
		t.Error(diff)
	}
	if len(stack.Files) != 2 || filepath.Base(stack.Files[0]) != "template.yaml" {
		t.Errorf("files: %v", stack.Files)
	}
}

func TestTables(t *testing.T) {
	keys := func(hash, sort string) []types.KeySchemaElement {
		return []types.KeySchemaElement{
			{AttributeName: &hash, KeyType: types.KeyTypeHash}, {AttributeName: &sort, KeyType: types.KeyTypeRange},
		}
	}
	var attributes []types.AttributeDefinition
	for _, name := range []string{"PK", "SK", "GSI1PK", "GSI1SK"} {
		attributes = append(attributes, types.AttributeDefinition{AttributeName: aws.String(name), AttributeType: "S"})
	}
	want := []Table{{LogicalID: "Data", Name: "rapport-Data", TTL: "ttl", Create: &dynamodb.CreateTableInput{
		TableName: aws.String("rapport-Data"), BillingMode: "PAY_PER_REQUEST", KeySchema: keys("PK", "SK"),
		AttributeDefinitions: attributes,
		GlobalSecondaryIndexes: []types.GlobalSecondaryIndex{{
			IndexName: aws.String("GSI1"), KeySchema: keys("GSI1PK", "GSI1SK"), Projection: &types.Projection{ProjectionType: "ALL"},
		}},
		StreamSpecification: &types.StreamSpecification{StreamEnabled: aws.Bool(true), StreamViewType: "NEW_AND_OLD_IMAGES"},
	}}}
	ignore := cmpopts.IgnoreUnexported(dynamodb.CreateTableInput{}, types.KeySchemaElement{}, types.AttributeDefinition{},
		types.GlobalSecondaryIndex{}, types.Projection{}, types.StreamSpecification{})
	if diff := cmp.Diff(want, load(t, nil).Tables, ignore); diff != "" {
		t.Error(diff)
	}
}

func TestParametersDecide(t *testing.T) {
	stack := load(t, map[string]string{"AlarmEmail": "ops@example.com", "AWS::StackName": "other", "AWS::Region": "eu-west-1"})
	health, _ := stack.Function("system/health")
	if health.Env["STAGE"] != "both" || health.Env["NOTHING"] != "ops@example.com" || health.Env["JOINED"] != "eu-west-1-y" {
		t.Errorf("environment: %v", health.Env)
	}
	if health.Env["DATA_TABLE"] != "other-Data" || stack.Outputs["Email"] != "ops@example.com" {
		t.Errorf("%v, %v", health.Env, stack.Outputs)
	}
}

// TestNotUnderstood changes one text of a good template at a time: each error
// must say file and place, and what is wrong there.
func TestNotUnderstood(t *testing.T) {
	const root, nested = "template.yaml", "infra/stacks/meetings.yaml"
	tests := []struct {
		name, file, old, replacement string
		params                       map[string]string
		want                         []string
	}{
		{name: "resource type", file: root, old: "AWS::Logs::LogGroup", replacement: "AWS::Logs::Nothing",
			want: []string{"template.yaml", "LogGroup.Type", `"AWS::Logs::Nothing" is not understood`}},
		{name: "function property", file: root, old: "ReservedConcurrentExecutions: 7", replacement: "VpcConfig: {}",
			want: []string{"template.yaml", "HealthFunction.Properties.VpcConfig", "not understood"}},
		{name: "event property", file: nested, old: "BatchSize: 10", replacement: "TumblingWindowInSeconds: 10",
			want: []string{nested, "FanoutFunction.Properties.Events.Stream.Properties.TumblingWindowInSeconds", "not understood"}},
		{name: "event type", file: nested, old: "Type: DynamoDB\n", replacement: "Type: Kinesis\n",
			want: []string{nested, "FanoutFunction.Properties.Events.Stream.Type", `"Kinesis" is not understood`}},
		{name: "intrinsic function", file: root, old: "STAGE: !Ref Stage\n        DATA", replacement: "STAGE: !ImportValue x\n        DATA",
			want: []string{"template.yaml", "NotFoundFunction.Properties.Environment.Variables.STAGE", "Fn::ImportValue is not understood"}},
		{name: "unknown reference", file: nested, old: "!Ref SocketEndpoint", replacement: "!Ref Nobody",
			want: []string{nested, "FanoutFunction.Properties.Environment.Variables.WS_ENDPOINT", `"Nobody" is neither`}},
		{name: "attribute", file: root, old: "${Data.Arn}", replacement: "${Data.Colour}",
			want: []string{"HealthFunction.Properties.Environment.Variables.SUB", `attribute "Colour" of Data`}},
		{name: "output", file: root, old: "Outputs.StartArn", replacement: "Outputs.EndArn",
			want: []string{"WsApi.Properties.Routes.edit.FunctionArn", `infra/stacks/meetings.yaml has no output "EndArn"`}},
		{name: "policy template", file: nested, old: "DynamoDBReadPolicy", replacement: "DynamoDBAllPolicy",
			want: []string{nested, "StartFunction.Properties.Policies[0].DynamoDBAllPolicy", "not understood"}},
		{name: "parameter missing", file: root, old: "        SocketApi: !Ref WsApi\n", replacement: "",
			want: []string{nested, "Parameters.SocketApi", "no value and no default"}},
		{name: "parameter too many", file: nested, old: "  SocketApi: {Type: String}\n", replacement: "",
			want: []string{"template.yaml", "MeetingsStack.Properties.Parameters.SocketApi", "no parameter"}},
		{name: "parameter pattern", file: root, params: map[string]string{"Stage": "Dev!"},
			want: []string{"template.yaml", "Parameters.Stage", "does not match"}},
		{name: "parameter unknown", file: root, params: map[string]string{"Colour": "red"},
			want: []string{"template.yaml", `no parameter "Colour"`}},
		{name: "route twice", file: root, old: "Path: /healthz, Method: get", replacement: "Path: \"/v1/meetings/{meetingId}/start\", Method: post",
			want: []string{"stands twice"}},
		{name: "folder outside", file: root, old: "functions/system/health/", replacement: "elsewhere/health/",
			want: []string{"HealthFunction.Properties.CodeUri", "not a folder below functions/"}},
		{name: "number", file: root, old: "Timeout: 5", replacement: "Timeout: soon",
			want: []string{"HealthFunction.Properties.Timeout", "whole number"}},
		{name: "bounds", file: root, old: "Timeout: 5", replacement: "Timeout: 901",
			want: []string{"HealthFunction.Properties.Timeout", "must be 1 to 900"}},
		{name: "key twice", file: root, old: "NUMBER: 3", replacement: "LONG: 3",
			want: []string{"HealthFunction.Properties.Environment.Variables", `"LONG" stands twice`}},
		{name: "integration", file: nested, old: "/invocations", replacement: "",
			want: []string{"HttpApi.Properties.DefinitionBody.paths./v1/meetings/{meetingId}/start.post", "not a Lambda invocation URI"}},
		{name: "secret", file: root, old: "NUMBER: 3", replacement: `NUMBER: "{{resolve:ssm:/x}}"`,
			want: []string{"HealthFunction.Properties.Environment.Variables.NUMBER", "dynamic references"}},
		{name: "condition on itself", file: root, old: "IsDev: !Equals [!Ref Stage, dev]", replacement: "IsDev: !Not [!Condition IsDev]",
			want: []string{"depends on itself"}},
		{name: "absent resource", file: root, old: "NUMBER: 3", replacement: "NUMBER: !Ref Subscription",
			want: []string{"Subscription does not exist", "HasEmail"}},
		{name: "section", file: root, old: "Mappings:", replacement: "Hooks: {}\nMappings:",
			want: []string{"template.yaml", "Hooks", "not understood"}},
		{name: "stacks that wait for each other", file: root, old: "SocketApi: !Ref WsApi", replacement: "SocketApi: !GetAtt MeetingsStack.Outputs.Start",
			want: []string{"MeetingsStack", "depends on itself"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			dir := t.TempDir()
			if err := os.CopyFS(dir, os.DirFS("testdata/app")); err != nil {
				t.Fatal(err)
			}
			path := filepath.Join(dir, filepath.FromSlash(test.file))
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if !strings.Contains(string(text), test.old) {
				t.Fatalf("%q is not in %s", test.old, test.file)
			}
			changed := strings.Replace(string(text), test.old, test.replacement, 1)
			if err := os.WriteFile(path, []byte(changed), 0o600); err != nil {
				t.Fatal(err)
			}
			_, err = Load(filepath.Join(dir, root), test.params)
			if err == nil {
				t.Fatal("loaded without an error")
			}
			for _, want := range test.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("error %q\nlacks %q", err, want)
				}
			}
		})
	}
}
