// Package secretsmanager reads secrets from AWS Secrets Manager with the real client;
// on a laptop the runner speaks the same protocol. Only functions that need a secret
// link it.
package secretsmanager

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"

	"github.com/rapport/rapport/shared/core/sdk"
	"github.com/rapport/rapport/shared/core/secret"
)

const (
	// firstDelay bounds the wait before the second try, and twice that before the third.
	firstDelay = 50 * time.Millisecond
	// attempts bounds the tries of one call, attempt each of them: a read is two calls.
	attempts = 3
	attempt  = time.Second
	// idle is how many connections stay open: a secret is read every few minutes.
	idle = 1

	current  = "AWSCURRENT"
	previous = "AWSPREVIOUS"
)

// Config is the function's own environment.
type Config struct {
	Region          string `env:"AWS_REGION,required"`
	AccessKeyID     string `env:"AWS_ACCESS_KEY_ID,required"`
	SecretAccessKey string `env:"AWS_SECRET_ACCESS_KEY,required"`
	SessionToken    string `env:"AWS_SESSION_TOKEN"`
	// Endpoint is the address of another server than the region's Secrets Manager.
	Endpoint string `env:"AWS_ENDPOINT_URL_SECRETS_MANAGER"`
	// HTTP carries the calls; nil means a client of its own.
	HTTP aws.HTTPClient `env:"-"`
}

// Store is the Secrets Manager of an account's region. It is safe for concurrent use.
type Store struct{ client *secretsmanager.Client }

// New makes a store whose calls are tried at most three times.
func New(c Config) *Store {
	if c.HTTP == nil {
		c.HTTP = awshttp.NewBuildableClient().WithTimeout(attempt).WithTransportOptions(func(t *http.Transport) {
			t.MaxIdleConns, t.MaxIdleConnsPerHost = idle, idle
		})
	}
	o := secretsmanager.Options{
		Region:      c.Region,
		Credentials: credentials.NewStaticCredentialsProvider(c.AccessKeyID, c.SecretAccessKey, c.SessionToken),
		HTTPClient:  c.HTTP,
		Retryer:     sdk.NewRetryer(attempts, firstDelay),
	}
	if c.Endpoint != "" {
		o.BaseEndpoint = &c.Endpoint
	}
	return &Store{secretsmanager.New(o)}
}

// Read implements secret.Store: secret.ErrNotFound where there is no secret of that
// name, or it has no value yet.
func (s *Store) Read(ctx context.Context, name string) (secret.Versions, error) {
	// The current value goes first: if the secret rotates between the two calls, the
	// second still gives the value that the first gave.
	newest, err := s.version(ctx, name, current)
	if err != nil {
		return secret.Versions{}, err
	}
	before, err := s.version(ctx, name, previous)
	if errors.Is(err, secret.ErrNotFound) {
		return secret.Versions{Current: newest}, nil
	}
	if err != nil {
		return secret.Versions{}, err
	}
	return secret.Versions{Current: newest, Previous: &before}, nil
}

func (s *Store) version(ctx context.Context, name, stage string) (secret.Version, error) {
	out, err := s.client.GetSecretValue(ctx, &secretsmanager.GetSecretValueInput{SecretId: &name, VersionStage: &stage})
	if _, absent := errors.AsType[*types.ResourceNotFoundException](err); absent {
		return secret.Version{}, fmt.Errorf("%s: %w", stage, secret.ErrNotFound)
	}
	if err != nil {
		return secret.Version{}, fmt.Errorf("%s: %w", stage, err)
	}
	return secret.Version{Value: aws.ToString(out.SecretString), CreatedAt: aws.ToTime(out.CreatedDate)}, nil
}
