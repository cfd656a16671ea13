package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/rapport/rapport/infra/client"
)

// verifyParallel bounds the meetings that are checked at once.
const verifyParallel = 8

// textSession is a real session of the notes, which has the whole text.
type textSession struct {
	meeting *meeting
	notes   *client.Notes
}

// openTexts opens a session with the whole text in some meetings.
func (f *fleet) openTexts(lasting context.Context) ([]textSession, error) {
	n := min(f.scenario.Texts, len(f.meetings))
	sessions := make([]textSession, n)
	err := f.each(lasting, "text sessions", n, openParallel, func(ctx context.Context, i int) error {
		// Spread over all meetings.
		m := f.meetings[i*len(f.meetings)/n]
		return f.retryBusy(ctx, func() error {
			notes, err := m.people[0].client.OpenNotes(lasting, m.id, func(err error) {
				f.tally.fail("text session", err)
				f.report("text session of meeting %d: %v", m.index, err)
			})
			sessions[i] = textSession{m, notes}
			return err
		})
	})
	return sessions, err
}

// verify compares everything with the history that the API tells, giving
// clients until the deadline to catch up.
func (f *fleet) verify(ctx context.Context, sessions []textSession, deadline time.Time) (Findings, error) {
	var mu sync.Mutex
	var all Findings
	group, together := errgroup.WithContext(ctx)
	group.SetLimit(verifyParallel)
	for _, m := range f.meetings {
		group.Go(func() error {
			findings, err := f.verifyMeeting(together, m, deadline)
			mu.Lock()
			defer mu.Unlock()
			all.add(findings)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return all, err
	}
	for _, s := range sessions {
		findings, err := f.verifyText(ctx, s, deadline)
		if err != nil {
			return all, err
		}
		all.add(findings)
	}
	return all, nil
}

func (f *fleet) verifyMeeting(ctx context.Context, m *meeting, deadline time.Time) (Findings, error) {
	changes, err := pages[client.Change](ctx, f, m, "/notes/changes")
	if err != nil {
		return Findings{}, err
	}
	newest := int64(len(changes))
	wait(ctx, deadline, func() bool { return m.all(func(p *person) bool { return p.changes.Position >= newest }) })
	findings := check("notes of meeting "+strconv.Itoa(m.index), changeEntries(changes), m.ackedChanges(), m.endings(func(p *person) chain { return p.changes }))
	if f.scenario.Transcripts == 0 {
		return findings, nil
	}
	chunks, err := pages[saidChunk](ctx, f, m, "/transcript")
	if err != nil {
		return findings, err
	}
	newest = int64(len(chunks))
	wait(ctx, deadline, func() bool { return m.all(func(p *person) bool { return p.chunks.Position >= newest }) })
	findings.add(check("transcript of meeting "+strconv.Itoa(m.index), chunkEntries(chunks), m.ackedChunks(), m.endings(func(p *person) chain { return p.chunks })))
	return findings, nil
}

// verifyText compares a session's text with the API's, and that with a replay
// of the history.
func (f *fleet) verifyText(ctx context.Context, s textSession, deadline time.Time) (Findings, error) {
	findings := Findings{Texts: 1}
	var text struct {
		Version int64  `json:"version"`
		Content string `json:"content"`
		Hash    string `json:"hash"`
	}
	err := f.retryBusy(ctx, func() error {
		return s.meeting.people[0].client.Do(ctx, http.MethodGet, "/v1/meetings/"+s.meeting.id+"/notes", nil, &text)
	})
	if err != nil {
		return findings, err
	}
	wait(ctx, deadline, func() bool {
		_, version, _ := s.notes.State()
		return version >= text.Version
	})
	own, version, _ := s.notes.State()
	sum := sha256.Sum256([]byte(text.Content))
	changes, err := pages[client.Change](ctx, f, s.meeting, "/notes/changes")
	if err != nil {
		return findings, err
	}
	replayed, err := replay(changes)
	if err != nil {
		return findings, err
	}
	wrong := func(format string, args ...any) {
		findings.TextsDiffer++
		findings.report("text of meeting %d: %s", s.meeting.index, fmt.Sprintf(format, args...))
	}
	switch {
	case text.Hash != hex.EncodeToString(sum[:]):
		wrong("the hash is not the content's")
	case replayed != text.Content:
		wrong("a replay of the history differs from the text at version %d", text.Version)
	case version != text.Version:
		wrong("the session is at version %d, the text at %d", version, text.Version)
	case own != text.Content:
		wrong("the session's text differs at version %d", version)
	}
	return findings, nil
}

// pages reads a whole list.
func pages[T any](ctx context.Context, c *fleet, m *meeting, path string) ([]T, error) {
	var all []T
	reader := m.people[len(m.people)-1].client
	for cursor := ""; ; {
		var page struct {
			Items      []T     `json:"items"`
			NextCursor *string `json:"nextCursor"`
		}
		err := c.retryBusy(ctx, func() error {
			return reader.Do(ctx, http.MethodGet, "/v1/meetings/"+m.id+path+"?limit=200"+cursor, nil, &page)
		})
		if err != nil {
			return all, fmt.Errorf("history of meeting %d: %w", m.index, err)
		}
		all = append(all, page.Items...)
		if page.NextCursor == nil {
			return all, nil
		}
		cursor = "&cursor=" + url.QueryEscape(*page.NextCursor)
	}
}

// wait returns when something holds, or at a deadline.
func wait(ctx context.Context, deadline time.Time, holds func() bool) {
	for !holds() && time.Now().Before(deadline) && sleep(ctx, 50*time.Millisecond) == nil {
		continue
	}
}

// all reports whether something holds for everybody.
func (m *meeting) all(holds func(*person) bool) bool {
	for _, p := range m.people {
		p.mu.Lock()
		ok := holds(p)
		p.mu.Unlock()
		if !ok {
			return false
		}
	}
	return true
}

func (m *meeting) endings(of func(*person) chain) []finalState {
	var all []finalState
	for _, p := range m.people {
		p.mu.Lock()
		all = append(all, finalState{p.clientID, of(p)})
		p.mu.Unlock()
	}
	return all
}

func (m *meeting) ackedChanges() map[identity]int64 {
	acked := map[identity]int64{}
	for _, p := range m.people {
		p.mu.Lock()
		for i, sent := range p.sent {
			if sent.version > 0 {
				acked[identity{p.clientID, int64(i) + 1}] = sent.version
			}
		}
		p.mu.Unlock()
	}
	return acked
}

func (m *meeting) ackedChunks() map[identity]int64 {
	acked := map[identity]int64{}
	for _, p := range m.people {
		p.mu.Lock()
		for i, said := range p.spoken {
			if said.acked {
				acked[identity{utteranceID(p.index, i), 0}] = 0
			}
		}
		p.mu.Unlock()
	}
	return acked
}
