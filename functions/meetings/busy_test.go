package meetings_test

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/rapport/rapport/functions/composition"
	"github.com/rapport/rapport/shared/core/caller"
	"github.com/rapport/rapport/shared/core/config"
	"github.com/rapport/rapport/shared/core/endpoint"
	"github.com/rapport/rapport/shared/core/errs"
	"github.com/rapport/rapport/shared/meetings"
	"github.com/rapport/rapport/shared/testkit"
)

// behind are the domains whose calls of the tables go through answer, which says
// whether it has answered an operation itself.
func (f *fixture) behind(t *testing.T, answer func(w http.ResponseWriter, op, body string) bool) *composition.Domains {
	t.Helper()
	engine, err := url.Parse(f.Tables.Endpoint)
	if err != nil {
		t.Fatal(err)
	}
	proxy := httputil.NewSingleHostReverseProxy(engine)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		_, op, _ := strings.Cut(r.Header.Get("X-Amz-Target"), ".")
		if answer(w, op, string(body)) {
			return
		}
		r.Body = io.NopCloser(strings.NewReader(string(body)))
		proxy.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	env := f.Env().With(config.Env{"AWS_ENDPOINT_URL_DYNAMODB": server.URL})
	return composition.New(env, endpoint.Overrides{})
}

// asCaller is a person as the adapter passes them to a method.
func asCaller(p *testkit.Person) caller.Caller {
	return caller.Caller{UserID: p.ID, DisplayName: p.DisplayName, SessionID: "s", RequestID: "r"}
}

// What only stood in the way for a moment is no refusal: it may be tried again.
func TestTransientFailuresAreRetried(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	for _, reason := range []string{"TransactionConflict", "ThrottlingError"} {
		service := f.behind(t, func(w http.ResponseWriter, op, _ string) bool {
			if op != "TransactWriteItems" {
				return false
			}
			w.Header().Set("Content-Type", "application/x-amz-json-1.0")
			w.WriteHeader(http.StatusBadRequest)
			_, err := io.WriteString(w, `{"__type":"com.amazonaws.dynamodb.v20120810#TransactionCanceledException",`+
				`"Message":"x","CancellationReasons":[{"Code":"`+reason+`","Message":"x"}]}`)
			return err == nil
		}).Meetings()
		_, _, created := service.Create(t.Context(), asCaller(f.host), nil, meetings.CreateRequest{Title: "Once"})
		_, _, started := service.Start(t.Context(), asCaller(f.host), nil, meetings.GetRequest{MeetingID: f.id})
		for _, err := range []error{created, started} {
			limited, ok := errors.AsType[*errs.Error](err)
			if !ok || limited.Kind != errs.RateLimited || limited.RetryAfter != time.Second {
				t.Errorf("%s: got %v", reason, err)
			}
		}
	}
}
