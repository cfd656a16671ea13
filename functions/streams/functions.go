// Package streams declares the readers of the tables' streams. A shard allows two,
// so there are two functions, and domains add to what these do instead of reading
// by themselves: fanout sends subscribers what moved (composition.Movers), project
// has handlers for all else that follows from a record (composition.Projections).
package streams

import (
	"context"
	"fmt"
	"time"

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
	Fanout = endpoint.Stream("Data,Log", "stream: send subscribers the newest positions, and end revoked subscriptions; a retry sends the same.",
		Service.Fanout, endpoint.Timeout(30*time.Second), endpoint.Serves("edit"),
		endpoint.From(fanoutReads()...), endpoint.Lag(30*time.Second),
		endpoint.Reads(endpoint.Data, endpoint.GetItem),
		endpoint.Reads(endpoint.Log, endpoint.GetItem, endpoint.Query), endpoint.Writes(endpoint.Log, endpoint.PutItem),
		endpoint.Delivers(), endpoint.Writes(endpoint.Realtime, endpoint.BatchWriteItem), endpoint.Closes(), endpoint.Audits())
	// Project may see a record twice, as each of its handlers may. It is granted what
	// all of them do together.
	Project = endpoint.Stream("Data,Log", "stream: materialise the texts that changed, bring people's new names into their meetings and the index of names, and count their interests; a retry finds done what was.",
		Service.Project, endpoint.Timeout(time.Minute),
		endpoint.From(projectReads()...), endpoint.Lag(2*time.Minute),
		endpoint.Reads(endpoint.Data, endpoint.GetItem, endpoint.BatchGetItem, endpoint.Query, endpoint.ConditionCheckItem),
		endpoint.Writes(endpoint.Data, endpoint.PutItem, endpoint.UpdateItem, endpoint.DeleteItem), endpoint.ReadsIndex(endpoint.Data, "GSI1"),
		endpoint.Reads(endpoint.Log, endpoint.GetItem, endpoint.BatchGetItem, endpoint.Query),
		endpoint.Writes(endpoint.Log, endpoint.PutItem, endpoint.BatchWriteItem, endpoint.UpdateItem, endpoint.DeleteItem),
		endpoint.Delivers())
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
