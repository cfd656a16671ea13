package artifacts

import (
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"
	"gopkg.in/yaml.v3"

	"github.com/rapport/rapport/shared/core/endpoint"
)

const rootTemplate = `Parameters:
  Issuers: {Type: String}
  OperatorOrgId: {Type: String}
  ModelKeySecret: {Type: String}
  WorkosApiKeySecret: {Type: String}
Resources:
  HttpApi:
    Properties:
      DefinitionBody:
        paths:
          # codegen: routes begin. From the declarations.
          /stale: {}
          # codegen: routes end.
  WsApi:
    Properties:
      Routes:
        # codegen: socket routes begin.
        # codegen: socket routes end.
  # codegen: stacks begin.
  # codegen: stacks end.
`

const listed = `package meetings

func Functions() {
	Domain(map[string]any{"listparticipants": ListParticipants, "update": Update, "tell": Tell, "read": Read, "tidy": Tidy, "say": Say})
}
`

const watchedFile = `journeys:
  - {name: api, title: API, promise: It answers., objective: 99.9, minimum: 100, http: true, runbook: api}
  - {name: join, title: Join, promise: One gets in., objective: 99, minimum: 10, runbook: join}
`

func tree(change map[string]string) fstest.MapFS {
	files := fstest.MapFS{}
	for name, text := range map[string]string{
		Template: rootTemplate, "functions/meetings/functions.go": listed, Journeys: watchedFile,
		"infra/stacks/extra/state.yaml": "# by hand\n\nParameters:\n  DataTable: {}\n\nConditions:\n  OwnsData: {}\n\nResources:\n  Data: {}\n\nOutputs:\n  DataTable: {}\n",
	} {
		files[name] = &fstest.MapFile{Data: []byte(text)}
	}
	for name, text := range change {
		files[name] = &fstest.MapFile{Data: []byte(text)}
	}
	return files
}

func unit(name string, trigger endpoint.Trigger, class endpoint.Class, route string, options ...endpoint.Option) endpoint.FunctionSpec {
	d := endpoint.Declaration{Trigger: trigger, Class: class, Route: route}
	for _, option := range options {
		option(&d)
	}
	return endpoint.FunctionSpec{Name: name, Declaration: d}
}

func made(t *testing.T, files fstest.MapFS, specs ...endpoint.FunctionSpec) map[string]string {
	t.Helper()
	all, err := templates(files, specs)
	if err != nil {
		t.Fatal(err)
	}
	texts := map[string]string{}
	for _, artifact := range all {
		texts[artifact.Path] = string(artifact.Content)
	}
	return texts
}

// TestRoutes writes routes and stacks between the marks, and the same again.
func TestRoutes(t *testing.T) {
	specs := []endpoint.FunctionSpec{
		unit("meetings/update", endpoint.TriggerHTTP, endpoint.Public, "PATCH /v1/meetings/{meetingId}"),
		unit("meetings/listparticipants", endpoint.TriggerHTTP, endpoint.Public, "GET /v1/meetings/{meetingId}"),
		unit("meetings/say", endpoint.TriggerSocket, endpoint.Users, "say"),
	}
	const integration = `              parameters:
                - {name: meetingId, in: path, required: true, schema: {type: string}}
              responses: {}
              x-amazon-apigateway-integration:
                type: aws_proxy
                httpMethod: POST
                payloadFormatVersion: "2.0"
                credentials: !GetAtt MeetingsStack.Outputs.InvokeRoleArn
                uri: !GetAtt MeetingsStack.Outputs.`
	want := `          # codegen: routes begin. From the declarations.
          /v1/meetings/{meetingId}:
            get: # meetings/listparticipants
` + integration + `ListParticipantsUri
            patch: # meetings/update
` + integration + `UpdateUri
          # codegen: routes end.
  WsApi:
    Properties:
      Routes:
        # codegen: socket routes begin.
        say: {FunctionArn: !GetAtt MeetingsStack.Outputs.SayArn}
        # codegen: socket routes end.
  # codegen: stacks begin.
  StateStack:
`
	got := made(t, tree(nil), specs...)[Template]
	_, routes, _ := strings.Cut(got, "        paths:\n")
	if diff := cmp.Diff(want, routes[:min(len(want), len(routes))]); diff != "" {
		t.Fatalf("template (-want +got):\n%s", diff)
	}
	if again := made(t, tree(map[string]string{Template: got}), specs...)[Template]; again != got {
		t.Fatalf("writing it again changes it:\n%s", cmp.Diff(got, again))
	}
}

