package queues

import (
	"context"
	"crypto/md5" //nolint:gosec // SQS's own checksum
	"encoding/binary"
	"encoding/hex"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

const (
	mostDelay = 15 * time.Minute
	// perCall is how many messages one call sends, receives or deletes.
	perCall = 10
	// mostAttributes is how many a message has.
	mostAttributes = 10
)

type sent struct {
	ID            string `json:"Id,omitempty"`
	MessageID     string `json:"MessageId"`
	BodySum       string `json:"MD5OfMessageBody"`
	AttributesSum string `json:"MD5OfMessageAttributes,omitempty"`
}

type failedEntry struct {
	ID          string `json:"Id"`
	SenderFault bool
	Code        string
	Message     string
}

type batchAnswer struct {
	Successful []any
	Failed     []failedEntry
}

func (q *Queues) sendMessage(in request) (any, error) {
	d, err := q.draft(in.name(), in.MessageBody, in.DelaySeconds, in.MessageAttributes)
	if err != nil {
		return nil, err
	}
	ids, err := q.Send(in.name(), d)
	if err != nil {
		return nil, err
	}
	return d.sent("", ids[0]), nil
}

func (d Draft) sent(entry, id string) sent {
	return sent{ID: entry, MessageID: id, BodySum: sum([]byte(d.Body)), AttributesSum: attributesSum(d.Attributes)}
}

// draft checks a message to be sent.
func (q *Queues) draft(name string, body *string, delay *int, attributes map[string]Attribute) (Draft, error) {
	spec, err := q.spec(name)
	if err != nil {
		return Draft{}, err
	}
	if body == nil || *body == "" {
		return Draft{}, &Failure{http.StatusBadRequest, "MissingParameter", "MissingParameter", "The request must contain the parameter MessageBody."}
	}
	d := Draft{Body: *body, Attributes: attributes}
	if d.Delay, err = seconds("DelaySeconds", delay, mostDelay); err != nil {
		return d, err
	}
	if len(attributes) > mostAttributes {
		return d, invalid("A message has at most %d attributes.", mostAttributes)
	}
	for name, a := range attributes {
		kind, _, _ := strings.Cut(a.Type, ".")
		if name == "" || !slices.Contains([]string{"String", "Number", "Binary"}, kind) || (a.Text == "") == (len(a.Binary) == 0) {
			return d, invalid("The message attribute %q has no type and value that go together.", name)
		}
	}
	if size := (&message{Body: d.Body, Attributes: attributes}).size(); spec.MaxBytes > 0 && size > spec.MaxBytes {
		return d, invalid("One or more parameters are invalid. Reason: Message must be shorter than %d bytes.", spec.MaxBytes)
	}
	return d, nil
}

func (q *Queues) sendBatch(in request) (any, error) {
	if err := checkBatch(in.Entries); err != nil {
		return nil, err
	}
	var drafts []Draft
	var entries []string
	total := 0
	answer := batchAnswer{Successful: []any{}, Failed: []failedEntry{}}
	for _, e := range in.Entries {
		d, err := q.draft(in.name(), e.MessageBody, e.DelaySeconds, e.MessageAttributes)
		if err != nil {
			answer.fail(e.ID, err)
			continue
		}
		total += (&message{Body: d.Body, Attributes: d.Attributes}).size()
		drafts, entries = append(drafts, d), append(entries, e.ID)
	}
	spec, err := q.spec(in.name())
	if err != nil {
		return nil, err
	}
	if spec.MaxBytes > 0 && total > spec.MaxBytes {
		return nil, &Failure{http.StatusBadRequest, "BatchRequestTooLong", "AWS.SimpleQueueService.BatchRequestTooLong", "The batch is too long."}
	}
	ids, err := q.Send(in.name(), drafts...)
	if err != nil {
		return nil, err
	}
	for i, id := range ids {
		answer.Successful = append(answer.Successful, drafts[i].sent(entries[i], id))
	}
	return answer, nil
}

func (a *batchAnswer) fail(id string, err error) {
	f := failureOf(err)
	a.Failed = append(a.Failed, failedEntry{ID: id, SenderFault: f.Status < http.StatusInternalServerError, Code: f.Query, Message: f.Message})
}

// each does something for every entry of a batch.
func each(entries []batchEntry, do func(batchEntry) error) (any, error) {
	if err := checkBatch(entries); err != nil {
		return nil, err
	}
	answer := batchAnswer{Successful: []any{}, Failed: []failedEntry{}}
	for _, e := range entries {
		if err := do(e); err != nil {
			answer.fail(e.ID, err)
			continue
		}
		answer.Successful = append(answer.Successful, map[string]string{"Id": e.ID})
	}
	return answer, nil
}

func checkBatch(entries []batchEntry) error {
	const query = "AWS.SimpleQueueService."
	wrong := func(code, message string) *Failure {
		return &Failure{http.StatusBadRequest, code, query + code, message}
	}
	seen := map[string]bool{}
	for _, e := range entries {
		switch {
		case e.ID == "" || len(e.ID) > 80:
			return wrong("InvalidBatchEntryId", "A batch entry id has 1 to 80 characters.")
		case seen[e.ID]:
			return wrong("BatchEntryIdsNotDistinct", "Two entries have the id "+e.ID+".")
		}
		seen[e.ID] = true
	}
	switch {
	case len(entries) == 0:
		return wrong("EmptyBatchRequest", "There should be at least one entry in the request.")
	case len(entries) > perCall:
		return wrong("TooManyEntriesInBatchRequest", "Maximum number of entries per request are 10.")
	}
	return nil
}

type receivedMessage struct {
	MessageID         string `json:"MessageId"`
	ReceiptHandle     string
	BodySum           string `json:"MD5OfBody"`
	Body              string
	Attributes        map[string]string    `json:",omitempty"`
	AttributesSum     string               `json:"MD5OfMessageAttributes,omitempty"`
	MessageAttributes map[string]Attribute `json:",omitempty"`
}

func (q *Queues) receiveMessage(ctx context.Context, in request) (any, error) {
	most := 1
	if in.MaxNumberOfMessages != nil {
		most = *in.MaxNumberOfMessages
	}
	if most < 1 || most > perCall {
		return nil, invalid("MaxNumberOfMessages must be 1 to %d.", perCall)
	}
	visibility, err := seconds("VisibilityTimeout", in.VisibilityTimeout, 12*time.Hour)
	if err != nil {
		return nil, err
	}
	wait, err := seconds("WaitTimeSeconds", in.WaitTimeSeconds, mostWait)
	if err != nil {
		return nil, err
	}
	given, err := q.Receive(in.name(), most, q.clock.Now(), visibility)
	if wait != nil && *wait > 0 && err == nil && len(given) == 0 {
		waiting, stop := context.WithTimeout(ctx, *wait)
		defer stop()
		for err == nil && len(given) == 0 && q.Wait(waiting, in.name()) == nil {
			given, err = q.Receive(in.name(), most, q.clock.Now(), visibility)
		}
	}
	if err != nil {
		return nil, err
	}
	messages := []receivedMessage{}
	for _, m := range given {
		own := m.chosen(in.MessageAttributeNames)
		messages = append(messages, receivedMessage{
			MessageID: m.ID, ReceiptHandle: m.Receipt, Body: m.Body, BodySum: sum([]byte(m.Body)),
			Attributes:        m.System(append(in.AttributeNames, in.MessageSystemAttributeNames...)...),
			MessageAttributes: own, AttributesSum: attributesSum(own),
		})
	}
	return map[string]any{"Messages": messages}, nil
}

// Wait returns when a queue may have a visible message that it hadn't before, or
// with the context's error.
func (q *Queues) Wait(ctx context.Context, name string) error {
	changed, next, err := q.Awaken(name)
	if err != nil {
		return err
	}
	var due <-chan time.Time
	if !next.IsZero() {
		timer := time.NewTimer(max(next.Sub(q.clock.Now()), time.Millisecond))
		defer timer.Stop()
		due = timer.C
	}
	select {
	case <-changed:
		return ctx.Err()
	case <-due:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// System gives the attributes of SQS's own that are asked for; `All` asks for
// every one.
func (m Message) System(names ...string) map[string]string {
	all := map[string]string{
		"ApproximateReceiveCount":          strconv.Itoa(m.Received),
		"SentTimestamp":                    strconv.FormatInt(m.SentAt.UnixMilli(), 10),
		"ApproximateFirstReceiveTimestamp": strconv.FormatInt(m.FirstReceived.UnixMilli(), 10),
		"SenderId":                         "AROALOCAL:function",
	}
	if m.Source != "" {
		all["DeadLetterQueueSourceArn"] = m.Source
	}
	if !slices.Contains(names, "All") {
		maps.DeleteFunc(all, func(name, _ string) bool { return !slices.Contains(names, name) })
	}
	return all
}

// chosen are the message's own attributes that are asked for.
func (m Message) chosen(names []string) map[string]Attribute {
	given := map[string]Attribute{}
	for name, a := range m.Attributes {
		for _, asked := range names {
			prefix, wild := strings.CutSuffix(asked, ".*")
			if asked == "All" || asked == name || wild && strings.HasPrefix(name, prefix) {
				given[name] = a
			}
		}
	}
	return given
}

func (q *Queues) attributes(in request) (any, error) {
	spec, err := q.spec(in.name())
	if err != nil {
		return nil, err
	}
	q.mu.Lock()
	now := q.boxes[spec.Name].statistics(q.clock.Now())
	q.mu.Unlock()
	whole := func(d time.Duration) string { return strconv.Itoa(int(d / time.Second)) }
	all := map[string]string{
		"QueueArn": spec.ARN, "DelaySeconds": whole(spec.Delay), "VisibilityTimeout": whole(spec.Visibility),
		"MessageRetentionPeriod": whole(spec.Retention), "MaximumMessageSize": strconv.Itoa(spec.MaxBytes),
		"ApproximateNumberOfMessages":           strconv.Itoa(now.Visible),
		"ApproximateNumberOfMessagesNotVisible": strconv.Itoa(now.Hidden),
		"ApproximateNumberOfMessagesDelayed":    strconv.Itoa(now.Delayed),
	}
	if !slices.Contains(in.AttributeNames, "All") {
		maps.DeleteFunc(all, func(name, _ string) bool { return !slices.Contains(in.AttributeNames, name) })
	}
	return map[string]any{"Attributes": all}, nil
}

func sum(b []byte) string {
	s := md5.Sum(b) //nolint:gosec // SQS's own checksum
	return hex.EncodeToString(s[:])
}

// attributesSum is MD5OfMessageAttributes (docs.aws.amazon.com, "Amazon SQS
// message metadata"): of names, types and values in the names' order, each behind
// its length; empty where there are none.
func attributesSum(attributes map[string]Attribute) string {
	if len(attributes) == 0 {
		return ""
	}
	const text, binaryValue = 1, 2
	var b []byte
	put := func(part []byte) {
		b = binary.BigEndian.AppendUint32(b, uint32(len(part)))
		b = append(b, part...)
	}
	for _, name := range slices.Sorted(maps.Keys(attributes)) {
		a := attributes[name]
		put([]byte(name))
		put([]byte(a.Type))
		if strings.HasPrefix(a.Type, "Binary") {
			b = append(b, binaryValue)
			put(a.Binary)
		} else {
			b = append(b, text)
			put([]byte(a.Text))
		}
	}
	return sum(b)
}
