package table

import (
	"net/http"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/rapport/rapport/shared/core/sdk"
)

// ClientConfig is what a client needs, under the names that Lambda gives it. A
// function's settings embed it.
type ClientConfig struct {
	Region          string `env:"AWS_REGION,notEmpty"`
	AccessKeyID     string `env:"AWS_ACCESS_KEY_ID,notEmpty"`
	SecretAccessKey string `env:"AWS_SECRET_ACCESS_KEY,notEmpty"`
	SessionToken    string `env:"AWS_SESSION_TOKEN"`
	// Endpoint is the address of another engine than the region's DynamoDB.
	Endpoint string `env:"AWS_ENDPOINT_URL_DYNAMODB"`
	// HTTP is shared between clients that may share connections; nil means own.
	HTTP aws.HTTPClient `env:"-"`
}

// NewClient makes a client that tries a call at most three times and gives up
// an attempt after five seconds. It reads nothing of the process's environment.
func NewClient(c ClientConfig) *dynamodb.Client {
	if c.HTTP == nil {
		c.HTTP = NewHTTP()
	}
	o := dynamodb.Options{
		Region:      c.Region,
		Credentials: credentials.NewStaticCredentialsProvider(c.AccessKeyID, c.SecretAccessKey, c.SessionToken),
		HTTPClient:  c.HTTP,
		Retryer:     retry.AddWithErrorCodes(sdk.NewRetryer(3, firstDelay), "TransactionConflictException"),
	}
	if c.Endpoint != "" {
		o.BaseEndpoint = &c.Endpoint
	}
	return dynamodb.New(o)
}

// NewHTTP makes the HTTP client of NewClient. It keeps as many connections open
// as a busy function uses at once.
func NewHTTP() aws.HTTPClient {
	return awshttp.NewBuildableClient().
		WithTimeout(5 * time.Second).
		WithTransportOptions(func(t *http.Transport) {
			t.MaxIdleConns = 256
			t.MaxIdleConnsPerHost = 64
		})
}
