package endpoint

import "time"

// Source is how a function reads a table's stream.
type Source struct {
	Table Table
	// BatchSize is the most records of a batch, Window how long Lambda gathers one
	// (whole seconds; zero doesn't wait), Parallel how many batches of a shard are
	// under way at once.
	BatchSize int
	Window    time.Duration
	Parallel  int
	// Filters are event filter patterns (JSON): a record passes if one matches.
	Filters []string
}

// Messages is how a queue keeps its messages and gives them to its function.
type Messages struct {
	// Kept is how long a message may wait.
	Kept time.Duration
	// Concurrency bounds the batches under way at once, 2 at least.
	Concurrency int
}

// Deployment is what the templates say of a function beside its trigger: its
// grants, its memory and timeout, and the journey that its failures count for.
type Deployment struct {
	Grants  []Grant
	Sockets []SocketCall
	// Queues are the queues that it sends to, by their names in the templates.
	Queues   []string
	Services []Service
	// MemoryMB and Timeout are zero for what its trigger has by itself.
	MemoryMB int
	Timeout  time.Duration
	// Sources are a stream's, Messages a queue's.
	Sources  []Source
	Messages Messages
	// Lag is how far behind its stream or queue it may be before an alarm fires: its
	// own waiting, and room.
	Lag time.Duration
	// Journey is the one of infra/journeys.yaml that fails when it fails.
	Journey string
}

// APIJourney is the journey of what has no other: the calls over HTTP.
const APIJourney = "api"

// Memory sets a function's memory, and with it its share of a processor; without it
// 256 MB over HTTP, else 512.
func Memory(megabytes int) Option {
	return func(d *Declaration) { d.Deployment.MemoryMB = megabytes }
}

// Timeout bounds one execution, in whole seconds; without it ten.
func Timeout(t time.Duration) Option { return func(d *Declaration) { d.Deployment.Timeout = t } }

// From says how a function reads its streams, one source for each table.
func From(sources ...Source) Option {
	return func(d *Declaration) { d.Deployment.Sources = append(d.Deployment.Sources, sources...) }
}

// Takes says how a function takes the messages of its queue.
func Takes(m Messages) Option { return func(d *Declaration) { d.Deployment.Messages = m } }

// Lag says how far behind its stream or queue a function may be before somebody
// hears.
func Lag(t time.Duration) Option { return func(d *Declaration) { d.Deployment.Lag = t } }

// Serves names the journey of infra/journeys.yaml that fails when the function
// fails. Without it that is APIJourney over HTTP, and none else.
func Serves(journey string) Option {
	return func(d *Declaration) { d.Deployment.Journey = journey }
}

// JourneyName is the journey that the function belongs to; empty for none.
func (d Declaration) JourneyName() string {
	if d.Deployment.Journey == "" && d.Trigger == TriggerHTTP {
		return APIJourney
	}
	return d.Deployment.Journey
}
