package simulation

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/rapport/rapport/infra/local/faults"
)

// wire carries the table calls of a run's functions: it makes each take its
// time, lets faults fall, and enters in the ledger what took effect.
type wire struct {
	w    *simulation
	line *line
	// ghosts are calls that take effect although nobody waits for them any more.
	ghosts sync.WaitGroup
}

// Do implements aws.HTTPClient.
func (x *wire) Do(r *http.Request) (*http.Response, error) {
	o := operationOf(r.Context())
	if o == nil {
		return x.line.Do(r)
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	c, err := parseCall(r.Header.Get("X-Amz-Target"), body)
	if err != nil {
		return nil, err
	}
	name := c.name(x.w.names())
	x.settle(o, c, name, r)
	if err := o.sleep(r.Context(), name, x.w.paces.table); err != nil {
		x.haunt(o, c, name, r)
		return nil, err
	}
	fault := x.w.faults.Table(o.function, c.operation)
	if fault == faults.TableThrottled || fault == faults.TableFailed {
		x.w.note(o, "%s: %s", name, fault)
		return x.refuse(r, o, c, name, fault)
	}
	a, err := x.effect(o, c, r.Header)
	if err != nil {
		return nil, err
	}
	x.w.note(o, "%s: %d", name, a.status)
	err = o.sleep(r.Context(), name, x.w.paces.table)
	x.ended(o, c, name)
	if fault == faults.TableAnswerLost {
		x.w.note(o, "%s: %s", name, fault)
		return nil, &net.OpError{Op: "read", Net: "tcp", Err: syscall.ECONNRESET}
	}
	if err != nil {
		return nil, err
	}
	return a.response(r), nil
}

// settle waits until a call that is sent again is due. The SDK's own delay is
// random; this one comes after it at a moment that the seed decides.
func (x *wire) settle(o *operation, c call, name string, r *http.Request) {
	attempt := 1
	if _, err := fmt.Sscanf(r.Header.Get("Amz-Sdk-Request"), "attempt=%d", &attempt); err != nil || attempt == 1 {
		return
	}
	o.mu.Lock()
	ended, known := o.ended[name]
	if !known {
		// What it is about has got a name since, by its first attempt.
		ended = o.ended[c.operation]
	}
	o.mu.Unlock()
	// The first delay is below 50 ms, each later one below twice the one before.
	due := ended.Add(25*time.Millisecond<<(attempt-1) + time.Duration(o.number(name+" again")%1_000_000))
	// Where its context ends, the call's own sleep says so.
	_ = sleep(r.Context(), time.Until(due))
}

func (x *wire) ended(o *operation, c call, name string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.ended[name], o.ended[c.operation] = time.Now(), time.Now()
}

// haunt lets a write that its caller gave up while it was on its way take effect
// later, as any may: every other one.
func (x *wire) haunt(o *operation, c call, name string, r *http.Request) {
	if len(c.writes()) == 0 || o.number(name+" ghost")%2 == 0 || x.w.over() {
		return
	}
	header := r.Header.Clone()
	x.ghosts.Go(func() {
		// It waits for nobody.
		_ = o.sleep(context.Background(), name+" ghost", x.w.paces.table)
		if a, err := x.effect(o, c, header); err == nil {
			x.w.note(o, "%s: %d, given up by its caller", name, a.status)
		}
	})
}

// effect makes a call at the engine, at this moment.
func (x *wire) effect(o *operation, c call, header http.Header) (answer, error) {
	if m := x.w.mutant.ask; m != nil {
		if a, done := m(o, c); done {
			return a, nil
		}
	}
	x.w.mu.Lock()
	defer x.w.mu.Unlock()
	body := c.body
	if token := c.token(); token != "" {
		// The engine knows the tokens of other runs of this seed.
		body = bytes.ReplaceAll(body, []byte(token), []byte(token+x.w.unique))
	}
	a, err := x.line.ask(header, body)
	if err != nil {
		x.w.t.Errorf("%s: %v", o.name, err)
		return a, err
	}
	if a.status == http.StatusOK {
		x.w.ledger.enter(o, c)
		x.w.touch(c)
	}
	if m := x.w.mutant.answer; m != nil {
		a.header.Del("X-Amz-Crc32")
		a = m(o, c, a)
	}
	return a, nil
}

// refuse answers as DynamoDB does where it doesn't do what it is asked.
func (x *wire) refuse(r *http.Request, o *operation, c call, name string, fault faults.Kind) (*http.Response, error) {
	err := o.sleep(r.Context(), name, x.w.paces.table)
	x.ended(o, c, name)
	if err != nil {
		return nil, err
	}
	status, kind := http.StatusInternalServerError, "InternalServerError"
	if fault == faults.TableThrottled {
		status, kind = http.StatusBadRequest, "ProvisionedThroughputExceededException"
	}
	// A map of strings always encodes.
	body, _ := json.Marshal(map[string]string{"__type": "com.amazonaws.dynamodb.v20120810#" + kind, "message": "a fault of the simulation"})
	a := answer{status: status, header: http.Header{"Content-Type": {"application/x-amz-json-1.0"}}, body: body}
	a.header.Set("Content-Length", strconv.Itoa(len(body)))
	return a.response(r), nil
}

// mutant makes a run in which the product does something wrong, to prove that
// it would be found. Both may be nil.
type mutant struct {
	// ask may answer a call in the engine's place.
	ask func(o *operation, c call) (answer, bool)
	// answer changes what the engine said.
	answer func(o *operation, c call, a answer) answer
}

// queryOf tells whether a call is a query of a partition whose key begins so.
func (c call) queryOf(prefix string) bool {
	if c.operation != "Query" {
		return false
	}
	for name := range object(c.fields["ExpressionAttributeValues"]) {
		if strings.HasPrefix(text(object(c.fields["ExpressionAttributeValues"]), name), prefix) {
			return true
		}
	}
	return false
}
