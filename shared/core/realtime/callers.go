package realtime

import (
	"context"
	"errors"
	"fmt"

	"github.com/rapport/rapport/shared/core/caller"
	"github.com/rapport/rapport/shared/core/errs"
	"github.com/rapport/rapport/shared/core/table"
)

// Caller gives who stands behind an open socket.
func (s *Connections) Caller(ctx context.Context, connectionID string) (caller.Caller, error) {
	item, err := table.Get[connectionItem](ctx, s.realtime, connectionKey(connectionID))
	if errors.Is(err, table.ErrNotFound) || (err == nil && item.Closed) {
		return caller.Caller{}, over()
	}
	if err != nil {
		return caller.Caller{}, fmt.Errorf("read connection: %w", err)
	}
	s.callers.Put(connectionID, item.Principal)
	return item.caller(connectionID), nil
}

// Cached gives the unconfirmed caller of a socket that this instance has served before.
func (s *Connections) Cached(connectionID string) (caller.Caller, bool) {
	p, known := s.callers.Get(connectionID)
	c := p.caller(connectionID)
	c.Unconfirmed = true
	return c, known
}

// SocketRow is a connection's row, to be read beside others by whoever confirms that
// it stands.
type SocketRow struct {
	*table.Lookup[connectionItem]
}

// SocketRow asks for a connection's row.
func (s *Connections) SocketRow(connectionID string) SocketRow {
	return SocketRow{table.NewLookup[connectionItem](s.realtime, connectionKey(connectionID))}
}

// Confirm gives UNAUTHORIZED where the row, which was read, isn't that of an open
// socket.
func (s SocketRow) Confirm() error {
	if !s.Found || s.Value.Closed {
		return over()
	}
	return nil
}

func over() error {
	return errs.New(errs.Unauthorized, "This connection is over. Please connect anew.")
}

// SocketRow asks for the row of a caller's connection; see Connections.
func (p *Publisher) SocketRow(connectionID string) SocketRow {
	return p.connections.SocketRow(connectionID)
}
