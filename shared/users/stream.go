package users

import (
	"context"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/rapport/rapport/shared/core/caller"
	"github.com/rapport/rapport/shared/core/clock"
	"github.com/rapport/rapport/shared/core/errs"
	"github.com/rapport/rapport/shared/core/log"
	"github.com/rapport/rapport/shared/core/logtopic"
	"github.com/rapport/rapport/shared/core/realtime"
	"github.com/rapport/rapport/shared/core/table"
)

// perBucket is how many positions of a user's log lie in a bucket.
const perBucket = 4096

// kind is the topics `users/<id>`: the log of what concerns one user alone. An
// entry's data is the event's.
var kind = logtopic.Kind[jsontext.Value]{
	Pattern: "users/{id}",
	Layout:  log.ByCount(perBucket),
	Decode:  func(e log.Entry) ([]jsontext.Value, error) { return []jsontext.Value{jsontext.Value(e.Data)}, nil },
	Refusals: logtopic.Refusals{
		Gone:      "What concerns you is kept from position %d on.",
		Closed:    "This topic takes no more.",
		Reused:    "This was sent with another content.",
		Contended: "Too much happens at once. Please try again.",
	},
}

// Topic is the type of the topics `users/<id>`.
func Topic() realtime.TopicType { return kind.Type() }

// Topics gives the topics `users/<id>` over the table Log.
func Topics(t *table.Table, c clock.Clock) *logtopic.Topics[jsontext.Value] {
	return logtopic.New(kind, kind.Log(t, c), c, selfAdmission{})
}

// selfAdmission admits nobody but the user.
type selfAdmission struct{}

// Admit implements logtopic.Admission.
func (selfAdmission) Admit(_ context.Context, c caller.Caller, topic realtime.Topic) (string, error) {
	if topic.ID() != c.UserID {
		return "", errs.New(errs.Forbidden, "This topic is another user's own.")
	}
	return "", nil
}

// Holds implements logtopic.Admission: nothing beside the open connection.
func (selfAdmission) Holds(*table.Tx, realtime.Topic, string, string) {}
