package check

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/rapport/rapport/infra/client"
	"github.com/rapport/rapport/shared/core/clock"
	"github.com/rapport/rapport/shared/testkit/scene"
)

// harness plays a domain's scenario at a runner's public APIs.
type harness struct {
	t      *testing.T
	base   string
	scenes *scene.Scenes
	watch  *guard
	names  scene.Names
	people map[string]*person
	keys   int
}

// person is somebody signed in, with the sockets that they opened.
type person struct {
	*client.Client
	token   string
	sockets []*client.Socket
	// pushed are the types of the frames that nobody asked for.
	pushed chan string
}

// manyFrames is more than a scenario is sent.
const manyFrames = 10_000

func newHarness(t *testing.T, base string, scenes *scene.Scenes, watch *guard) *harness {
	w := &harness{t: t, base: base, scenes: scenes, watch: watch, people: map[string]*person{}}
	w.names = scene.Names{scene.Ada: w.person("ada").UserID, scene.Grace: w.person("grace").UserID, scene.Fresh: clock.NewID(clock.System{})}
	t.Cleanup(func() {
		for _, p := range w.people {
			p.leave()
		}
	})
	return w
}

// person is whoever is of that name; nobody is nil.
func (h *harness) person(name string) *person {
	h.t.Helper()
	if name == "" || h.people[name] != nil {
		return h.people[name]
	}
	var answer struct{ AccessToken string }
	asked := map[string]any{"user": name}
	if name == scene.Operator {
		asked["claims"] = scene.OperatorClaims()
	}
	if err := json.Unmarshal(h.dev("POST /dev/token", asked), &answer); err != nil {
		h.t.Fatal(err)
	}
	one, err := client.SignIn(h.t.Context(), h.base, name)
	if err != nil {
		h.t.Fatal(err)
	}
	h.people[name] = &person{Client: one, token: answer.AccessToken, pushed: make(chan string, manyFrames)}
	return h.people[name]
}

func (h *harness) play(ctx context.Context, steps []scene.Step) {
	for _, step := range steps {
		as := h.person(step.As)
		switch {
		case step.Do == "realtime/connect":
			for range max(1, step.Times) {
				if err := as.open(ctx); err != nil && step.Times == 0 {
					h.t.Fatalf("%s: %v", step, err)
				}
			}
		case step.Do != "" && step.Status != 0:
			h.call(as, step)
		case step.Do != "":
			h.frames(ctx, as, step)
		case step.Hears != "":
			as.await(ctx, h.t, step.Hears)
		case step.Leaves:
			as.leave()
		case step.Revokes != "":
			h.dev("POST /dev/revoke", map[string]any{"user": step.Revokes})
		case step.Runs != "":
			h.dev("POST /dev/run", map[string]any{"function": step.Runs})
		case step.Until != "":
			h.until(ctx, step)
		default:
			h.t.Fatalf("a step that says nothing to do: %s", step)
		}
	}
}

// request is what a step sends, for the nth time.
func (h *harness) request(step scene.Step, n int) scene.Request {
	h.t.Helper()
	event, err := h.scenes.Event(step.Do, h.names)
	if err != nil {
		h.t.Fatal(err)
	}
	request, err := scene.RequestOf(event)
	if err == nil {
		request, err = request.With(step.With, n)
	}
	if err != nil {
		h.t.Fatalf("%s: %v", step, err)
	}
	request.Body = h.names.Replace(request.Body)
	return request
}

// call makes a step's request, mutations twice under one key.
func (h *harness) call(as *person, step scene.Step) {
	h.t.Helper()
	request := h.request(step, 1)
	h.keys++
	key := h.t.Name() + "-" + strconv.Itoa(h.keys)
	answer := h.once(as, request.Line, key, request.Body, step.Status)
	if step.Status >= http.StatusBadRequest {
		return
	}
	if as != nil && !strings.HasPrefix(request.Line, http.MethodGet) {
		h.once(as, request.Line, key, request.Body, step.Status)
	}
	if err := h.scenes.Learn(step.Do, answer, h.names); err != nil {
		h.t.Fatal(err)
	}
}

// dev asks the runner for what only a laptop has.
func (h *harness) dev(line string, in map[string]any) []byte {
	h.t.Helper()
	body, err := json.Marshal(in)
	if err != nil {
		h.t.Fatal(err)
	}
	return h.once(nil, line, "", body, http.StatusOK)
}

func (h *harness) once(as *person, line, key string, body []byte, want int) []byte {
	h.t.Helper()
	method, path, _ := strings.Cut(line, " ")
	request, err := http.NewRequestWithContext(h.t.Context(), method, h.base+path, bytes.NewReader(body))
	if err != nil {
		h.t.Fatal(err)
	}
	if body != nil {
		request.Header.Set("Content-Type", "application/json")
	}
	if as != nil {
		request.Header.Set("Authorization", "Bearer "+as.token)
		if method != http.MethodGet {
			request.Header.Set("Idempotency-Key", key)
		}
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		h.t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		h.t.Fatal(err)
	}
	if response.StatusCode != want {
		h.t.Errorf("%s: %d, want %d: %s", line, response.StatusCode, want, text)
	}
	return text
}

// frames sends a step's frame and wants its answer, or many at once.
func (h *harness) frames(ctx context.Context, as *person, step scene.Step) {
	h.t.Helper()
	if len(as.sockets) == 0 {
		if err := as.open(ctx); err != nil {
			h.t.Fatalf("%s: %v", step, err)
		}
	}
	var group errgroup.Group
	for n := range max(1, step.Times) {
		var frame map[string]any
		if err := json.Unmarshal(h.request(step, n+1).Body, &frame); err != nil {
			h.t.Fatalf("%s: %v", step, err)
		}
		delete(frame, "id") // the client gives its own
		group.Go(func() error {
			answer, err := as.sockets[0].Ask(ctx, frame)
			if answer.Type == "" {
				return err
			}
			if step.Times == 0 && answer.Type != step.Type {
				h.t.Errorf("%s got %s", step, answer.Raw)
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		h.t.Fatalf("%s: %v", step, err)
	}
}

// until waits for something that happens behind the answers.
func (h *harness) until(ctx context.Context, step scene.Step) {
	h.t.Helper()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for !slices.ContainsFunc(h.watch.uses(), func(u use) bool {
		return u.function == step.Until && slices.Contains(step.Actions, u.Name) && (step.On == "" || strings.HasSuffix(u.Resource, "-"+step.On))
	}) {
		select {
		case <-ctx.Done():
			h.t.Fatalf("waited in vain: %s", step)
		case <-tick.C:
		}
	}
}

func (p *person) open(ctx context.Context) error {
	socket, err := p.Open(ctx, func(f client.Frame) { p.pushed <- f.Type })
	if err == nil {
		p.sockets = append(p.sockets, socket)
	}
	return err
}

// leave cuts all sockets.
func (p *person) leave() {
	for _, socket := range p.sockets {
		socket.Cut()
	}
	p.sockets = nil
}

// await waits for a frame of a type that nobody asked for.
func (p *person) await(ctx context.Context, t *testing.T, kind string) {
	t.Helper()
	for {
		select {
		case got := <-p.pushed:
			if got == kind {
				return
			}
		case <-ctx.Done():
			t.Fatalf("no frame %s came", kind)
		}
	}
}