// TestDomain looks at what the declarations of each trigger become.
func TestDomain(t *testing.T) {
	texts := made(t, tree(nil),
		unit("meetings/update", endpoint.TriggerHTTP, endpoint.Admins, "PATCH /v1/x", endpoint.Sends("Tales"), endpoint.Delivers(), endpoint.Serves("join")),
		unit("meetings/tell", endpoint.TriggerQueue, endpoint.Internal, "Tales", endpoint.Timeout(5*time.Second),
			endpoint.Takes(endpoint.Messages{Kept: time.Hour, Concurrency: 7}), endpoint.Lag(time.Minute)),
		unit("meetings/read", endpoint.TriggerStream, endpoint.Internal, "Data", endpoint.Lag(2*time.Second),
			endpoint.From(endpoint.Source{Table: endpoint.Data, BatchSize: 9, Parallel: 2, Filters: []string{`{"a":[]}`}})),
		unit("meetings/tidy", endpoint.TriggerSchedule, endpoint.Internal, "rate(2 hours)", endpoint.ReadsIndex(endpoint.Data, "GSI1"),
			endpoint.Asks(endpoint.Blobs("exports", "s3:PutObject")),
			endpoint.Asks(endpoint.Service{Name: "Model", Variables: map[string]string{"MODEL_SECRET": "!Ref ModelKeySecret"}})),
	)
	for file, wants := range map[string][]string{
		"infra/stacks/meetings.yaml": {
			"{Sid: Data, Effect: Allow, Resource: !Ref DataTableArn, Action: [dynamodb:BatchGetItem, dynamodb:PutItem]}",
			"{Sid: Control, Effect: Allow, Resource: !Ref ControlTableArn, Action: [dynamodb:GetItem, dynamodb:BatchGetItem, dynamodb:PutItem, dynamodb:UpdateItem]}",
			"{Sid: Audit, Effect: Allow, Resource: !Ref AuditTableArn, Action: [dynamodb:PutItem]}",
			"{Sid: Realtime, Effect: Allow, Resource: !Ref RealtimeTableArn, Action: [dynamodb:Query, dynamodb:UpdateItem, dynamodb:DeleteItem]}",
			"{Sid: Sockets, Effect: Allow, Resource: !Ref ConnectionsArn, Action: [execute-api:ManageConnections]}",
			"{Sid: Tales, Effect: Allow, Resource: !Ref TalesArn, Action: [sqs:SendMessage]}",
			"TALES_QUEUE_URL: !Ref TalesUrl",
			"OPERATOR_ORG_ID: !Ref OperatorOrgId",
			"WORKOS_API_KEY_SECRET_ID: !Ref WorkosApiKeySecret",
			`{Sid: WorkosApiKeySecret, Effect: Allow, Resource: [!Sub "arn:${AWS::Partition}:secretsmanager:${AWS::Region}:${AWS::AccountId}:secret:${WorkosApiKeySecret}-??????"], Action: [secretsmanager:GetSecretValue]}`,
			"ScalingConfig: {MaximumConcurrency: 7}",
			"OnFailure: {Type: SQS, Destination: !Ref ReadDlqArn}",
			`{Sid: DataIndex, Effect: Allow, Resource: !Sub "${DataTableArn}/index/GSI1", Action: [dynamodb:Query]}`,
			"Threshold: 2000 # milliseconds", "Threshold: 60 # seconds",
			`{Sid: Blobs, Effect: Allow, Resource: [!Sub "${BlobsArn}/exports/*"], Action: [s3:PutObject]}`,
			"BLOBS_BUCKET: !Ref BlobsBucket", "MODEL_SECRET: !Ref ModelKeySecret", "  ModelKeySecret: {Type: String}",
			"Period: 7200\n      EvaluationPeriods: 3",
		},
		"infra/stacks/state.yaml": {
			"MessageRetentionPeriod: 3600\n      VisibilityTimeout: 30",
			"{deadLetterTargetArn: !GetAtt TalesDlq.Arn, maxReceiveCount: 5}",
			"  ReadDlqArn:\n    Value: !GetAtt ReadDlq.Arn",
		},
		Template: {
			"        ModelKeySecret: !Ref ModelKeySecret",
			"        TalesUrl: !GetAtt StateStack.Outputs.TalesUrl",
			"        ConnectionsArn: !Sub arn:${AWS::Partition}:execute-api:${AWS::Region}:${AWS::AccountId}:${WsApi}/ws/POST/@connections/*",
		},
		"infra/stacks/alarms.yaml": {"JoinFast:", `{Name: Journey, Value: join}`},
		Objectives:                 {"| **Join** | One gets in. | 99% |", "No function names these yet, so nothing watches them: API."},
	} {
		for _, want := range wants {
			if !strings.Contains(texts[file], want) {
				t.Errorf("%s lacks %q", file, want)
			}
		}
	}
	for file, text := range texts {
		if strings.HasSuffix(file, ".yaml") {
			if err := yaml.Unmarshal([]byte(text), &yaml.Node{}); err != nil {
				t.Errorf("%s: %v", file, err)
			}
		}
	}
	if strings.Contains(texts["infra/stacks/alarms.yaml"], "Api") {
		t.Error("a journey that no function names has alarms")
	}
}

