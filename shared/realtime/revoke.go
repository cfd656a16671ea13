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
	// Stands tells of a subscription's role, read anew, whether it is right and so
	// stays: for the durable lane, which repeats revocations late. nil means that
	// none is.
	Stands func(ctx context.Context, role string) (bool, error)
	// Last is true for the durable lane, after which nobody comes: a socket that it
	// can't tell is closed, so that its client comes back and hears what holds.
	Last bool
}

// Revoke ends subscriptions and tells their sockets, and then ends presence and
// tells the others. The caller has marked the
// participant or the meeting before, so that no new one can be made. When it
// returns without error, no sender that starts afterwards finds them.
//
// A subscription is marked, its socket told, and then its row deleted: whoever
// repeats what died half-way finds the mark and tells the socket again. So does
// the durable lane where the socket couldn't be told.
func (s *Streams) Revoke(ctx context.Context, r Revocation) error {
	var failed error
	for _, kind := range meetingKinds {
		if !slices.Contains(r.Spare, kind) {
			failed = errors.Join(failed, s.revokeTopic(ctx, MeetingTopic(kind, r.MeetingID), r))
		}
	}
	return errors.Join(failed, s.revokePresence(ctx, r))
}

func (s *Streams) revokeTopic(ctx context.Context, topic Topic, r Revocation) error {
	frame, err := json.Marshal(revokedFrame{Type: "revoked", Topic: topic.String(), Reason: r.Reason})
	if err != nil {
		return err
	}
	for after, more := "", true; more; {
		page, err := table.List[subscription](ctx, s.realtime, table.Query{
			PK: topicPartition(topic), Prefix: connectionPrefix, Limit: table.MaxLimit, After: after,
		})
		if err != nil {
			return fmt.Errorf("revoke %s: %w", topic, err)
		}
		marked, failed := s.mark(ctx, page.Items, r)
		outcomes := s.post(ctx, topic, connectionsOf(marked), [][]byte{frame}, laneRevocation)
		for i, row := range marked {
			failed = errors.Join(failed, s.endAfter(ctx, topic, row, outcomes[i], r.Last))
		}
		if failed != nil {
			return failed
		}
		after, more = page.Next, page.More()
	}
	return nil
}

// mark marks the subscriptions that a revocation is about, so that senders pass
// them over, and gives them.
func (s *Streams) mark(ctx context.Context, rows []table.Row[subscription], r Revocation) (marked []table.Row[subscription], failed error) {
	for _, row := range rows {
		if r.UserID != "" && row.Value.UserID != r.UserID {
			continue
		}
		if r.Stands != nil && !row.Value.Ended {
			stands, err := r.Stands(ctx, row.Value.Role)
			if err != nil {
				failed = errors.Join(failed, err)
			}
			if err != nil || stands {
				continue
			}
		}
		err := s.realtime.Update(ctx, row.Key, table.Update{
			Set: map[string]any{"ended": true}, If: table.Equals("since", row.Value.Since),
		})
		switch {
		case errors.Is(err, table.ErrConditionFailed):
			// Another subscription took its place, under what holds now; or it is gone.
		case err != nil:
			failed = errors.Join(failed, fmt.Errorf("mark subscription: %w", err))
		default:
			marked = append(marked, row)
		}
	}
	return marked, failed
}

// endAfter ends a subscription, by what became of telling its socket. A client
// that wasn't told believes that it follows the topic: its subscription stays,
// marked, for the last to try.
func (s *Streams) endAfter(ctx context.Context, topic Topic, row table.Row[subscription], told outcome, last bool) error {
	switch {
	case told == posted || told == gone:
		return s.end(ctx, topic, row)
	case last:
		return s.giveUp(ctx, topic, connectionOf(row.Key))
	}
	return nil
}

// end deletes one subscription, takes its topic off its connection and audits
// the end, all at once, unless another one has taken its place.
func (s *Streams) end(ctx context.Context, topic Topic, row table.Row[subscription]) error {
	tx := table.NewTx()
	tx.Delete(s.realtime, row.Key, table.If(table.Equals("since", row.Value.Since)))
	tx.Update(s.realtime, connectionKey(connectionOf(row.Key)), table.Update{
		DeleteFrom: map[string]any{"topics": table.StringSet{topic.String()}}, If: table.Exists(),
	}, table.Named(opConnection))
	who := caller.Caller{UserID: row.Value.UserID}
	s.audit.Add(tx, who, actionUnsubscribe, topic.String())
	err := tx.Commit(ctx)
	if table.FailedOp(err, opConnection) != nil {
		// Its socket has gone meanwhile, and with it whoever could take its place.
		err = s.realtime.Delete(ctx, row.Key)
		if err == nil {
			err = s.ended(ctx, who, topic)
		}
	}
	if err != nil && !errors.Is(err, table.ErrConditionFailed) {
		return fmt.Errorf("end subscription: %w", err)
	}
	return nil
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
