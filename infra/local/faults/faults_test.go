package faults_test

import (
	"bytes"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/rapport/rapport/infra/local/faults"
)

func TestParse(t *testing.T) {
	t.Parallel()
	tests := []struct {
		give    string
		want    faults.Settings
		wantErr string
	}{
		{give: "", want: faults.Settings{}},
		{give: "seed=7,rate=0.02", want: faults.Settings{Seed: 7, Rate: 0.02}},
		{give: "rate=1,seed=18446744073709551615", want: faults.Settings{Seed: 1<<64 - 1, Rate: 1}},
		{give: "seed=0,rate=0", want: faults.Settings{}},
		{give: "seed=7", wantErr: "rate is missing"},
		{give: "rate=0.02", wantErr: "seed is missing"},
		{give: "seed=7,rate=0.02,seed=8", wantErr: "seed stands twice"},
		{give: "seed=7;rate=0.02", wantErr: `seed is "7;rate=0.02"`},
		{give: "seed=7,rate=0.02,", wantErr: `"" is not name=value`},
		{give: "seed=7, rate=0.02", wantErr: `" rate" is not known`},
		{give: "seed=-1,rate=0.02", wantErr: `seed is "-1"`},
		{give: "seed=7,rate=1.01", wantErr: `rate is "1.01"`},
		{give: "seed=7,rate=-0.1", wantErr: `rate is "-0.1"`},
		{give: "seed=7,rate=NaN", wantErr: `rate is "NaN"`},
		{give: "seed=7,rate=", wantErr: `rate is ""`},
		{give: "seed=7,rate=0.02,kill=1", wantErr: `"kill" is not known`},
	}
	for _, test := range tests {
		got, err := faults.Parse(test.give)
		if test.wantErr != "" {
			if err == nil || !strings.Contains(err.Error(), test.wantErr) {
				t.Errorf("%q: error %v, want %s", test.give, err, test.wantErr)
			}
			continue
		}
		if err != nil || got != test.want {
			t.Errorf("%q: got %+v, %v, want %+v", test.give, got, err, test.want)
		}
		if again, err := faults.Parse(got.String()); err != nil || again != got {
			t.Errorf("%q: written as %q and read as %+v, %v", test.give, got, again, err)
		}
	}
}

// decisions asks at two places, in turn or one after the other.
func decisions(i *faults.Injector, interleaved bool) map[string][]faults.Kind {
	const n = 400
	got := map[string][]faults.Kind{}
	ask := func(function string) {
		got[function] = append(got[function], i.Table(function, "PutItem"), i.Post(function))
	}
	if interleaved {
		for range n {
			ask("notes/edit")
			ask("meetings/remove")
		}
		return got
	}
	for _, function := range []string{"meetings/remove", "notes/edit"} {
		for range n {
			ask(function)
		}
	}
	return got
}

// What happens elsewhere changes nothing at a place; another seed does.
func TestDecisionsDependOnSeedAndPlace(t *testing.T) {
	t.Parallel()
	give := faults.Settings{Seed: 7, Rate: 0.1}
	one := decisions(faults.New(give, nil), true)
	if diff := cmp.Diff(one, decisions(faults.New(give, nil), false)); diff != "" {
		t.Errorf("another order elsewhere changed decisions (-interleaved +apart):\n%s", diff)
	}
	give.Seed = 8
	if cmp.Equal(one, decisions(faults.New(give, nil), true)) {
		t.Error("another seed made the same decisions")
	}
	if cmp.Equal(one["notes/edit"], one["meetings/remove"]) {
		t.Error("two places met the same fate")
	}
}

// The bounds are six standard deviations of a binomial distribution.
func TestRateIsKept(t *testing.T) {
	t.Parallel()
	const n = 100_000
	i := faults.New(faults.Settings{Seed: 1, Rate: 0.02}, nil)
	for k := range n {
		i.Table(fmt.Sprint("f", k%7), "Query")
	}
	counts := i.Snapshot()
	for _, kind := range []faults.Kind{faults.TableThrottled, faults.TableFailed, faults.TableAnswerLost} {
		if got := counts[kind]; got < 513 || got > 820 {
			t.Errorf("%s: %d of %d, want about %d", kind, got, n, n*2/300)
		}
	}
	for range n {
		i.Cut()
	}
	if got := i.Snapshot()[faults.SocketCut]; got < 116 || got > 284 {
		t.Errorf("sockets cut: %d of %d, want about a tenth of the rate", got, n)
	}
}

