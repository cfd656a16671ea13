package endpoint

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rapport/rapport/shared/core/caller"
	"github.com/rapport/rapport/shared/core/effect"
	"github.com/rapport/rapport/shared/core/errs"
	"github.com/rapport/rapport/shared/core/idempotency"
	"github.com/rapport/rapport/shared/core/queue"
)

var (
	promise = note{effect.Before, "promise"}
	news    = note{effect.Beside, "news"}
	sequel  = note{effect.After, "sequel"}
)

func refused() error { return errs.New(errs.Conflict, "No.") }

// Whatever the trigger, effects go by their moments, in their order, and also with
// a refusal; only what goes before the answer can fail the call.
func TestEffects(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name    string
		effects effect.Effects
		err     error
		sent    []string
		code    errs.Kind
	}{
		{name: "none"},
		{name: "by their moments", effects: effect.Effects{sequel, news, promise}, sent: []string{"promise", "news", "sequel"}},
		{name: "in their order", effects: effect.Effects{note{effect.Beside, "1"}, note{effect.Beside, "2"}, note{effect.Beside, "3"}}, sent: []string{"1", "2", "3"}},
		{name: "with a refusal", effects: effect.Effects{promise, news}, err: refused(), sent: []string{"promise", "news"}, code: errs.Conflict},
		{name: "a promise that fails", effects: effect.Effects{note{effect.Before, "fail"}, promise, news}, sent: []string{"news"}, code: errs.Internal},
		{name: "one that fails with a refusal", effects: effect.Effects{note{effect.Before, "fail"}}, err: refused(), code: errs.Internal},
		{name: "one that dies", effects: effect.Effects{note{effect.Before, "boom"}, news}, sent: []string{"news"}, code: errs.Internal},
		{name: "news that fails", effects: effect.Effects{note{effect.Beside, "fail"}, news, sequel}, sent: []string{"news", "sequel"}},
		{name: "news that dies", effects: effect.Effects{note{effect.Beside, "boom"}, note{effect.After, "boom"}, sequel}, sent: []string{"sequel"}},
	}
	for _, tt := range tests {
		for trigger, call := range triggers(tt.effects, tt.err) {
			t.Run(tt.name+", "+trigger, func(t *testing.T) {
				t.Parallel()
				var f fixture
				call(t, &f)
				if !slices.Equal(f.sent, tt.sent) {
					t.Errorf("sent %q, want %q", f.sent, tt.sent)
				}
				want := codeOrOK(tt.code)
				if trigger == "queue" && tt.code != "" {
					want = "RETRIED" // a batch is refused to nobody: it comes again
				}
				lines := f.lines(t)
				if got := lines[len(lines)-1]["code"]; got != want {
					t.Errorf("code %v, want %s", got, want)
				}
				if failed := strings.HasPrefix(tt.name, "news that"); failed != strings.Contains(f.log.String(), `"msg":"effect"`) {
					t.Errorf("logged %s", f.log.String())
				}
			})
		}
	}
}

// triggers are functions of all triggers, whose methods return effects and an error.
func triggers(effects effect.Effects, err error) map[string]func(*testing.T, *fixture) {
	mutation := Mutation("POST /box/{box}", "Write.", func(_ struct{}, _ context.Context, _ caller.Caller, _ *idempotency.Execution, in request) (receipt, effect.Effects, error) {
		return receipt{in.Text}, effects, err
	})
	webhook := Webhook("POST /box/{box}", "Hear.", func(struct{}, context.Context, func(string) string, []byte) error { return nil },
		func(_ struct{}, _ context.Context, _ caller.Caller, in request) (receipt, effect.Effects, error) {
			return receipt{in.Text}, effects, err
		})
	frame := Socket("whisper", "Whisper.", "whispered", func(_ struct{}, _ context.Context, _ caller.Caller, in whisper) (receipt, effect.Effects, error) {
		return receipt{in.Text}, effects, err
	})
	closing := Socket("$disconnect", "Close.", "", func(struct{}, context.Context, caller.Caller, struct{}) (struct{}, effect.Effects, error) {
		return struct{}{}, effects, err
	})
	process := Queue("Orders", "queue: process.", func(struct{}, context.Context, queue.Message[order]) (effect.Effects, error) { return effects, err })
	sweep := Schedule("rate(1 hour)", "schedule: sweep.", func(_ struct{}, _ context.Context, at time.Time) (swept, effect.Effects, error) {
		return swept{At: at}, effects, err
	})
	return map[string]func(*testing.T, *fixture){
		"HTTP": func(t *testing.T, f *fixture) { invoke(t, f.open(t, mutation), post(`{"text":"x"}`)) },
		"HTTP with a key": func(t *testing.T, f *fixture) {
			event := post(`{"text":"x"}`)
			event.Headers["idempotency-key"] = "k"
			invoke(t, f.open(t, mutation), event)
		},
		"webhook": func(t *testing.T, f *fixture) { invoke(t, f.open(t, webhook), post(`{"text":"x"}`)) },
		"frame": func(t *testing.T, f *fixture) {
			dispatch(t, f.open(t, frame), frameEvent(`{"action":"whisper","id":"1","text":"x"}`))
		},
		"disconnect": func(t *testing.T, f *fixture) {
			event := frameEvent("")
			event.RequestContext.EventType = eventDisconnect
			dispatch(t, f.open(t, closing), event)
		},
		"queue": func(t *testing.T, f *fixture) {
			if _, err := f.open(t, process).Invoke(t.Context(), queueBatch(t, `{"dish":"soup","count":1}`)); err != nil {
				t.Fatal(err)
			}
		},
		"schedule": func(t *testing.T, f *fixture) {
			// Its error is in the log, too.
			_, _ = f.open(t, sweep).Invoke(t.Context(), []byte(`{"time":"2026-03-01T02:00:00Z"}`))
		},
	}
}

// A replay of an answer sends nothing, and neither does a request that never came
// to its method.
func TestNoEffectsWithoutTheMethod(t *testing.T) {
	t.Parallel()
	calls := triggers(effect.Effects{promise, news, sequel}, nil)
	again := fixture{replays: replays{first: []byte(`{"text":"first"}`)}}
	calls["HTTP with a key"](t, &again)
	over := fixture{replays: replays{begin: refused()}}
	calls["HTTP with a key"](t, &over)
	if len(again.sent)+len(over.sent) > 0 {
		t.Errorf("sent %q, %q", again.sent, over.sent)
	}
	// An execution that died has promised what the next one keeps.
	died := fixture{replays: replays{first: []byte(`{"text":"first"}`), died: true}}
	calls["HTTP with a key"](t, &died)
	if !slices.Contains(died.sent, "promise") {
		t.Errorf("after a death: sent %q", died.sent)
	}
}

// Events follow the answer that announces them.
func TestAfterTheAnswer(t *testing.T) {
	t.Parallel()
	var f fixture
	triggers(effect.Effects{sequel}, nil)["frame"](t, &f)
	if want := []string{`{"type":"whispered","id":"1","text":"x"}`, "sequel"}; !slices.Equal(f.order, want) {
		t.Errorf("in the order %q", f.order)
	}
}
