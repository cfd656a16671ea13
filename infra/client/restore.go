package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/rapport/rapport/shared/core/ot"
)

// Left is what was written here and could not be put on a restored text.
func (n *Notes) Left() []Left {
	n.mu.Lock()
	defer n.mu.Unlock()
	return append([]Left(nil), n.left...)
}

// restore reads the text anew, because an earlier state was restored, and goes on
// from there. What was not committed is left beside it.
func (n *Notes) restore(ctx context.Context) {
	n.mu.Lock()
	n.restoring = true
	n.mu.Unlock()
	for try := 0; ; try++ {
		err := n.reread(ctx)
		if err == nil || ctx.Err() != nil {
			return
		}
		if problem, refused := errors.AsType[*Problem](err); refused && !problem.Again() {
			n.end(fmt.Errorf("read the restored notes: %w", err))
			return
		}
		n.client.site.trouble("restore", err)
		select {
		case <-ctx.Done():
		case <-time.After(retryPause(try)):
		}
	}
}

func (n *Notes) reread(ctx context.Context) error {
	text, err := n.client.readNotes(ctx, n.meetingID)
	if err != nil {
		return err
	}
	n.mu.Lock()
	flight := n.flight
	n.mu.Unlock()
	var committed int64
	if flight != nil {
		if committed, err = n.find(ctx, flight, text); err != nil {
			return err
		}
	}
	n.mu.Lock()
	if err := n.detach(committed); err != nil {
		n.mu.Unlock()
		return err
	}
	n.version, n.epoch, n.base, n.text = text.Version, text.Epoch, text.Content, text.Content
	n.hashed, n.hashedAt, n.restoring = "", 0, false
	n.mu.Unlock()
	n.follow.Restart(text.Version, text.Epoch)
	n.nudge()
	return nil
}

// find gives the version of a change in the restored history, 0 where it isn't
// there. What was committed before the restored moment is behind its base, since up
// to there both histories are one.
func (n *Notes) find(ctx context.Context, flight *sent, text notesText) (int64, error) {
	for at := flight.base; at < text.Version; {
		items, err := n.client.readChanges(ctx, n.meetingID, at, text.Epoch)
		if err != nil {
			return 0, err
		}
		for _, item := range items {
			var change Change
			if err := json.Unmarshal(item, &change); err != nil {
				return 0, err
			}
			if change.AuthorID == n.client.UserID && change.ClientID == n.clientID && change.ClientSeq == flight.seq {
				return change.Version, nil
			}
		}
		if len(items) == 0 {
			break
		}
		at += int64(len(items))
	}
	return 0, nil
}

// detach takes out what is not committed; committed is the version of the change in
// flight in the restored history, 0 where it isn't there.
func (n *Notes) detach(committed int64) error {
	change := n.pending
	if flight := n.flight; flight != nil && committed > 0 {
		n.acked[flight.seq] = committed
	} else if flight != nil {
		var err error
		if change, err = ot.Compose(flight.now, n.pending); err != nil {
			return err
		}
	}
	if len(change) > 0 {
		n.left = append(n.left, Left{Text: n.text, Change: change})
	}
	n.flight, n.pending, n.edits = nil, nil, 0
	return nil
}
