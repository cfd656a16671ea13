// Package apigateway posts frames through API Gateway's @connections, with the
// real client; on a laptop the local gateway speaks the same protocol.
package apigateway

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/apigatewaymanagementapi"
	"github.com/aws/aws-sdk-go-v2/service/apigatewaymanagementapi/types"

	"github.com/rapport/rapport/shared/core/realtime"
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
	client *apigatewaymanagementapi.Client
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
	return &Poster{client: apigatewaymanagementapi.New(apigatewaymanagementapi.Options{
		Region:       c.Region,
		Credentials:  credentials.NewStaticCredentialsProvider(c.AccessKeyID, c.SecretAccessKey, c.SessionToken),
		BaseEndpoint: &endpoint,
		HTTPClient:   c.HTTP,
		Retryer:      retry.NewStandard(func(o *retry.StandardOptions) { o.MaxAttempts = attempts }),
	})}
}

// Post sends a frame to an open socket; realtime.ErrGone where it is closed.
func (p *Poster) Post(ctx context.Context, connectionID string, frame []byte) error {
	_, err := p.client.PostToConnection(ctx, &apigatewaymanagementapi.PostToConnectionInput{
		ConnectionId: &connectionID, Data: frame,
	})
	if _, gone := errors.AsType[*types.GoneException](err); gone {
		return realtime.ErrGone
	}
	if err != nil {
		return fmt.Errorf("post: %w", err)
	}
	return nil
}

// Alive reports whether a socket is open.
func (p *Poster) Alive(ctx context.Context, connectionID string) (bool, error) {
	_, err := p.client.GetConnection(ctx, &apigatewaymanagementapi.GetConnectionInput{ConnectionId: &connectionID})
	if _, gone := errors.AsType[*types.GoneException](err); gone {
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
	_, err := p.client.DeleteConnection(ctx, &apigatewaymanagementapi.DeleteConnectionInput{ConnectionId: &connectionID})
	if _, gone := errors.AsType[*types.GoneException](err); gone {
		return nil
	}
	if err != nil {
		return fmt.Errorf("hang up: %w", err)
	}
	return nil
}
