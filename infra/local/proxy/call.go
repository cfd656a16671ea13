package proxy

import (
	"context"
	"errors"
	"net/http"
)

// Service is what a call is for.
type Service string

const (
	// Tables is DynamoDB.
	Tables Service = "dynamodb"
	// Sockets is the WebSocket API's @connections.
	Sockets Service = "execute-api"
	// Queues is SQS.
	Queues Service = "sqs"
	// Blobs is S3.
	Blobs Service = "s3"
	// Secrets is Secrets Manager.
	Secrets Service = "secretsmanager"
)

// Action is one IAM action on one resource, both as IAM writes them:
// `dynamodb:Query` on `arn:aws:dynamodb:us-east-1:000000000000:table/rapport-Log/index/GSI1`.
type Action struct{ Name, Resource string }

// Call is one request of a function, on its way. Middleware reads it and changes
// nothing.
type Call struct {
	Service Service
	// Function is the folder of who calls (`notes/edit`), empty where Key is no
	// function's.
	Function string
	// Key is the access key id that signed the call.
	Key string
	// Operation is PutItem, Query, TransactWriteItems; PostToConnection,
	// GetConnection, DeleteConnection; SendMessage; PutObject;
	// GetSecretValue.
	Operation string
	// Connection is the socket's id, for a call to Sockets.
	Connection string
	// Actions are all that the caller's policies must allow: one for each item
	// of a transaction, one for each table of a batch.
	Actions []Action
	// Body is the request as sent.
	Body []byte

	header http.Header
}

// Response is what the caller gets.
type Response struct {
	Status int
	Header http.Header
	Body   []byte
}

// ErrCut as a layer's error cuts the caller's connection without an answer: what
// was forwarded before has happened, and the caller can't know. Every other error
// does the same, and is logged.
var ErrCut = errors.New("the connection is cut")

// Handler hands a call on, at the end of the chain to the engine or to
// @connections. It comes back when there is an answer, whatever becomes of the
// context: what was sent can't be called back.
type Handler func(ctx context.Context, c *Call) (Response, error)

// Middleware is one part of the chain. It answers itself (TableError, SocketError,
// QueueError, BlobError, SecretError), or calls next once, and gives its answer or cuts. The
// ctx of a call to Tables never ends, that of the others when the caller leaves.
// Middleware is called concurrently.
type Middleware func(ctx context.Context, c *Call, next Handler) (Response, error)

// chain puts the middleware before an end.
func chain(middleware []Middleware, end Handler) Handler {
	next := end
	for i := len(middleware) - 1; i >= 0; i-- {
		layer, behind := middleware[i], next
		next = func(ctx context.Context, c *Call) (Response, error) { return layer(ctx, c, behind) }
	}
	return next
}
