// Package queues opens queues to send to.
package queues

import (
	"github.com/rapport/rapport/shared/core/config"
	"github.com/rapport/rapport/shared/core/platform"
	"github.com/rapport/rapport/shared/core/queue/sqs"
)

// Open opens the queue whose URL a variable has.
func Open(p *platform.Platform, variable string) *sqs.Queue {
	cfg := config.Read[sqs.Config](p.Env)
	cfg.HTTP = p.Overrides.Queues
	return sqs.New(sqs.NewClient(cfg), p.Env.Variable(variable))
}