// TestExtra includes what is written by hand, and gives the stack its parameters.
func TestExtra(t *testing.T) {
	texts := made(t, tree(map[string]string{
		"infra/stacks/extra/meetings.yaml": "Resources:\n  Extra: {Name: !Ref BlobsBucket}\n\nOutputs:\n  ExtraName: {}\n",
	}), unit("meetings/say", endpoint.TriggerSocket, endpoint.Users, "say", endpoint.Serves("join")))
	got := texts["infra/stacks/meetings.yaml"]
	for _, want := range []string{"  Extra: {Name: !Ref BlobsBucket}\n", "  ExtraName: {}\n", "  BlobsBucket: {Type: String}\n", "and infra/stacks/extra/meetings.yaml"} {
		if !strings.Contains(got, want) {
			t.Errorf("the stack lacks %q", want)
		}
	}
	if want := "        BlobsBucket: !GetAtt StateStack.Outputs.BlobsBucket\n"; !strings.Contains(texts[Template], want) {
		t.Errorf("the root lacks %q", want)
	}
}

func TestTemplatesRefuse(t *testing.T) {
	update := unit("meetings/update", endpoint.TriggerHTTP, endpoint.Public, "PATCH /v1/x")
	tests := []struct {
		name, want string
		change     map[string]string
		give       endpoint.FunctionSpec
	}{
		{"a function that is not listed", "meetings/start: Functions of", nil, unit("meetings/start", endpoint.TriggerHTTP, endpoint.Public, "POST /v1/x")},
		{"no marks", "must stand in it", map[string]string{Template: "Resources: {}\n"}, update},
		{"a journey that is not there", `no journey "lost"`, nil, unit("meetings/update", endpoint.TriggerSocket, endpoint.Users, "x", endpoint.Serves("lost"))},
		{"a severity that is not known", `severity of X is "shout"`, map[string]string{Journeys: watchedFile + "signals: [{id: X, severity: shout}]\n"}, update},
		{"a field of a journey that is not known", "field goal not found", map[string]string{Journeys: "journeys: [{name: api, goal: 1}]\n"}, update},
		{"another section by hand", `section "Globals" has no place`, map[string]string{"infra/stacks/extra/meetings.yaml": "Globals:\n  x: y\n"}, update},
		{"a stream without sources", "its sources are of", nil, unit("meetings/read", endpoint.TriggerStream, endpoint.Internal, "Data", endpoint.Lag(time.Second))},
		{"a stream without a filter", "a filter", nil, unit("meetings/read", endpoint.TriggerStream, endpoint.Internal, "Data", endpoint.Lag(time.Second),
			endpoint.From(endpoint.Source{Table: endpoint.Data, BatchSize: 1, Parallel: 1}))},
		{"a queue without bounds", "how long messages are kept", nil, unit("meetings/tell", endpoint.TriggerQueue, endpoint.Internal, "Tales", endpoint.Lag(time.Second))},
		{"a queue without a lag", "how far behind", nil, unit("meetings/tell", endpoint.TriggerQueue, endpoint.Internal, "Tales")},
		{"a rate of weeks", "schedule rate(2 weeks)", nil, unit("meetings/tidy", endpoint.TriggerSchedule, endpoint.Internal, "rate(2 weeks)")},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := templates(tree(tt.change), []endpoint.FunctionSpec{tt.give})
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Fatalf("got %v, want an error with %q", err, tt.want)
			}
		})
	}
}
