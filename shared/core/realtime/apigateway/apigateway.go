// Package apigateway posts frames through API Gateway's @connections, with the
// SDK's types and protocol; on a laptop the local gateway speaks the same.
package apigateway

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/apigatewaymanagementapi"
	"github.com/aws/aws-sdk-go-v2/service/apigatewaymanagementapi/schemas"
	"github.com/aws/aws-sdk-go-v2/service/apigatewaymanagementapi/types"
	"github.com/aws/smithy-go"

	"github.com/rapport/rapport/shared/core/realtime"
	"github.com/rapport/rapport/shared/core/sdk"
)

const (
	// idle is how many connections stay open: as many as one fan-out uses.
	idle = 64
	// attempts bounds the tries of one post; a client notices what got lost.
	attempts = 2
	// attempt bounds one try.
	attempt = 2 * time.Second
)

// Config is the function's own environment.
type Config struct {
	Region          string `env:"AWS_REGION,required"`
	AccessKeyID     string `env:"AWS_ACCESS_KEY_ID,required"`
	SecretAccessKey string `env:"AWS_SECRET_ACCESS_KEY,required"`
	SessionToken    string `env:"AWS_SESSION_TOKEN"`
	// Endpoint is the stage's URL for @connections.
	Endpoint string `env:"WS_ENDPOINT"`
	// Override replaces it, as the SDK's variable of that name does.
	Override string `env:"AWS_ENDPOINT_URL_APIGATEWAYMANAGEMENTAPI"`
	// HTTP carries the calls; nil means a client of its own.
	HTTP aws.HTTPClient `env:"-"`
}

// Poster implements realtime.Poster.
type Poster struct {
	service sdk.Service
	// unresolved is why there is no address: every call fails with it.
	unresolved error
}

// New makes a poster. Without an endpoint every post fails: a function that
// posts must have one.
func New(c Config) *Poster {
	endpoint := c.Endpoint
	if c.Override != "" {
		endpoint = c.Override
	}
	if c.HTTP == nil {
		c.HTTP = awshttp.NewBuildableClient().WithTimeout(attempt).WithTransportOptions(func(t *http.Transport) {
			t.MaxIdleConns, t.MaxIdleConnsPerHost = idle, idle
		})
	}
	o := apigatewaymanagementapi.New(apigatewaymanagementapi.Options{
		Region:       c.Region,
		Credentials:  credentials.NewStaticCredentialsProvider(c.AccessKeyID, c.SecretAccessKey, c.SessionToken),
		BaseEndpoint: &endpoint,
		HTTPClient:   c.HTTP,
	}).Options()
	p := &Poster{service: sdk.Service{
		ID: apigatewaymanagementapi.ServiceID, SigningName: "execute-api", Region: o.Region, Credentials: o.Credentials,
		Protocol: o.Protocol, Types: apigatewaymanagementapi.TypeRegistry, HTTP: o.HTTPClient, Signer: v4.NewSigner(),
		Retryer: retry.NewStandard(func(o *retry.StandardOptions) { o.MaxAttempts = attempts }),
	}}
	resolved, err := o.EndpointResolverV2.ResolveEndpoint(context.Background(), apigatewaymanagementapi.EndpointParameters{
		Region: &o.Region, Endpoint: o.BaseEndpoint,
	}.WithDefaults())
	p.service.Endpoint, p.unresolved = resolved.URI, err
	return p
}

// The operations that are called.
var (
	postToConnection = smithy.NewOperationSchema(schemas.PostToConnection, schemas.PostToConnectionRequest, nil)
	getConnection    = smithy.NewOperationSchema(schemas.GetConnection, schemas.GetConnectionRequest, schemas.GetConnectionResponse)
	deleteConnection = smithy.NewOperationSchema(schemas.DeleteConnection, schemas.DeleteConnectionRequest, nil)
)

// call asks for an operation; realtime.ErrGone where the socket is closed.
func (p *Poster) call(ctx context.Context, op *smithy.OperationSchema, in smithy.Serializable, out smithy.Deserializable) error {
	if p.unresolved != nil {
		return p.unresolved
	}
	err := p.service.Call(ctx, op, in, out)
	if _, gone := errors.AsType[*types.GoneException](err); gone {
		return realtime.ErrGone
	}
	return err
}

// Post sends a frame to an open socket; realtime.ErrGone where it is closed.
func (p *Poster) Post(ctx context.Context, connectionID string, frame []byte) error {
	err := p.call(ctx, postToConnection, &apigatewaymanagementapi.PostToConnectionInput{
		ConnectionId: &connectionID, Data: frame,
	}, new(apigatewaymanagementapi.PostToConnectionOutput))
	if err != nil && !errors.Is(err, realtime.ErrGone) {
		return fmt.Errorf("post: %w", err)
	}
	return err
}

// Alive tells whether a socket is open.
func (p *Poster) Alive(ctx context.Context, connectionID string) (bool, error) {
	err := p.call(ctx, getConnection, &apigatewaymanagementapi.GetConnectionInput{ConnectionId: &connectionID},
		new(apigatewaymanagementapi.GetConnectionOutput))
	if errors.Is(err, realtime.ErrGone) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("get connection: %w", err)
	}
	return true, nil
}

// Disconnect closes a socket after what was posted to it before; one that is closed
// is no error.
func (p *Poster) Disconnect(ctx context.Context, connectionID string) error {
	err := p.call(ctx, deleteConnection, &apigatewaymanagementapi.DeleteConnectionInput{ConnectionId: &connectionID},
		new(apigatewaymanagementapi.DeleteConnectionOutput))
	if err != nil && !errors.Is(err, realtime.ErrGone) {
		return fmt.Errorf("hang up: %w", err)
	}
	return nil
}
