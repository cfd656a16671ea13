package realtime

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/rapport/rapport/shared/core/caller"
	"github.com/rapport/rapport/shared/core/errs"
	"github.com/rapport/rapport/shared/core/table"
)

// keptAcquaintances is how many sockets a generation holds: one takes some 500
// bytes.
const keptAcquaintances = 1000

// acquaintances remembers, in one instance of a function, who stands behind which
// socket. That never changes; whether the socket stands does, and isn't remembered.
// It holds two generations: a full one becomes the older, whose sockets move on when
// they are asked for and are else forgotten.
type acquaintances struct {
	mu           sync.Mutex
	newer, older map[string]Principal
}

func newAcquaintances() *acquaintances { return &acquaintances{newer: map[string]Principal{}} }

func (a *acquaintances) get(connectionID string) (p Principal, ok bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if p, ok = a.newer[connectionID]; ok {
		return p, true
	}
	if p, ok = a.older[connectionID]; ok {
		a.add(connectionID, p)
	}
	return p, ok
}

func (a *acquaintances) put(connectionID string, p Principal) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.add(connectionID, p)
}

func (a *acquaintances) add(connectionID string, p Principal) {
	if len(a.newer) >= keptAcquaintances {
		a.older, a.newer = a.newer, map[string]Principal{}
	}
	a.newer[connectionID] = p
}

// Caller gives who stands behind an open socket.
func (s *Connections) Caller(ctx context.Context, connectionID string) (caller.Caller, error) {
	item, err := table.Get[connectionItem](ctx, s.realtime, connectionKey(connectionID))
	if errors.Is(err, table.ErrNotFound) || (err == nil && item.Closed) {
		return caller.Caller{}, over()
	}
	if err != nil {
		return caller.Caller{}, fmt.Errorf("read connection: %w", err)
	}
	s.met.put(connectionID, item.Principal)
	return item.caller(connectionID), nil
}

// Acquainted gives the unconfirmed caller of a socket that this instance has met.
func (s *Connections) Acquainted(connectionID string) (caller.Caller, bool) {
	p, known := s.met.get(connectionID)
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
