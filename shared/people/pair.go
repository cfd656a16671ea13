package people

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/rapport/rapport/shared/core/caller"
	"github.com/rapport/rapport/shared/core/idempotency"
	"github.com/rapport/rapport/shared/core/table"
	"github.com/rapport/rapport/shared/users"
)

// Type is what a connection is for.
type Type string

// The types. Follow asks nobody. Of a Mentor, who is asked is to be the asker's
// mentor, of a Mentee the asker's mentee.
const (
	Connected    Type = "connection"
	Follow       Type = "follow"
	Mentor       Type = "mentor"
	Mentee       Type = "mentee"
	Collaborator Type = "collaborator"
)

// State is where a connection is in its life.
type State string

// The states.
const (
	Requested State = "requested"
	Accepted  State = "accepted"
	Declined  State = "declined"
)

const opPair = "pair"

// relation is a connection as its pair has it.
type relation struct {
	ConnectionID string `json:"connectionId"`
	// By is who asked.
	By        string    `json:"by"`
	State     State     `json:"state"`
	Message   string    `json:"message,omitempty"`
	CreatedAt time.Time `json:"createdAt"`
	UpdatedAt time.Time `json:"updatedAt"`
}

// pair is all that two people are to each other; the zero one of two who have
// nothing to do with each other.
type pair struct {
	Revision  int64             `json:"revision"`
	Relations map[Type]relation `json:"relations,omitempty"`
	// Blocks says since when each of the two has blocked the other.
	Blocks map[string]time.Time `json:"blocks,omitempty"`
	// WaitUntil is until when neither may ask the other, after a decline.
	WaitUntil *time.Time `json:"waitUntil,omitempty"`
}

func (p pair) blocked() bool { return len(p.Blocks) > 0 }

// close tells whether the two are connected by mutual consent.
func (p pair) close() bool {
	for kind, r := range p.Relations {
		if kind != Follow && r.State == Accepted {
			return true
		}
	}
	return false
}

// accepted is how many connections the two have.
func (p pair) accepted() (n int) {
	for _, r := range p.Relations {
		if r.State == Accepted {
			n++
		}
	}
	return n
}

// clone is a pair that can be changed.
func (p pair) clone() pair {
	p.Relations, p.Blocks = maps.Clone(p.Relations), maps.Clone(p.Blocks)
	if p.Relations == nil {
		p.Relations = map[Type]relation{}
	}
	if p.Blocks == nil {
		p.Blocks = map[string]time.Time{}
	}
	return p
}

// changing is a change of a pair on its way.
type changing struct {
	// known tells whether the other person exists.
	known bool
	now   time.Time
	next  pair
	// answer is what the call answers, recorded with the change.
	answer any
	// unchanged is true where there is nothing to write.
	unchanged bool
	// more is added to the transaction.
	more func(*table.Tx)
}

// change commits one change of what the caller and another person are to each
// other: it reads the pair, lets apply make the next one, and writes it on the
// condition that the pair is still the one that was read, with all that follows. A
// lost race begins anew.
func (s *Service) change(ctx context.Context, c caller.Caller, execution *idempotency.Execution, other string, apply func(*changing) error) error {
	if len(other) > maxID {
		return nobody()
	}
	for range maxTries {
		stored := table.NewLookup[pair](s.data, pairKey(c.UserID, other))
		user := table.NewLookup[users.User](s.data, users.Key(other))
		if err := table.BatchGet(ctx, stored, user); err != nil {
			return fmt.Errorf("read pair of %s and %s: %w", c.UserID, other, err)
		}
		ch := &changing{known: user.Found, now: s.now(), next: stored.Value.clone()}
		if err := apply(ch); err != nil || ch.unchanged {
			return err
		}
		tx := s.transition(c.UserID, other, stored.Value, &ch.next)
		if ch.more != nil {
			ch.more(tx)
		}
		err := s.idempotency.Commit(ctx, tx, execution, ch.answer)
		if err == nil {
			return nil
		}
		if !raced(err, opPair) {
			return fmt.Errorf("change pair of %s and %s: %w", c.UserID, other, passing(err))
		}
	}
	return busy(nil)
}

// transition writes the next state of a pair and what follows from the difference:
// the rows of both people's lists, whose a connection is, and both counters.
func (s *Service) transition(me, other string, before pair, next *pair) *table.Tx {
	next.Revision = before.Revision + 1
	tx := table.NewTx()
	tx.Put(s.data, pairKey(me, other), *next, table.If(atRevision(before.Revision)), table.Named(opPair))
	sides := [][2]string{{me, other}, {other, me}}
	for _, kind := range slices.Sorted(maps.Keys(union(before.Relations, next.Relations))) {
		was, is := before.Relations[kind], next.Relations[kind]
		if was == is {
			continue
		}
		if is.ConnectionID != was.ConnectionID && is.ConnectionID != "" {
			tx.Put(s.data, connectionKey(is.ConnectionID), named{Members: []string{me, other}, Type: kind}, table.If(table.Absent()))
		}
		for _, side := range sides {
			if was.ConnectionID != "" && was.ConnectionID != is.ConnectionID {
				tx.Delete(s.data, listedKey(side[0], was.ConnectionID), table.If(table.Exists()))
			}
			if is.ConnectionID != "" {
				tx.Put(s.data, listedKey(side[0], is.ConnectionID), is.seenBy(side[0], side[1], kind))
			}
		}
	}
	for _, side := range sides {
		_, was := before.Blocks[side[0]]
		at, is := next.Blocks[side[0]]
		switch {
		case is && !was:
			tx.Put(s.data, blockKey(side[0], side[1]), Block{UserID: side[1], BlockedAt: at})
		case was && !is:
			tx.Delete(s.data, blockKey(side[0], side[1]), table.If(table.Exists()))
		}
	}
	if delta := next.accepted() - before.accepted(); delta != 0 {
		for _, side := range sides {
			tx.Update(s.data, personKey(side[0], countersSort), table.Update{Add: map[string]any{"connectionCount": delta}})
		}
	}
	return tx
}

func union(a, b map[Type]relation) map[Type]relation {
	all := maps.Clone(a)
	if all == nil {
		all = map[Type]relation{}
	}
	maps.Copy(all, b)
	return all
}

// named says whose a connection is, also after its end.
type named struct {
	Members []string `json:"members"`
	Type    Type     `json:"type"`
}

// other is the other one of the two; false for somebody who is neither.
func (n named) other(userID string) (string, bool) {
	at := slices.Index(n.Members, userID)
	if at < 0 || len(n.Members) != 2 {
		return "", false
	}
	return n.Members[1-at], true
}
