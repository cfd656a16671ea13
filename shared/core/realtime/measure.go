package realtime

import (
	"context"
	"time"

	"github.com/rapport/rapport/shared/core/metrics"
)

// What is measured of delivery. Everything has the dimension Kind, that of the
// topic; frames have Lane too.
const (
	// metricFanout is the time from an entry's commit to the end of the post that
	// carried it to its subscribers.
	metricFanout = "FanoutLatency"
	// metricSubscribers is how many sockets followed a topic when it was posted to.
	metricSubscribers = "Subscribers"
	// metricCoalesced counts entries that went with another entry's post.
	metricCoalesced = "EntriesCoalesced"
	// metricHeaded counts posts that became a head because they fit no frame.
	metricHeaded = "PostsHeaded"
	// Frames are posted; or failed; or dropped, because the breaker was open or the
	// time was over; or found their socket gone.
	metricPosted  = "FramesPosted"
	metricFailed  = "FramesFailed"
	metricDropped = "FramesDropped"
	metricGone    = "SocketsGone"
	// Breakers open, close, and at last give a socket up.
	metricOpened = "BreakersOpened"
	metricClosed = "BreakersClosed"
	metricGaveUp = "SocketsGivenUp"
)

// lane is the way that a frame goes, and what decides who is passed over when
// not all can be reached.
type lane string

const (
	// laneExpress carries events from the function that commits. It passes over
	// sockets whose breaker is open.
	laneExpress lane = "express"
	// laneDurable carries heads. It tries every socket, and so finds out whether a
	// breaker can close.
	laneDurable lane = "durable"
	// laneReplay answers one subscriber.
	laneReplay lane = "replay"
	// laneRevocation ends streams, and tries every socket.
	laneRevocation lane = "revocation"
)

func kindOf(t Topic) metrics.Dimension { return metrics.Dimension{Name: "Kind", Value: t.kind()} }

func count(ctx context.Context, name string, n int, t Topic) {
	metrics.Count(ctx, name, n, kindOf(t))
}

func countFrames(ctx context.Context, name string, n int, t Topic, l lane) {
	metrics.Count(ctx, name, n, kindOf(t), metrics.Dimension{Name: "Lane", Value: string(l)})
}

// fannedOut notes that an entry has gone to its subscribers.
func (p *Publisher) fannedOut(ctx context.Context, t Topic, committed time.Time) {
	metrics.Observe(ctx, metricFanout, p.clock.Now().Sub(committed), kindOf(t))
}
