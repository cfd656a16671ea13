// Package latency is how long AWS takes, as distributions that the local runner
// adds to what the laptop takes itself. docs/latency-model.md has the source of
// every figure, and says which are assumptions. Samples are independent: there
// are no slow minutes here and no slow hosts.
package latency

import (
	"context"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/rapport/rapport/infra/local/proxy"
	"github.com/rapport/rapport/shared/core/clock"
)

// Model draws from the distributions. It is safe for concurrent use.
type Model struct {
	clock clock.Clock
	by    map[string]distribution

	mu     sync.Mutex
	random *rand.Rand
}

// AWS is the model of a region of AWS. The seed decides what is drawn, as far as
// the order of the calls does not.
func AWS(seed uint64, c clock.Clock) *Model {
	return &Model{clock: c, by: aws(), random: rand.New(rand.NewPCG(seed, 0))}
}

func (m *Model) draw(name string) time.Duration {
	m.mu.Lock()
	share := m.random.Float64()
	m.mu.Unlock()
	return m.by[name].quantile(share)
}

// Call is one call of a service by a function in the same region, from sending
// it to having its answer. An operation without figures takes as long as GetItem.
func (m *Model) Call(service proxy.Service, operation string) time.Duration {
	switch _, known := m.by[operation]; {
	case service == proxy.Sockets:
		return m.draw(postCall)
	case service == proxy.Queues, service == proxy.Secrets:
		return m.draw(queueCall)
	case service == proxy.Blobs:
		return m.draw(blobCall)
	case known:
		return m.draw(operation)
	}
	return m.draw("GetItem")
}

// Invoke is what Lambda takes from being asked to run a function that has a warm
// instance until it runs, and from its end to the answer.
func (m *Model) Invoke() time.Duration { return m.draw(warm) }

// ColdStart is what a new instance takes beside that until its own code runs.
func (m *Model) ColdStart() time.Duration { return m.draw(cold) }

// HTTP is what the HTTP API adds to a request and its answer together.
func (m *Model) HTTP() time.Duration { return m.draw(httpAPI) }

// Socket is what the WebSocket API takes from having a client's frame until it
// asks Lambda.
func (m *Model) Socket() time.Duration { return m.draw(socketAPI) }

// Network is the way between a client and the region, in one direction.
func (m *Model) Network() time.Duration { return m.draw(network) }

// StreamHop is from a commit to the invocation of a reader of its table's
// stream, which it includes.
func (m *Model) StreamHop() time.Duration { return m.draw(streamHop) }

// QueueHop is from a message's becoming visible to the invocation of the
// function that takes it, which it includes.
func (m *Model) QueueHop() time.Duration { return m.draw(queueHop) }

// Wait waits for a latency, also when the context ends before: what is under way
// on AWS doesn't learn that its caller has left.
func (m *Model) Wait(ctx context.Context, d time.Duration) {
	// Without an end of the context, sleeping doesn't fail.
	_ = m.clock.Sleep(context.WithoutCancel(ctx), d)
}

// Middleware is the proxy's: half of a call's latency passes before it is done, and its
// answer arrives when the whole has passed. The figures of a call are a client's,
// the service's own work included, so what the laptop takes for that work counts:
// a call takes as long as was drawn, or longer where the laptop does.
func (m *Model) Middleware(ctx context.Context, c *proxy.Call, next proxy.Handler) (proxy.Response, error) {
	whole := m.Call(c.Service, c.Operation)
	arrival := m.clock.Now().Add(whole)
	m.Wait(ctx, whole/2)
	answer, err := next(ctx, c)
	m.Wait(ctx, arrival.Sub(m.clock.Now()))
	return answer, err
}
