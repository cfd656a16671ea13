package runner

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/smithy-go"

	"github.com/rapport/rapport/infra/local/template"
	"github.com/rapport/rapport/shared/core/config"
	"github.com/rapport/rapport/shared/core/endpoint"
	"github.com/rapport/rapport/shared/core/realtime/apigateway"
	"github.com/rapport/rapport/shared/core/table"
)

// reading is the folder of a function that tries what its event's query names.
const reading = "notes/get"

// tried is what came of it: empty, or the error's code and message.
type tried struct{ Code, Message string }

// trying opens a function that makes real calls with its own environment.
func trying(r *Runner, env config.Env) (lambda.Handler, error) {
	tables, err := config.Parse[table.ClientConfig](env)
	if err != nil {
		return nil, err
	}
	tables.HTTP = r.proxy.Tables()
	posts, err := config.Parse[apigateway.Config](env)
	if err != nil {
		return nil, err
	}
	client, poster := table.NewClient(tables), apigateway.New(posts)
	key := map[string]types.AttributeValue{"PK": &types.AttributeValueMemberS{Value: "a"}, "SK": &types.AttributeValueMemberS{Value: "a"}}
	return handlerFunc(func(ctx context.Context, payload []byte) ([]byte, error) {
		var event events.APIGatewayV2HTTPRequest
		if err := json.Unmarshal(payload, &event); err != nil {
			return nil, err
		}
		name := env["LOG_TABLE"]
		switch event.RawQueryString {
		case "get":
			_, err = client.GetItem(ctx, &dynamodb.GetItemInput{TableName: &name, Key: key})
		case "put":
			_, err = client.PutItem(ctx, &dynamodb.PutItemInput{TableName: &name, Item: key})
		case "transact":
			_, err = client.TransactGetItems(ctx, &dynamodb.TransactGetItemsInput{TransactItems: []types.TransactGetItem{
				{Get: &types.Get{TableName: &name, Key: key}}, {Get: &types.Get{TableName: new(env["AUDIT_TABLE"]), Key: key}},
			}})
		case "post":
			err = poster.Post(ctx, "nobody=", []byte("{}"))
		}
		var reported tried
		if failed, ok := errors.AsType[smithy.APIError](err); ok {
			reported = tried{failed.ErrorCode(), failed.ErrorMessage()}
		} else if err != nil {
			return nil, err
		}
		body, err := json.Marshal(reported)
		if err != nil {
			return nil, err
		}
		return json.Marshal(events.APIGatewayV2HTTPResponse{StatusCode: 200, Body: string(body)})
	}), nil
}

func TestFunctionsMayDoWhatTheirPoliciesGrant(t *testing.T) {
	var name string
	var r *Runner
	r = start(t, func(c *Config) {
		for i := range c.Functions {
			if c.Functions[i].Name == reading {
				c.Functions[i].Open = func(_ context.Context, env config.Env, _ endpoint.Overrides) (lambda.Handler, error) {
					return trying(r, env)
				}
			}
		}
		c.Change = func(stack *template.Stack) {
			for i, f := range stack.Functions {
				if f.Folder == reading {
					name = f.Name
					stack.Functions[i].Policies = []template.Statement{{
						Effect: "Allow", Action: []string{"dynamodb:Get*"}, Resource: []string{"arn:aws:dynamodb:*:*:table/" + f.Env["LOG_TABLE"]},
					}}
				}
			}
		}
	})
	denial := func(action string) string {
		return "assumed-role/rapport-NotesStack-GetFunctionRole/" + name + " is not authorized to perform: " + action + " on resource: "
	}
	for _, test := range []struct{ try, code, message string }{
		{"get", "", ""},
		{"put", "AccessDeniedException", denial("dynamodb:PutItem") + "arn:aws:dynamodb:us-east-1:000000000000:table/rapport-StateStack-Log because no"},
		{"transact", "AccessDeniedException", denial("dynamodb:GetItem") + "arn:aws:dynamodb:us-east-1:000000000000:table/rapport-StateStack-Audit because no"},
		{"post", "AccessDeniedException", denial("execute-api:ManageConnections") + "arn:aws:execute-api:us-east-1:********0000:"},
	} {
		status, body, _ := get(t, r.URL+"/v1/meetings/m1/notes?"+test.try, nil)
		var got tried
		if err := json.NewDecoder(strings.NewReader(body)).Decode(&got); err != nil && !errors.Is(err, io.EOF) {
			t.Fatal(err)
		}
		if status != 200 || got.Code != test.code || !strings.Contains(got.Message, test.message) {
			t.Errorf("%s: %d %s, want %s … %s", test.try, status, body, test.code, test.message)
		}
	}
	_, metrics, _ := get(t, r.URL+"/metrics", nil)
	for _, want := range []string{
		`rapport_denied_total{action="dynamodb:PutItem",function="notes/get"} 1`,
		`rapport_denied_total{action="dynamodb:GetItem",function="notes/get"} 1`,
		`rapport_denied_total{action="execute-api:ManageConnections",function="notes/get"} 1`,
	} {
		if !strings.Contains(metrics, want) {
			t.Errorf("/metrics lacks %s", want)
		}
	}
}

func TestCallsOfNobodyAreRefused(t *testing.T) {
	r := start(t, nil)
	stranger := table.NewClient(table.ClientConfig{Region: region, AccessKeyID: "AKIASTRANGER", SecretAccessKey: "x", HTTP: r.proxy.Tables()})
	_, err := stranger.ListTables(t.Context(), &dynamodb.ListTablesInput{})
	if failed, ok := errors.AsType[smithy.APIError](err); !ok || failed.ErrorCode() != "UnrecognizedClientException" {
		t.Errorf("got %v", err)
	}
}

func TestPoliciesThatCannotBeEvaluatedStopTheStart(t *testing.T) {
	c, err := testConfig()
	if err != nil {
		t.Fatal(err)
	}
	c.Change = func(stack *template.Stack) {
		stack.Functions[0].Policies = []template.Statement{{
			Effect: "Allow", Action: []string{"dynamodb:*"}, Resource: []string{"*"},
			Condition: map[string]map[string][]string{"StringEquals": {"aws:SourceVpc": {"vpc-1"}}},
		}}
	}
	if _, err := Start(t.Context(), c); err == nil || !strings.Contains(err.Error(), "conditions (StringEquals) are not evaluated here") {
		t.Errorf("got %v", err)
	}
}

// TestAProfileSlowsEverythingDown looks at the least that the first request can
// take with PROFILE=aws; the distributions are package latency's own test.
func TestAProfileSlowsEverythingDown(t *testing.T) {
	r := start(t, func(c *Config) { c.Profile = ProfileAWS })
	began := time.Now()
	status, body, _ := get(t, r.URL+"/v1/me", nil)
	// Twice the network, the HTTP API, the invocation and a cold start.
	const least = (2*4 + 1.5 + 2 + 110) * float64(time.Millisecond)
	if took := time.Since(began); status != 200 || float64(took) < least {
		t.Errorf("%d %s after %v, want at least %v", status, body, took, time.Duration(least))
	}
}
