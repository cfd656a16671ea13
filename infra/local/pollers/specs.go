package pollers

import (
	"strings"

	"github.com/rapport/rapport/infra/local/template"
	"github.com/rapport/rapport/shared/testkit/queues"
)

// Specs are the queues of a stack's templates.
func Specs(stack *template.Stack) []queues.Spec {
	specs := make([]queues.Spec, len(stack.Queues))
	for i, q := range stack.Queues {
		specs[i] = queues.Spec{
			Name: q.Name, ARN: q.ARN, Delay: q.Delay, Visibility: q.Visibility, Retention: q.Retention, MaxBytes: q.MaxBytes,
			DeadLetters: q.DeadLetters[strings.LastIndexByte(q.DeadLetters, ':')+1:], MaxReceives: q.MaxReceives,
		}
	}
	return specs
}
