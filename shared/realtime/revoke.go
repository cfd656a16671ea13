package realtime

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/go-json-experiment/json"

	"github.com/rapport/rapport/shared/audit"
	"github.com/rapport/rapport/shared/caller"
	"github.com/rapport/rapport/shared/table"
)

// What is audited of subscriptions.
const (
	actionSubscribe   caller.Action = "realtime.subscribe"
	actionUnsubscribe caller.Action = "realtime.unsubscribe"
)

// Revocation says which subscriptions to end.
type Revocation struct {
	MeetingID string
	// UserID is whose subscriptions end; empty for everybody's.
	UserID string
	Reason Reason
	// Spare lists kinds of topics that go on.
	Spare []Kind
	// Stands tells of a subscription's role whether it is still right, and so
	// stays: for the durable lane, which repeats revocations late. nil means
	// none is.
	Stands func(role string) bool
}

// Revoke ends subscriptions and tells their sockets. The caller has marked the
// participant or the meeting before, so that no new one can be made. When it
// returns without error, no sender that starts afterwards finds them.
func (s *Streams) Revoke(ctx context.Context, r Revocation) error {
	for _, kind := range meetingKinds {
		if slices.Contains(r.Spare, kind) {
			continue
		}
		topic := MeetingTopic(kind, r.MeetingID)
		rows, err := s.subscribers(ctx, topic)
		if err != nil {
			return err
		}
		var ended []string
		for _, row := range rows {
			if (r.UserID != "" && row.Value.UserID != r.UserID) || (r.Stands != nil && r.Stands(row.Value.Role)) {
				continue
			}
			if err := s.end(ctx, topic, row); err != nil {
				return err
			}
			ended = append(ended, connectionOf(row.Key))
		}
		frame, err := json.Marshal(revokedFrame{Type: "revoked", Topic: topic.String(), Reason: r.Reason})
		if err != nil {
			return err
		}
		s.post(ctx, ended, [][]byte{frame})
	}
	return nil
}

// end deletes one subscription, takes its topic off its connection and audits
// the end.
func (s *Streams) end(ctx context.Context, topic Topic, row table.Row[subscription]) error {
	if err := s.realtime.Delete(ctx, row.Key); err != nil {
		return fmt.Errorf("end subscription: %w", err)
	}
	err := s.realtime.Update(ctx, connectionKey(connectionOf(row.Key)), table.Update{
		DeleteFrom: map[string]any{"topics": table.StringSet{topic.String()}}, If: table.Exists(),
	})
	if err != nil && !errors.Is(err, table.ErrConditionFailed) {
		return fmt.Errorf("end subscription: %w", err)
	}
	return s.ended(ctx, caller.Caller{UserID: row.Value.UserID}, topic)
}

// ended audits the end of subscriptions.
func (s *Streams) ended(ctx context.Context, c caller.Caller, topics ...Topic) error {
	for _, topic := range topics {
		if err := s.audit.Record(ctx, c, actionUnsubscribe, topic.String(), audit.Done); err != nil {
			return err
		}
	}
	return nil
}
