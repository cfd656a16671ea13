package realtime

import (
	"context"
	"time"

	"github.com/rapport/rapport/shared/core/caller"
	"github.com/rapport/rapport/shared/core/effect"
)

// ActionTicket is asking for a ticket, which whoever is signed in may do.
const ActionTicket caller.Action = "realtime.ticket"

// Ticket is what opens a socket, once.
type Ticket struct {
	Ticket    string    `json:"ticket"`
	URL       string    `json:"url"`
	ExpiresAt time.Time `json:"expiresAt"`
}

// IssueTicket makes a ticket that opens one socket for the caller within 30
// seconds: RATE_LIMITED where a handshake would be refused with it.
func (s *Service) IssueTicket(ctx context.Context, c caller.Caller, _ struct{}) (Ticket, error) {
	if err := s.connections.Room(ctx, c.UserID); err != nil {
		return Ticket{}, err
	}
	ticket, expiresAt, err := s.connections.Issue(ctx, c)
	if err != nil {
		return Ticket{}, err
	}
	return Ticket{Ticket: ticket, URL: s.url + "?ticket=" + ticket, ExpiresAt: expiresAt}, nil
}

// ConnectRequest is a handshake.
type ConnectRequest struct {
	Ticket string `query:"ticket"`
}

// Connect opens a socket with a ticket.
func (s *Service) Connect(ctx context.Context, c caller.Caller, in ConnectRequest) (struct{}, effect.Effects, error) {
	_, err := s.connections.Open(ctx, c.ConnectionID, in.Ticket)
	return struct{}{}, nil, err
}

// Ping answers a ping; the frame itself keeps the socket.
func (s *Service) Ping(context.Context, caller.Caller, struct{}) (struct{}, effect.Effects, error) {
	return struct{}{}, nil, nil
}
