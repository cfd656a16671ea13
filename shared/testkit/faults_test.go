package testkit_test

import (
	"context"
	"errors"
	"runtime"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/rapport/rapport/functions"
	"github.com/rapport/rapport/shared/core/config"
	"github.com/rapport/rapport/shared/core/endpoint"
	"github.com/rapport/rapport/shared/core/platform"
	"github.com/rapport/rapport/shared/core/realtime"
	"github.com/rapport/rapport/shared/core/realtime/apigateway"
	"github.com/rapport/rapport/shared/core/table"
	"github.com/rapport/rapport/shared/testkit"
)

func TestSocketFaults(t *testing.T) {
	t.Parallel()
	h := testkit.New(t, functions.All())
	settings, err := config.Parse[apigateway.Config](h.Env())
	if err != nil {
		t.Fatal(err)
	}
	poster := apigateway.New(settings)
	socket := h.User("ada").Connect(t)
	post := func(ctx context.Context) error { return poster.Post(ctx, socket.ID, []byte(`{"type":"pong"}`)) }

	if err := post(t.Context()); err != nil {
		t.Errorf("open: %v", err)
	}
	socket.Vanish()
	if err := post(t.Context()); !errors.Is(err, realtime.ErrGone) {
		t.Errorf("gone: %v", err)
	}
	socket.Fail()
	if err := post(t.Context()); err == nil || errors.Is(err, realtime.ErrGone) {
		t.Errorf("failing: %v", err)
	}
	socket.Hang()
	ctx, cancel := context.WithCancel(t.Context())
	ended, before := make(chan error), socket.Posts()
	go func() { ended <- post(ctx) }()
	for socket.Posts() == before {
		runtime.Gosched()
	}
	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("hanging: %v", err)
	}
	socket.Recover()
	if err := post(t.Context()); err != nil {
		t.Errorf("open again: %v", err)
	}
	if got := len(socket.Frames(t)); got != 2 {
		t.Errorf("%d frames got through, want 2", got)
	}
	if err := poster.Post(t.Context(), "unknown", []byte(`{}`)); !errors.Is(err, realtime.ErrGone) {
		t.Errorf("a socket that never was: %v", err)
	}
}

// What failed comes again, with all that came after it.
func TestStreamComesAgain(t *testing.T) {
	t.Parallel()
	var seen []string
	failing := map[string]bool{"b": true}
	read := endpoint.Stream("Data", "stream: read.", func(_ struct{}, _ context.Context, records []table.Record) map[string]error {
		failed := map[string]error{}
		for _, record := range records {
			seen = append(seen, record.Key.SK)
			if failing[record.Key.SK] {
				failed[record.ID] = errors.New("not yet")
			}
		}
		return failed
	})
	open := func(_ context.Context, declaration endpoint.Declaration, env config.Env, overrides endpoint.Overrides) (endpoint.App[struct{}], error) {
		p := platform.New(env, overrides)
		return platform.App(p, p.Runtime(declaration), struct{}{})
	}
	h := testkit.New(t, endpoint.Domain("sample", open, map[string]endpoint.Function[struct{}]{"read": read}))
	put := func(keys ...string) {
		for _, sk := range keys {
			if err := h.Tables.Data.Put(t.Context(), table.Key{PK: "P", SK: sk}, struct{}{}); err != nil {
				t.Fatal(err)
			}
		}
	}
	put("a", "b", "c")
	if got := h.Stream(t, "Data", "sample/read"); got.Records != 3 || len(got.Failed) != 1 {
		t.Errorf("first: %+v", got)
	}
	put("d")
	failing["b"] = false
	if got := h.Stream(t, "Data", "sample/read"); got.Records != 3 || len(got.Failed) != 0 {
		t.Errorf("again: %+v", got)
	}
	if got := h.Stream(t, "Data", "sample/read"); got.Records != 0 {
		t.Errorf("afterwards: %+v", got)
	}
	if diff := cmp.Diff([]string{"a", "b", "c", "b", "c", "d"}, seen); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
