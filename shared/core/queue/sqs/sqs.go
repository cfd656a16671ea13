// Package sqs sends messages to Amazon SQS with the real client; on a laptop the
// runner speaks the same protocol.
package sqs

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/go-json-experiment/json"

	"github.com/rapport/rapport/shared/core/queue"
	"github.com/rapport/rapport/shared/core/sdk"
)

const (
	// firstDelay bounds the wait before the second try, and twice that before the third.
	firstDelay = 50 * time.Millisecond
	// attempts bounds the tries of one call, attempt each of them.
	attempts = 3
	attempt  = 2 * time.Second
	// idle is how many connections stay open.
	idle = 8
	// perCall is how many messages one call takes.
	perCall = 10
	// sourceID names the attribute that carries a message's source id, as package
	// endpoint reads it.
	sourceID = "sourceId"
)

// Config is the function's own environment.
type Config struct {
	Region          string `env:"AWS_REGION,required"`
	AccessKeyID     string `env:"AWS_ACCESS_KEY_ID,required"`
	SecretAccessKey string `env:"AWS_SECRET_ACCESS_KEY,required"`
	SessionToken    string `env:"AWS_SESSION_TOKEN"`
	// Endpoint is the address of another server than the region's SQS.
	Endpoint string `env:"AWS_ENDPOINT_URL_SQS"`
	// HTTP carries the calls; nil means a client of its own.
	HTTP aws.HTTPClient `env:"-"`
}

// NewHTTP makes the HTTP client of a configuration that has none.
func NewHTTP() aws.HTTPClient {
	return awshttp.NewBuildableClient().WithTimeout(attempt).WithTransportOptions(func(t *http.Transport) {
		t.MaxIdleConns, t.MaxIdleConnsPerHost = idle, idle
	})
}

// NewClient makes a client that tries a call at most three times.
func NewClient(c Config) *sqs.Client {
	if c.HTTP == nil {
		c.HTTP = NewHTTP()
	}
	o := sqs.Options{
		Region:      c.Region,
		Credentials: credentials.NewStaticCredentialsProvider(c.AccessKeyID, c.SecretAccessKey, c.SessionToken),
		HTTPClient:  c.HTTP,
		Retryer:     sdk.NewRetryer(attempts, firstDelay),
	}
	if c.Endpoint != "" {
		o.BaseEndpoint = &c.Endpoint
	}
	return sqs.New(o)
}

// Queue is one queue, to send to. It is safe for concurrent use.
type Queue struct {
	client *sqs.Client
	url    string
}

// New gives the queue of a URL. Without one every sending fails: a function that
// sends must have one.
func New(client *sqs.Client, url string) *Queue { return &Queue{client: client, url: url} }

// Send puts messages into the queue, ten a call. When it returns without error
// the queue has them all, some perhaps twice; otherwise it may have some.
func (q *Queue) Send(ctx context.Context, messages ...queue.Outgoing) error {
	if q.url == "" {
		return errors.New("send: this function has no such queue")
	}
	entries := make([]types.SendMessageBatchRequestEntry, len(messages))
	for i, m := range messages {
		entry, err := entryOf(m)
		if err != nil {
			return fmt.Errorf("send %s: %w", m.SourceID, err)
		}
		entry.Id = aws.String(strconv.Itoa(i))
		entries[i] = entry
	}
	for some := range slices.Chunk(entries, perCall) {
		if err := q.send(ctx, some); err != nil {
			return err
		}
	}
	return nil
}

func (q *Queue) send(ctx context.Context, entries []types.SendMessageBatchRequestEntry) error {
	if len(entries) == 1 {
		sendMessageBatchRequestEntry := entries[0]
		_, err := q.client.SendMessage(ctx, &sqs.SendMessageInput{
			QueueUrl: &q.url, MessageBody: sendMessageBatchRequestEntry.MessageBody, DelaySeconds: sendMessageBatchRequestEntry.DelaySeconds, MessageAttributes: sendMessageBatchRequestEntry.MessageAttributes,
		})
		if err != nil {
			return fmt.Errorf("send: %w", err)
		}
		return nil
	}
	// A batch is bounded as a whole like a message alone.
	half := len(entries) / 2
	if size(entries) > queue.MaxBody {
		return errors.Join(q.send(ctx, entries[:half]), q.send(ctx, entries[half:]))
	}
	out, err := q.client.SendMessageBatch(ctx, &sqs.SendMessageBatchInput{QueueUrl: &q.url, Entries: entries})
	if err != nil {
		return fmt.Errorf("send: %w", err)
	}
	var failed error
	for _, batchResultErrorEntry := range out.Failed {
		failed = errors.Join(failed, fmt.Errorf("send: %s: %s", aws.ToString(batchResultErrorEntry.Code), aws.ToString(batchResultErrorEntry.Message)))
	}
	return failed
}

func size(entries []types.SendMessageBatchRequestEntry) int {
	n := 0
	for _, sendMessageBatchRequestEntry := range entries {
		n += len(*sendMessageBatchRequestEntry.MessageBody) + queue.MaxSourceID
	}
	return n
}

func entryOf(m queue.Outgoing) (types.SendMessageBatchRequestEntry, error) {
	body, err := json.Marshal(m.Body)
	switch {
	case err != nil:
		return types.SendMessageBatchRequestEntry{}, fmt.Errorf("encode: %w", err)
	case len(body)+len(m.SourceID) > queue.MaxBody:
		return types.SendMessageBatchRequestEntry{}, fmt.Errorf("its %d bytes are more than %d", len(body), queue.MaxBody)
	case m.SourceID == "" || len(m.SourceID) > queue.MaxSourceID || !utf8.ValidString(m.SourceID):
		return types.SendMessageBatchRequestEntry{}, fmt.Errorf("a source id has 1 to %d bytes of UTF-8", queue.MaxSourceID)
	case m.Delay < 0 || m.Delay > queue.MaxDelay || m.Delay%time.Second != 0:
		return types.SendMessageBatchRequestEntry{}, fmt.Errorf("a delay of %v isn't whole seconds up to %v", m.Delay, queue.MaxDelay)
	}
	return types.SendMessageBatchRequestEntry{
		MessageBody: aws.String(string(body)), DelaySeconds: int32(m.Delay / time.Second),
		MessageAttributes: map[string]types.MessageAttributeValue{
			sourceID: {DataType: aws.String("String"), StringValue: &m.SourceID},
		},
	}, nil
}
