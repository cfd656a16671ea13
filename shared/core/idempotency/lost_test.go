package idempotency_test

import (
	"errors"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/rapport/rapport/shared/core/clock"
	"github.com/rapport/rapport/shared/core/idempotency"
	"github.com/rapport/rapport/shared/core/table"
	"github.com/rapport/rapport/shared/core/table/tabletest"
)

// forgetful loses the answers of as many updates as it is told to: the SDK sends
// them again, and they meet what they have written.
type forgetful struct {
	aws.HTTPClient
	lose atomic.Int32
}

// Do implements aws.HTTPClient.
func (f *forgetful) Do(r *http.Request) (*http.Response, error) {
	response, err := f.HTTPClient.Do(r)
	if err == nil && response.StatusCode == http.StatusOK && strings.HasSuffix(r.Header.Get("X-Amz-Target"), ".UpdateItem") && f.lose.Add(-1) >= 0 {
		return nil, errors.Join(errors.New("connection reset by peer"), response.Body.Close())
	}
	return response, err
}

// A claim that was taken, and whose answer was lost, is one's own.
func TestLostAnswers(t *testing.T) {
	t.Parallel()
	tables := tabletest.New(t)
	wire := &forgetful{HTTPClient: table.NewHTTP()}
	client := table.NewClient(table.ClientConfig{
		Region: "us-east-1", AccessKeyID: "local", SecretAccessKey: "local", Endpoint: tables.Endpoint, HTTP: wire,
	})
	f := &fixture{Manual: clock.NewManual(time.Date(2026, 11, 23, 16, 0, 0, 0, time.UTC)), effects: table.New(client, tables.Data.Name())}
	f.Store = idempotency.New(table.New(client, tables.Control.Name()), f)
	for _, lost := range []int32{1, 2} {
		key := strings.Repeat("k", int(lost))
		began := f.Now()
		wire.lose.Store(lost)
		execution := f.begin(t, key, "body")
		if err := f.commit(t, execution, "answer"); err != nil {
			t.Fatal(err)
		}
		wire.lose.Store(lost)
		if err := f.Release(t.Context(), execution); err != nil {
			t.Fatal(err)
		}
		f.Advance(time.Millisecond)
		wire.lose.Store(lost)
		next := f.resumes(t, key, "body", `"answer"`)
		if waited := f.Now().Sub(began); waited > time.Second {
			t.Errorf("%d lost answers cost %s", lost, waited)
		}
		wire.lose.Store(lost)
		f.finish(t, next, "")
		f.replays(t, key, "body", `"answer"`)
	}
	f.ran(t, 2)
}
