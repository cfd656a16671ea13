package door

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
)

// Action is one IAM action on one resource, both as IAM writes them:
// `dynamodb:Query` on `arn:aws:dynamodb:us-east-1:000000000000:table/rapport-Log/index/GSI1`.
type Action struct{ Name, Resource string }

// Call is one request of a function, on its way. Steps read it and change
// nothing.
type Call struct {
	Service Service
	// Function is the folder of who calls (`notes/edit`), empty where Key is no
	// function's.
	Function string
	// Key is the access key id that signed the call.
	Key string
	// Operation is PutItem, Query, TransactWriteItems; PostToConnection,
	// GetConnection, DeleteConnection; SendMessage; PutObject.
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

// Answer is what the caller gets.
type Answer struct {
	Status int
	Header http.Header
	Body   []byte
}

// ErrCut as a step's error cuts the caller's connection without an answer: what
// was forwarded before has happened, and the caller can't know. Every other error
// does the same, and is logged.
var ErrCut = errors.New("the connection is cut")

// Next hands a call on, at the end of the chain to the engine or to
// @connections. It comes back when there is an answer, whatever becomes of the
// context: what was sent can't be called back.
type Next func(ctx context.Context, c *Call) (Answer, error)

// Step is one part of the chain. It answers itself (TableError, SocketError,
// QueueError, BlobError), or calls next once, and gives its answer or cuts. The
// ctx of a call to Tables never ends, that of the others when the caller leaves.
// Steps are called concurrently.
type Step func(ctx context.Context, c *Call, next Next) (Answer, error)

// chain puts the steps before an end.
func chain(steps []Step, end Next) Next {
	next := end
	for i := len(steps) - 1; i >= 0; i-- {
		step, behind := steps[i], next
		next = func(ctx context.Context, c *Call) (Answer, error) { return step(ctx, c, behind) }
	}
	return next
}
