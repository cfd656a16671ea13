package queues

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
)

const (
	// maxRequest bounds a request's body, in bytes: a batch, escaped.
	maxRequest = 8 << 20
	// contentType is AWS's JSON protocol.
	contentType = "application/x-amz-json-1.0"
	// mostWait is how long a receiver may wait for messages.
	mostWait = 20 * time.Second
)

// Failure is an error as SQS words it.
type Failure struct {
	Status int
	// Code is the shape's name in the JSON protocol, Query the older one that
	// clients still tell errors by.
	Code, Query, Message string
}

// Error gives the message.
func (f *Failure) Error() string { return f.Code + ": " + f.Message }

func invalid(format string, args ...any) *Failure {
	return &Failure{http.StatusBadRequest, "InvalidParameterValue", "InvalidParameterValue", fmt.Sprintf(format, args...)}
}

// failureOf words an error of the queues.
func failureOf(err error) *Failure {
	failure, ok := errors.AsType[*Failure](err)
	switch {
	case ok:
		return failure
	case errors.Is(err, ErrNoQueue):
		return &Failure{http.StatusBadRequest, "QueueDoesNotExist", "AWS.SimpleQueueService.NonExistentQueue", "The specified queue does not exist."}
	case errors.Is(err, ErrNotInflight):
		return &Failure{http.StatusBadRequest, "MessageNotInflight", "AWS.SimpleQueueService.MessageNotInflight", "The message is not in flight."}
	case errors.Is(err, ErrFull):
		return &Failure{http.StatusBadRequest, "RequestThrottled", "RequestThrottled", "The queue holds all that it can."}
	}
	return &Failure{http.StatusInternalServerError, "InternalError", "InternalError", "The messages can't be kept."}
}

// Write gives an error to a client.
func (f *Failure) Write(w http.ResponseWriter) {
	fault := "Sender"
	if f.Status >= http.StatusInternalServerError {
		fault = "Receiver"
	}
	w.Header().Set("X-Amzn-Query-Error", f.Query+";"+fault)
	writeJSON(w, f.Status, map[string]string{"__type": "com.amazonaws.sqs#" + f.Code, "message": f.Message})
}

func writeJSON(w http.ResponseWriter, status int, value any) {
	w.Header().Set("Content-Type", contentType)
	w.Header().Set("X-Amzn-Requestid", rand.Text())
	w.WriteHeader(status)
	// The client may be gone; nobody else needs this error.
	_ = json.NewEncoder(w).Encode(value)
}

// ServeHTTP speaks SQS's protocol, JSON 1.0.
func (q *Queues) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	operation, ok := strings.CutPrefix(r.Header.Get("X-Amz-Target"), "AmazonSQS.")
	if !ok || r.Method != http.MethodPost {
		(&Failure{http.StatusNotFound, "UnknownOperationException", "UnknownOperationException", "This is no call of SQS."}).Write(w)
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxRequest))
	if err != nil {
		invalid("The request can't be read.").Write(w)
		return
	}
	var in request
	if err := json.Unmarshal(body, &in); err != nil {
		(&Failure{http.StatusBadRequest, "SerializationException", "SerializationException", "The request is not what this operation takes."}).Write(w)
		return
	}
	out, err := q.serve(r, operation, in)
	if err != nil {
		failure := failureOf(err)
		if failure.Status >= http.StatusInternalServerError {
			q.log.Error("queue", "operation", operation, "error", err.Error())
		}
		failure.Write(w)
		return
	}
	writeJSON(w, http.StatusOK, out)
}

// request has the members of all operations.
type request struct {
	QueueURL          string `json:"QueueUrl"`
	QueueName         string
	MessageBody       *string
	DelaySeconds      *int
	MessageAttributes map[string]Attribute

	MaxNumberOfMessages         *int
	VisibilityTimeout           *int
	WaitTimeSeconds             *int
	AttributeNames              []string
	MessageSystemAttributeNames []string
	MessageAttributeNames       []string

	ReceiptHandle string
	Entries       []batchEntry
}

type batchEntry struct {
	ID                string `json:"Id"`
	MessageBody       *string
	DelaySeconds      *int
	MessageAttributes map[string]Attribute
	ReceiptHandle     string
	VisibilityTimeout *int
}

// name is the queue's, the last part of its URL.
func (in request) name() string { return in.QueueURL[strings.LastIndexByte(in.QueueURL, '/')+1:] }

func (q *Queues) serve(r *http.Request, operation string, in request) (any, error) {
	if _, err := q.spec(in.name()); err != nil && operation != "GetQueueUrl" {
		return nil, err
	}
	nothing := struct{}{}
	switch operation {
	case "SendMessage":
		return q.sendMessage(in)
	case "SendMessageBatch":
		return q.sendBatch(in)
	case "ReceiveMessage":
		return q.receiveMessage(r.Context(), in)
	case "DeleteMessage":
		return nothing, q.Delete(in.name(), in.ReceiptHandle)
	case "ChangeMessageVisibility":
		return nothing, q.hide(in.name(), in.ReceiptHandle, in.VisibilityTimeout)
	case "DeleteMessageBatch":
		return each(in.Entries, func(e batchEntry) error { return q.Delete(in.name(), e.ReceiptHandle) })
	case "ChangeMessageVisibilityBatch":
		return each(in.Entries, func(e batchEntry) error { return q.hide(in.name(), e.ReceiptHandle, e.VisibilityTimeout) })
	case "PurgeQueue":
		return nothing, q.Purge(in.name())
	case "GetQueueAttributes":
		return q.attributes(in)
	case "GetQueueUrl":
		if _, err := q.spec(in.QueueName); err != nil {
			return nil, err
		}
		return map[string]string{"QueueUrl": "http://" + r.Host + "/000000000000/" + in.QueueName}, nil
	}
	return nil, &Failure{http.StatusBadRequest, "UnsupportedOperation", "AWS.SimpleQueueService.UnsupportedOperation", operation + " is not served here."}
}

func (q *Queues) spec(name string) (Spec, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	b, err := q.box(name)
	if err != nil {
		return Spec{}, err
	}
	return b.spec, nil
}

func (q *Queues) hide(name, receipt string, timeout *int) error {
	if timeout == nil {
		return invalid("VisibilityTimeout is missing.")
	}
	hidden, err := seconds("VisibilityTimeout", timeout, 12*time.Hour)
	if err != nil {
		return err
	}
	return q.Hide(name, receipt, q.clock.Now(), *hidden)
}

// seconds reads a duration: nil where it isn't given.
func seconds(name string, given *int, most time.Duration) (*time.Duration, error) {
	if given == nil {
		return nil, nil
	}
	d := time.Duration(*given) * time.Second
	if *given < 0 || d > most {
		return nil, invalid("%s must be 0 to %d.", name, int(most/time.Second))
	}
	return &d, nil
}
