package faults_test

import (
	"context"
	"errors"
	"net/http"
	"testing"

	"github.com/rapport/rapport/infra/local/faults"
	"github.com/rapport/rapport/infra/local/proxy"
)

// every injects a fault wherever one may fall.
func every(seed uint64) *faults.Injector {
	return faults.New(faults.Settings{Seed: seed, Rate: 1}, nil)
}

// What the caller hears, whether the call has happened, and what is counted, say
// the same.
func TestStepOnTableCalls(t *testing.T) {
	t.Parallel()
	for seed := range uint64(20) {
		i := every(seed)
		happened := false
		answer, err := i.Middleware(nil)(t.Context(), &proxy.Call{Service: proxy.Tables, Function: "notes/edit", Operation: "PutItem"},
			func(context.Context, *proxy.Call) (proxy.Response, error) {
				happened = true
				return proxy.Response{Status: http.StatusOK}, nil
			})
		counts := i.Snapshot()
		switch {
		case counts[faults.TableThrottled] == 1 && answer.Status == http.StatusBadRequest && err == nil && !happened:
		case counts[faults.TableFailed] == 1 && answer.Status == http.StatusInternalServerError && err == nil && !happened:
		case counts[faults.TableAnswerLost] == 1 && errors.Is(err, proxy.ErrCut) && happened:
		default:
			t.Errorf("seed %d: %d, %v, happened %v, %v", seed, answer.Status, err, happened, counts)
		}
	}
}

func TestStepOnPosts(t *testing.T) {
	t.Parallel()
	for seed := range uint64(20) {
		i := every(seed)
		var dropped []string
		ctx, cancel := context.WithCancel(t.Context())
		cancel() // whoever hangs is given up
		answer, err := i.Middleware(func(id string) { dropped = append(dropped, id) })(ctx,
			&proxy.Call{Service: proxy.Sockets, Function: "notes/edit", Operation: "PostToConnection", Connection: "c1"},
			func(context.Context, *proxy.Call) (proxy.Response, error) {
				return proxy.Response{Status: http.StatusOK}, nil
			})
		counts := i.Snapshot()
		switch {
		case counts[faults.PostFailed] == 1 && answer.Status == http.StatusInternalServerError && err == nil:
		case counts[faults.PostHangs] == 1 && errors.Is(err, proxy.ErrCut):
		default:
			t.Errorf("seed %d: %d, %v, %v", seed, answer.Status, err, counts)
		}
		if len(dropped) > 0 {
			t.Errorf("seed %d: dropped %v", seed, dropped)
		}
	}
	// A socket that is said to be gone is really closed.
	i := faults.New(faults.Settings{Seed: 1, Rate: 0.5}, nil)
	gone, dropped := 0, 0
	for range 1000 {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		answer, _ := i.Middleware(func(string) { dropped++ })(ctx,
			&proxy.Call{Service: proxy.Sockets, Function: "f", Operation: "PostToConnection"},
			func(context.Context, *proxy.Call) (proxy.Response, error) {
				return proxy.Response{Status: http.StatusOK}, nil
			})
		if answer.Status == http.StatusGone {
			gone++
		}
	}
	if gone == 0 || gone != dropped || int64(gone) != i.Snapshot()[faults.PostGone] {
		t.Errorf("%d were gone, %d dropped, %v", gone, dropped, i.Snapshot())
	}
}

// Faults fall on functions alone, and on no other call to sockets than posts.
func TestStepLeavesOthersAlone(t *testing.T) {
	t.Parallel()
	for _, c := range []proxy.Call{
		{Service: proxy.Tables, Operation: "PutItem"},
		{Service: proxy.Sockets, Function: "notes/edit", Operation: "GetConnection"},
	} {
		i := every(1)
		answer, err := i.Middleware(nil)(t.Context(), &c, func(context.Context, *proxy.Call) (proxy.Response, error) {
			return proxy.Response{Status: http.StatusOK}, nil
		})
		if err != nil || answer.Status != http.StatusOK {
			t.Errorf("%+v: %d, %v", c, answer.Status, err)
		}
	}
}
