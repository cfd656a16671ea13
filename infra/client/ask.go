package client

import (
	"context"
	"encoding/json"
	"errors"
	"math/rand/v2"
	"strconv"
	"time"

	"github.com/coder/websocket"

	"github.com/rapport/rapport/shared/testkit/frames"
)

// Ask sends a frame, without its id, and waits for the answer. Where none comes
// in ten seconds, the socket is cut, or the server says that trying again makes
// sense, the same bytes are sent again, over the socket that is there then,
// until ctx ends. Any other refusal is a *Refused.
func (c *Connection) Ask(ctx context.Context, frame map[string]any) (Frame, error) {
	c.mu.Lock()
	c.next++
	id := "l" + strconv.Itoa(c.next)
	c.mu.Unlock()
	raw, err := frames.Encode(id, frame)
	if err != nil {
		return Frame{}, err
	}
	action, _ := frame["action"].(string)
	for try := 0; ; try++ {
		socket, err := c.current(ctx)
		if err != nil {
			return Frame{}, err
		}
		c.options.Observer.Asked(action, len(raw), try > 0)
		answer, err := socket.exchange(ctx, id, raw)
		if err == nil || ctx.Err() != nil {
			return answer, err
		}
		if refused, ok := errors.AsType[*Refused](err); ok && !refused.Again() {
			return answer, err
		}
		c.options.Observer.Trouble(action, err)
		select {
		case <-ctx.Done():
			return Frame{}, ctx.Err()
		case <-time.After(retryPause(try)):
		}
	}
}

// retryPause is full jitter before a retry, from 0.
func retryPause(try int) time.Duration {
	return rand.N(min(retryCap, retryBase<<min(try, 6)) + 1)
}

// Send sends a frame that wants no answer, if there is a socket; an error says
// that it didn't go.
func (c *Connection) Send(ctx context.Context, frame map[string]any) error {
	c.mu.Lock()
	socket := c.socket
	c.mu.Unlock()
	if socket == nil {
		return ErrCut
	}
	raw, err := json.Marshal(frame)
	if err != nil {
		return err
	}
	action, _ := frame["action"].(string)
	c.options.Observer.Asked(action, len(raw), false)
	ctx, cancel := context.WithTimeout(ctx, AnswerLimit)
	defer cancel()
	return socket.conn.Write(ctx, websocket.MessageText, raw)
}
