package sdk_test

import (
	"context"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/apigatewaymanagementapi"
	postschemas "github.com/aws/aws-sdk-go-v2/service/apigatewaymanagementapi/schemas"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/schemas"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/smithy-go"
	"github.com/google/go-cmp/cmp"

	"github.com/rapport/rapport/shared/core/sdk"
)

// exchange is an HTTP client that keeps what was sent and answers in turn.
type exchange struct {
	sent    []sent
	answers []reply
}

type reply = func() (*http.Response, error)

// sent is what of a request must be the same as the SDK's own client sends.
type sent struct {
	Method, URL, Path, Target, Type, Encoding, Token, Body string
	// Scope is what the signature is of: key, date, region and service.
	Scope string
}

func (e *exchange) Do(r *http.Request) (*http.Response, error) {
	body := ""
	if r.Body != nil {
		read, err := io.ReadAll(r.Body)
		if err != nil {
			return nil, err
		}
		body = string(read)
	}
	scope, _, _ := strings.Cut(r.Header.Get("Authorization"), ",")
	e.sent = append(e.sent, sent{
		Method: r.Method, URL: r.URL.String(), Path: r.URL.EscapedPath(), Target: r.Header.Get("X-Amz-Target"), Type: r.Header.Get("Content-Type"),
		Encoding: r.Header.Get("Accept-Encoding"), Token: r.Header.Get("X-Amz-Security-Token"), Body: body, Scope: scope,
	})
	next := e.answers[0]
	if len(e.answers) > 1 {
		e.answers = e.answers[1:]
	}
	return next()
}

func answer(status int, body string, header ...string) reply {
	return func() (*http.Response, error) {
		h := http.Header{}
		for i := 0; i < len(header); i += 2 {
			h.Set(header[i], header[i+1])
		}
		return &http.Response{StatusCode: status, Header: h, Body: io.NopCloser(strings.NewReader(body))}, nil
	}
}

func failure(err error) reply {
	return func() (*http.Response, error) { return nil, err }
}

var (
	keys    = credentials.NewStaticCredentialsProvider("KEY", "secret", "token")
	getItem = smithy.NewOperationSchema(schemas.GetItem, schemas.GetItemInput, schemas.GetItemOutput)
	get     = &dynamodb.GetItemInput{
		TableName: aws.String("Data"), ConsistentRead: aws.Bool(true),
		Key: map[string]types.AttributeValue{"PK": &types.AttributeValueMemberS{Value: "Zoë \"1\""}},
	}
)

func retries() *retry.Standard {
	return retry.NewStandard(func(o *retry.StandardOptions) {
		o.MaxAttempts = 3
		o.Backoff = retry.BackoffDelayerFunc(func(int, error) (time.Duration, error) { return 0, nil })
	})
}

func tables(through *exchange) (*sdk.Service, *dynamodb.Client) {
	client := dynamodb.New(dynamodb.Options{
		Region: "eu-west-1", Credentials: keys, HTTPClient: through, Retryer: retries(), BaseEndpoint: aws.String("http://127.0.0.1:8000"),
	})
	o := client.Options()
	return &sdk.Service{
		ID: dynamodb.ServiceID, SigningName: "dynamodb", Region: o.Region, Endpoint: url.URL{Scheme: "http", Host: "127.0.0.1:8000"},
		Credentials: keys, Protocol: o.Protocol, Types: dynamodb.TypeRegistry, HTTP: through, Retryer: retries(), Signer: v4.NewSigner(),
	}, client
}

// A service sends what the SDK's own client sends.
func TestRequestIsTheSDKs(t *testing.T) {
	through := &exchange{answers: []reply{answer(200, `{}`)}}
	service, client := tables(through)
	if _, err := client.GetItem(t.Context(), get); err != nil {
		t.Fatal(err)
	}
	if err := service.Call(t.Context(), getItem, get, new(dynamodb.GetItemOutput)); err != nil {
		t.Fatal(err)
	}
	posts := apigatewaymanagementapi.New(apigatewaymanagementapi.Options{
		Region: "eu-west-1", Credentials: keys, HTTPClient: through, BaseEndpoint: aws.String("https://api.example/a%20stage"),
	})
	frame := &apigatewaymanagementapi.PostToConnectionInput{ConnectionId: aws.String("L0SM9cOF/vHc+Ihw="), Data: []byte(`{"type":"pong"}`)}
	if _, err := posts.PostToConnection(t.Context(), frame); err != nil {
		t.Fatal(err)
	}
	o := posts.Options()
	at, err := url.Parse("https://api.example/a%20stage")
	if err != nil {
		t.Fatal(err)
	}
	gateway := &sdk.Service{
		ID: apigatewaymanagementapi.ServiceID, SigningName: "execute-api", Region: o.Region, Endpoint: *at, Credentials: keys,
		Protocol: o.Protocol, Types: apigatewaymanagementapi.TypeRegistry, HTTP: through, Retryer: retries(), Signer: v4.NewSigner(),
	}
	post := smithy.NewOperationSchema(postschemas.PostToConnection, postschemas.PostToConnectionRequest, nil)
	if err := gateway.Call(t.Context(), post, frame, new(apigatewaymanagementapi.PostToConnectionOutput)); err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(through.sent); i += 2 {
		want, got := through.sent[i], through.sent[i+1]
		if i > 0 {
			// The SDK asks for gzip of services other than tables, by its transport.
			got.Encoding = want.Encoding
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("-SDK +own:\n%s", diff)
		}
	}
}

