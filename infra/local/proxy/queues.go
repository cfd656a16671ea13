package proxy

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"

	"github.com/rapport/rapport/shared/testkit/queues"
)

// maxQueueRequest is what is read of a call of a queue, in bytes: a batch,
// escaped.
const maxQueueRequest = 8 << 20

// Queues puts the same middleware before SQS.
func (p *Proxy) Queues(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxQueueRequest))
		if err != nil {
			QueueError(http.StatusBadRequest, "InvalidParameterValue", "The request can't be read.").write(w)
			return
		}
		key := accessKey(r.Header.Get("Authorization"))
		_, operation, _ := strings.Cut(r.Header.Get("X-Amz-Target"), ".")
		p.pass(w, r, next, Call{
			Service: Queues, Key: key, Function: p.signers[key], Operation: operation, Body: body, header: r.Header,
			// A batch needs what its entries need.
			Actions: []Action{{"sqs:" + strings.TrimSuffix(operation, "Batch"), p.queueARN(body)}},
		})
	})
}

// queueARN is the queue that a call names; `*` where it names none.
func (p *Proxy) queueARN(body []byte) string {
	var named struct {
		URL  string `json:"QueueUrl"`
		Name string `json:"QueueName"`
	}
	// What can't be read is on everything, which only a policy of everything allows.
	if json.Unmarshal(body, &named) != nil || named.URL+named.Name == "" {
		return "*"
	}
	if named.URL != "" {
		named.Name = named.URL[strings.LastIndexByte(named.URL, '/')+1:]
	}
	return p.queues + named.Name
}

// QueueError is an error as SQS words it: 400 AccessDenied, 500 InternalError.
func QueueError(status int, code, message string) Response {
	w := recorder{header: http.Header{}}
	(&queues.Failure{Status: status, Code: code, Query: code, Message: message}).Write(&w)
	return Response{Status: w.status, Header: w.header, Body: w.body}
}
