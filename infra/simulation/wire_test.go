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
	sim  *simulation
	line *line
	// ghosts are calls that take effect although nobody waits for them any more.
	ghosts sync.WaitGroup
}

// Do implements aws.HTTPClient.
func (w *wire) Do(r *http.Request) (*http.Response, error) {
	o := operationOf(r.Context())
	if o == nil {
		return w.line.Do(r)
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	c, err := parseCall(r.Header.Get("X-Amz-Target"), body)
	if err != nil {
		return nil, err
	}
	name := c.name(w.sim.names())
	w.settle(o, c, name, r)
	if err := o.sleep(r.Context(), name, w.sim.paces.table); err != nil {
		w.applyLate(o, c, name, r)
		return nil, err
	}
	fault := w.sim.faults.Table(o.function, c.operation)
	if fault == faults.TableThrottled || fault == faults.TableFailed {
		w.sim.note(o, "%s: %s", name, fault)
		return w.refuse(r, o, c, name, fault)
	}
	a, err := w.effect(o, c, r.Header)
	if err != nil {
		return nil, err
	}
	w.sim.note(o, "%s: %d", name, a.status)
	err = o.sleep(r.Context(), name, w.sim.paces.table)
	w.ended(o, c, name)
	if fault == faults.TableAnswerLost {
		w.sim.note(o, "%s: %s", name, fault)
		return nil, &net.OpError{Op: "read", Net: "tcp", Err: syscall.ECONNRESET}
	}
	if err != nil {
		return nil, err
	}
	return a.response(r), nil
}

// settle waits until a call that is sent again is due. The SDK's own delay is
// random; this one comes after it at a moment that the seed decides.
func (w *wire) settle(o *operation, c call, name string, r *http.Request) {
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

func (w *wire) ended(o *operation, c call, name string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.ended[name], o.ended[c.operation] = time.Now(), time.Now()
}

// applyLate lets a write that its caller gave up while it was on its way take effect
// later, as any may: every other one.
func (w *wire) applyLate(o *operation, c call, name string, r *http.Request) {
	if len(c.writes()) == 0 || o.number(name+" ghost")%2 == 0 || w.sim.over() {
		return
	}
	header := r.Header.Clone()
	w.ghosts.Go(func() {
		// It waits for nobody.
		_ = o.sleep(context.Background(), name+" ghost", w.sim.paces.table)
		if a, err := w.effect(o, c, header); err == nil {
			w.sim.note(o, "%s: %d, given up by its caller", name, a.status)
		}
	})
}

// effect makes a call at the engine, at this moment.
func (w *wire) effect(o *operation, c call, header http.Header) (answer, error) {
	if m := w.sim.mutant.ask; m != nil {
		if a, done := m(o, c); done {
			return a, nil
		}
	}
	w.sim.mu.Lock()
	defer w.sim.mu.Unlock()
	body := c.body
	if token := c.token(); token != "" {
		// The engine knows the tokens of other runs of this seed.
		body = bytes.ReplaceAll(body, []byte(token), []byte(token+w.sim.unique))
	}
	a, err := w.line.request(header, body)
	if err != nil {
		w.sim.t.Errorf("%s: %v", o.name, err)
		return a, err
	}
	if a.status == http.StatusOK {
		w.sim.ledger.enter(o, c)
		w.sim.touch(c)
	}
	if m := w.sim.mutant.answer; m != nil {
		a.header.Del("X-Amz-Crc32")
		a = m(o, c, a)
	}
	return a, nil
}

// refuse answers as DynamoDB does where it doesn't do what it is asked.
func (w *wire) refuse(r *http.Request, o *operation, c call, name string, fault faults.Kind) (*http.Response, error) {
	err := o.sleep(r.Context(), name, w.sim.paces.table)
	w.ended(o, c, name)
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
	// request may answer a call in the engine's place.
	ask func(o *operation, c call) (answer, bool)
	// answer changes what the engine said.
	answer func(o *operation, c call, a answer) answer
}

// queryOf reports whether a call is a query of a partition whose key begins so.
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
