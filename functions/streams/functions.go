// Package streams declares the readers of the tables' streams. A shard allows two,
// so there are two functions, and domains add to what these do instead of reading
// by themselves: fanout tells subscribers what moved (composition.Movers), project
// has handlers for all else that follows from a record (composition.Projections).
package streams

import (
	"context"
	"fmt"

	"github.com/rapport/rapport/functions/composition"
	"github.com/rapport/rapport/shared/core/config"
	"github.com/rapport/rapport/shared/core/endpoint"
	"github.com/rapport/rapport/shared/core/platform"
	"github.com/rapport/rapport/shared/core/projection"
	"github.com/rapport/rapport/shared/core/realtime"
)

// Service is the durable lane, and the reader of all other handlers.
type Service struct {
	*realtime.Durable
	*projection.Reader
}

// The functions.
var (
	// Fanout may see a record twice: a head says what is newest, and a
	// revocation ends only what shouldn't be there.
	Fanout = endpoint.Stream("Data,Log", "stream: tell subscribers what moved, and end the streams that must; a retry tells the same.",
		Service.Fanout)
	// Project may see a record twice, as each of its handlers may.
	Project = endpoint.Stream("Data,Log", "stream: materialise the texts that changed, and bring people's new names into their meetings; a retry finds done what was.",
		Service.Project)
)

// Functions lists them under their folders.
func Functions() []endpoint.FunctionSpec {
	return endpoint.Domain("streams", Open, map[string]endpoint.Function[Service]{
		"fanout": Fanout, "project": Project,
	})
}

// Open builds the service.
func Open(_ context.Context, declaration endpoint.Declaration, env config.Env, overrides endpoint.Overrides) (endpoint.App[Service], error) {
	d := composition.New(env, overrides)
	topics, err := d.Topics()
	if err != nil {
		return endpoint.App[Service]{}, fmt.Errorf("open: %w", err)
	}
	reader, err := projection.NewReader(d.Log, d.Projections()...)
	if err != nil {
		return endpoint.App[Service]{}, fmt.Errorf("open: %w", err)
	}
	return platform.App(d.Platform, d.Runtime(declaration), Service{
		Durable: realtime.NewDurable(d.Publisher(), topics, d.Clock, d.Movers()...),
		Reader:  reader,
	})
}