// What passes is tried again, at most three times; an answer that says what is
// wrong is the error, under its type.
func TestTries(t *testing.T) {
	item := `{"Item":{"n":{"N":"7"}}}`
	sum := fmt.Sprint(crc32.ChecksumIEEE([]byte(item)))
	cut := failure(errors.New("cut"))
	condition := answer(400, `{"__type":"com.amazonaws.dynamodb.v20120810#ConditionalCheckFailedException","message":"no"}`)
	throttled := answer(400, `{"__type":"com.amazonaws.dynamodb.v20120810#ProvisionedThroughputExceededException","message":"slow"}`)
	for name, test := range map[string]struct {
		answers []reply
		sent    int
		failed  func(error) bool
	}{
		"at once":                {[]reply{answer(200, item, "X-Amz-Crc32", sum)}, 1, nil},
		"a connection is cut":    {[]reply{cut, answer(200, item)}, 2, nil},
		"the service fails":      {[]reply{answer(500, `{}`), answer(503, ``), answer(200, item)}, 3, nil},
		"throttled":              {[]reply{throttled, answer(200, item)}, 2, nil},
		"always cut":             {[]reply{cut}, 3, is[*retry.MaxAttemptsError]},
		"always throttled":       {[]reply{throttled}, 3, is[*types.ProvisionedThroughputExceededException]},
		"a condition":            {[]reply{condition}, 1, is[*types.ConditionalCheckFailedException]},
		"a wrong checksum":       {[]reply{answer(200, item, "X-Amz-Crc32", "1")}, 1, is[*smithy.DeserializationError]},
		"an answer that is half": {[]reply{answer(200, item[:9])}, 1, is[*smithy.DeserializationError]},
	} {
		t.Run(name, func(t *testing.T) {
			through := &exchange{answers: test.answers}
			service, _ := tables(through)
			var out dynamodb.GetItemOutput
			err := service.Call(t.Context(), getItem, get, &out)
			switch {
			case len(through.sent) != test.sent:
				t.Errorf("%d requests, want %d", len(through.sent), test.sent)
			case test.failed == nil && err != nil, test.failed != nil && !test.failed(err):
				t.Errorf("error %v", err)
			case test.failed == nil:
				if n, ok := out.Item["n"].(*types.AttributeValueMemberN); !ok || n.Value != "7" {
					t.Errorf("answer %v", out.Item)
				}
			}
			if named, ok := errors.AsType[*smithy.OperationError](err); err != nil && (!ok || named.OperationName != "GetItem") {
				t.Errorf("error %v doesn't name its operation", err)
			}
		})
	}
}

func is[E error](err error) bool {
	_, ok := errors.AsType[E](err)
	return ok
}

// A call ends with its context, and isn't tried again.
func TestCancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	through := &exchange{answers: []reply{func() (*http.Response, error) {
		cancel()
		return nil, errors.New("cut")
	}}}
	service, _ := tables(through)
	for range 2 {
		if err := service.Call(ctx, getItem, get, new(dynamodb.GetItemOutput)); !errors.Is(err, context.Canceled) {
			t.Errorf("error %v, want context.Canceled", err)
		}
	}
	if len(through.sent) != 1 {
		t.Errorf("%d requests, want 1", len(through.sent))
	}
}

// found answers every request at once.
type found struct{}

func (found) Do(*http.Request) (*http.Response, error) {
	return answer(200, `{"Item":{"n":{"N":"7"}}}`)()
}

func BenchmarkCall(b *testing.B) {
	service, _ := tables(nil)
	service.HTTP = found{}
	b.ReportAllocs()
	for b.Loop() {
		if err := service.Call(b.Context(), getItem, get, new(dynamodb.GetItemOutput)); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkClient is the same by the SDK's own client.
func BenchmarkClient(b *testing.B) {
	_, client := tables(nil)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := client.GetItem(b.Context(), get, func(o *dynamodb.Options) { o.HTTPClient = found{} }); err != nil {
			b.Fatal(err)
		}
	}
}
