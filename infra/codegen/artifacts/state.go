package artifacts

import (
	"fmt"
	"io/fs"

	"github.com/rapport/rapport/shared/core/endpoint"
)

// stateName is the stack of what outlives every deployment.
const stateName = "state"

// deadLettersKept is how long, in seconds, what was given up lies in its queue: SQS's
// longest.
const deadLettersKept = 14 * 24 * 60 * 60

// state is that stack.
type state struct {
	Extra  string
	Extras map[string]string
	Queues []queue
}

// queue is a queue in the templates' terms: of messages, which has dead letters, or of
// dead letters.
type queue struct {
	Name, Comment string
	// Kept and Visibility are in seconds; dead letters have no visibility timeout of
	// their own.
	Kept, Visibility int
	Dead             string
}

// queuesOf are the queues that functions take messages from, and those of what
// functions give up, in the order of the functions.
func queuesOf(specs []endpoint.FunctionSpec, ids map[string]string) []queue {
	var all []queue
	for _, spec := range specs {
		switch spec.Trigger {
		case endpoint.TriggerQueue:
			f := functionOf(spec, ids[spec.Name])
			dead := spec.Route + "Dlq"
			all = append(all,
				queue{
					Name: spec.Route, Comment: "What " + spec.Name + " takes.", Dead: dead,
					Kept: int(spec.Deployment.Messages.Kept.Seconds()), Visibility: visibilityTimes * f.Seconds,
				},
				queue{Name: dead, Comment: "What " + spec.Name + " failed at five times.", Kept: deadLettersKept})
		case endpoint.TriggerStream:
			all = append(all, queue{
				Name: ids[spec.Name] + "Dlq", Kept: deadLettersKept,
				Comment: "What " + spec.Name + " gave up on: which records, not their content.",
			})
		}
	}
	return all
}

func stateText(tree fs.FS, queues []queue) (string, error) {
	file, sections, err := extras(tree, stateName)
	if err != nil {
		return "", err
	}
	if file == "" {
		return "", fmt.Errorf("%s: %w", "infra/stacks/extra/"+stateName+".yaml", fs.ErrNotExist)
	}
	return render("state.yaml.tmpl", state{file, sections, queues})
}

// restored are the parameters by which a table that was restored takes over; empty,
// the stack's own are used.
func restored() []parameter {
	var all []parameter
	for _, t := range tables() {
		all = append(all, parameter{string(t) + "Table", "!Ref " + string(t) + "Table"})
	}
	return append(all, parameter{"DataStreamArn", "!Ref DataStreamArn"}, parameter{"LogStreamArn", "!Ref LogStreamArn"})
}
