package realtime

import (
	"context"
	"errors"
	"fmt"

	"github.com/rapport/rapport/shared/core/effect"
	"github.com/rapport/rapport/shared/core/table"
)

// SessionEnd is the effect of a call that ends a session: Publisher.EndSession.
type SessionEnd struct{ UserID, SessionID string }

// When implements effect.Effect.
func (SessionEnd) When() effect.When { return effect.Before }

// EndSession takes down every socket that a session has opened: each is notified
// `revoked` on all its topics and closed; and it ends the presence of the
// session's clients that have no socket. The session has been marked as ended
// before, so that nothing is opened or entered any more. When it returns without
// error, no sender that starts afterwards finds the sockets, and no frame of theirs
// is taken. A repeated call does what is left.
func (p *Publisher) EndSession(ctx context.Context, userID, sessionID string) error {
	ids, err := p.connections.Of(ctx, userID)
	if err != nil {
		return err
	}
	return errors.Join(
		atOnce(ids, func(id string) error { return p.endSocket(ctx, id, sessionID) }),
		p.endAbsent(ctx, userID, sessionID),
	)
}

// endAbsent ends the presence of those clients of a session that have no socket.
func (p *Publisher) endAbsent(ctx context.Context, userID, sessionID string) error {
	key := ownerKey(sessionID)
	item, err := table.Get[ownerItem](ctx, p.realtime, key)
	if errors.Is(err, table.ErrNotFound) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("end session: %w", err)
	}
	if err := p.endPresence(ctx, key.PK, userID, topicsNamed(item.Present)); err != nil {
		return err
	}
	if err := p.realtime.Delete(ctx, key); err != nil {
		return fmt.Errorf("end session: %w", err)
	}
	return nil
}

// endSocket takes a socket down if it is of a session. The socket stays listed
// until it is closed: a repetition after a crash finds it.
func (p *Publisher) endSocket(ctx context.Context, connectionID, sessionID string) error {
	item, err := p.connections.shut(ctx, connectionID, table.Equals("sessionId", sessionID))
	if errors.Is(err, table.ErrConditionFailed) {
		return nil // of another session, or gone
	}
	if err != nil {
		return err
	}
	if err := p.endTopics(ctx, connectionID, topicsNamed(item.Topics)); err != nil {
		return err
	}
	if err := p.endPresence(ctx, connectionKey(connectionID).PK, item.UserID, topicsNamed(item.Present)); err != nil {
		return err
	}
	if err := p.connections.gateway.Disconnect(ctx, connectionID); err != nil {
		return err
	}
	closed, left, err := p.connections.Close(ctx, connectionID)
	if err != nil {
		return err
	}
	return p.ended(ctx, closed, left...)
}

// endTopics ends a socket's subscriptions: all are marked, then the socket is notified, then
// they are deleted.
func (p *Publisher) endTopics(ctx context.Context, connectionID string, topics []Topic) error {
	streams, marked := make([]stream, len(topics)), make([]bool, len(topics))
	err := atOnce(indices(len(topics)), func(i int) error {
		key := subscriptionKey(topics[i], connectionID)
		value, err := table.UpdateReturning[subscription](ctx, p.realtime, key, table.Update{
			Set: map[string]any{"ended": true}, If: table.Exists(),
		})
		if errors.Is(err, table.ErrConditionFailed) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("mark subscription: %w", err)
		}
		streams[i], marked[i] = stream{topics[i], table.Row[subscription]{Key: key, Value: value}}, true
		return nil
	})
	if err != nil {
		return err
	}
	standing := chosen(streams, marked)
	if len(standing) == 0 {
		return nil
	}
	// The socket is about to be closed, so whether it could be reached doesn't matter.
	if _, err := p.postRevoked(ctx, [][]stream{standing}, SessionEnded); err != nil {
		return err
	}
	return p.end(ctx, standing...)
}
