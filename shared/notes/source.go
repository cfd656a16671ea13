package notes

import (
	"context"

	"github.com/rapport/rapport/shared/core/logtopic"
	"github.com/rapport/rapport/shared/core/realtime"
	"github.com/rapport/rapport/shared/core/table"
)

// Source gives the topic `meetings/<id>/notes`: the position is the version, and
// heads have a hash.
type Source struct {
	*logtopic.Topics[Change]
	service *Service
}

// Source gives the source of the topics of notes.
func (s *Service) Source() Source { return Source{Topics: s.topics, service: s} }

// Head implements realtime.Source; the hash is known where the newest snapshot
// is of the newest version.
func (s Source) Head(ctx context.Context, topic realtime.Topic) (int64, string, error) {
	base, err := s.service.snapshot(ctx, topic.String())
	if err != nil {
		return 0, "", err
	}
	newest, _, err := s.service.log.NewestAfter(ctx, topic.String(), base.Base)
	if err != nil {
		return 0, "", err
	}
	if base.Position != newest {
		return newest, "", nil
	}
	return newest, base.Hash, nil
}

// Moved implements realtime.Domain: a new change, which a snapshot follows; or a
// new snapshot, of which only the hash is news.
func (s Source) Moved(r table.Record) []realtime.Move {
	if moves := s.Topics.Moved(r); moves != nil {
		moves[0].HashFollows = true
		return moves
	}
	name, materialised := isSnapshot(r)
	if topic := realtime.Topic(name); materialised && TopicPattern.Matches(topic) {
		return []realtime.Move{{Topic: topic, Hashed: true}}
	}
	return nil
}