func TestSkewAndDelayStayWithinBounds(t *testing.T) {
	t.Parallel()
	i := faults.New(faults.Settings{Seed: 3, Rate: 1}, nil)
	early, late, held := false, false, time.Duration(0)
	little := faults.New(faults.Settings{Seed: 3, Rate: 1, Skew: time.Millisecond}, nil)
	for range 1000 {
		skew := i.Skew("notes/edit")
		if skew < -faults.MaxSkew || skew > faults.MaxSkew {
			t.Fatalf("a clock is off by %v", skew)
		}
		if skew := little.Skew("notes/edit"); skew < -time.Millisecond || skew > time.Millisecond {
			t.Fatalf("a clock that may be off by 1 ms is off by %v", skew)
		}
		early, late = early || skew < -faults.MaxSkew/2, late || skew > faults.MaxSkew/2
		fault := i.Stream("streams/fanout Log")
		if !fault.Repeat || fault.Delay < 0 || fault.Delay > 5*time.Second {
			t.Fatalf("a batch met %+v", fault)
		}
		held = max(held, fault.Delay)
	}
	if !early || !late || held < 4*time.Second {
		t.Errorf("clocks early %v, late %v, longest delay %v", early, late, held)
	}
}

// Everything is injected at rate 1, nothing at 0, by nil, or when it is over.
func TestExtremes(t *testing.T) {
	t.Parallel()
	ask := func(i *faults.Injector) []any {
		return []any{
			i.Table("f", "Query") != faults.None, i.Post("f") != faults.None, i.Kill("f", "PutItem"),
			i.Stream("r").Repeat,
		}
	}
	all := faults.New(faults.Settings{Seed: 1, Rate: 1}, nil)
	if diff := cmp.Diff([]any{true, true, true, true}, ask(all)); diff != "" {
		t.Errorf("rate 1 (-want +got):\n%s", diff)
	}
	none := []any{false, false, false, false}
	all.Disable()
	if diff := cmp.Diff(none, ask(all)); diff != "" {
		t.Errorf("disabled (-want +got):\n%s", diff)
	}
	nothing := faults.New(faults.Settings{Seed: 1}, nil)
	if diff := cmp.Diff(none, ask(nothing)); diff != "" {
		t.Errorf("rate 0 (-want +got):\n%s", diff)
	}
	nothing.Disable()
	if nothing.Skew("f") != 0 || nothing.Cut() || len(nothing.Snapshot()) != 0 {
		t.Error("an injector that injects nothing has injected something")
	}
}

// The documentation knows every kind.
func TestKindsAreDocumented(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../../../docs/faults.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, kind := range faults.Kinds() {
		if !strings.Contains(string(page), "| `"+string(kind)+"` |") {
			t.Errorf("docs/faults.md lacks %s", kind)
		}
	}
}

// Every fault is counted and can be logged, whoever asks at once.
func TestFaultsAreCountedAndLogged(t *testing.T) {
	t.Parallel()
	var text bytes.Buffer
	log := slog.New(slog.NewTextHandler(&text, &slog.HandlerOptions{Level: slog.LevelDebug}))
	i := faults.New(faults.Settings{Seed: 1, Rate: 1}, log)
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range 50 {
				i.Kill("notes/edit", "PutItem")
			}
		})
	}
	all.Wait()
	if got := i.Snapshot()[faults.FunctionKilled]; got != 400 {
		t.Errorf("counted %d, want 400", got)
	}
	if got := strings.Count(text.String(), "kind=function_killed who=notes/edit"); got != 400 {
		t.Errorf("logged %d, want 400", got)
	}
}
