package issuer

import (
	"encoding/json"
	"fmt"
	"sync"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/rapport/rapport/shared/core/clock"
)

const (
	sessionsFile = "issuer-sessions.jsonl"
	maxSessions  = 100_000
	// socketsLast is how long a socket may live that a token's ticket has opened
	// at its end: a session is over when nothing of it can be open any more.
	socketsLast = 3 * time.Hour
	// longest is how long a session is remembered at most.
	longest = 48 * time.Hour
)

// session is one that a token was made for.
type session struct {
	ID     string    `json:"sid"`
	UserID string    `json:"sub"`
	Until  time.Time `json:"until"`
	// Ended is set on the line that takes a session back.
	Ended bool `json:"ended,omitempty"`
}

// sessions remembers, in a journal, the sessions that may have something open.
type sessions struct {
	clock clock.Clock

	mu   sync.Mutex
	kept *journal
	// lines is how many the journal has.
	lines int
	live  map[string]session
}

func openSessions(dir string, c clock.Clock) (*sessions, error) {
	s := &sessions{clock: c, live: map[string]session{}}
	var err error
	s.kept, err = openJournal(dir, sessionsFile, func(line []byte) error {
		var live session
		if err := json.Unmarshal(line, &live); err != nil {
			return err
		}
		s.note(live)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("open sessions: %w", err)
	}
	return s, s.tidy()
}

func (s *sessions) note(live session) {
	s.lines++
	if live.Ended {
		delete(s.live, live.ID)
	} else {
		s.live[live.ID] = live
	}
}

// begin remembers a session before its first token is given out.
func (s *sessions) begin(live session) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.tidy(); err != nil {
		return err
	}
	if len(s.live) >= maxSessions {
		return ErrFull
	}
	if err := s.kept.add(live); err != nil {
		return fmt.Errorf("store session: %w", err)
	}
	s.note(live)
	return nil
}

// of lists a person's sessions.
func (s *sessions) of(userID string) []session {
	s.mu.Lock()
	defer s.mu.Unlock()
	var found []session
	now := s.clock.Now()
	for _, session := range s.live {
		if session.UserID == userID && now.Before(session.Until) {
			found = append(found, session)
		}
	}
	return found
}

// end forgets a session that is over.
func (s *sessions) end(live session) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	live.Ended = true
	if err := s.kept.add(live); err != nil {
		return fmt.Errorf("store session: %w", err)
	}
	s.note(live)
	return nil
}

// tidy writes the journal anew when half of it is of no more use.
func (s *sessions) tidy() error {
	const some = 1000
	if s.lines < 2*len(s.live)+some && len(s.live) < maxSessions {
		return nil
	}
	now := s.clock.Now()
	var values []any
	for id, session := range s.live {
		if now.Before(session.Until) {
			values = append(values, session)
		} else {
			delete(s.live, id)
		}
	}
	if err := s.kept.replace(values); err != nil {
		return fmt.Errorf("store sessions: %w", err)
	}
	s.lines = len(values)
	return nil
}

func (s *sessions) close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.kept.close()
}

// sessionOf is the session of a token with these claims, as they were signed:
// none where they name no session or nobody, for then the token is good for
// nothing.
func sessionOf(claims jwt.MapClaims, now time.Time) (session, bool) {
	expires := now.Add(longest)
	switch value := claims["exp"].(type) {
	case int64:
		expires = time.Unix(value, 0)
	case json.RawMessage:
		var seconds float64
		if json.Unmarshal(value, &seconds) == nil && seconds < float64(expires.Unix()) {
			expires = time.Unix(int64(seconds), 0)
		}
	}
	live := session{ID: textOf(claims, "sid"), UserID: textOf(claims, "sub"), Until: expires.Add(socketsLast)}
	return live, live.ID != "" && live.UserID != "" && now.Before(live.Until)
}

// textOf is a claim that is a string; empty for any other.
func textOf(claims jwt.MapClaims, name string) string {
	switch value := claims[name].(type) {
	case string:
		return value
	case json.RawMessage:
		var text string
		if json.Unmarshal(value, &text) == nil {
			return text
		}
	}
	return ""
}
