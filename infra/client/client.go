// Package client speaks Rapport's public contract from Go: the local runner's
// tokens, the HTTP API, sockets, and a session that edits notes. The
// end-to-end tests and the load driver are its users; it depends on nothing of
// the server's but the operations on text and the names of refusals.
package client

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"sync"
	"time"
)

// maxAnswer bounds what is read of one answer, in bytes.
const maxAnswer = 16 << 20

// Client is one person, signed in.
type Client struct {
	site *Server
	// user is whom the local issuer makes tokens for; empty for who brought one.
	user string

	mu      sync.Mutex
	token   string
	expires time.Time
	// UserID is who the person is.
	UserID string
}

// Problem is a refusal of the API.
type Problem struct {
	Status int    `json:"status"`
	Code   string `json:"code"`
	Detail string `json:"detail"`
	Errors []struct {
		Location string `json:"location"`
		Detail   string `json:"detail"`
	} `json:"errors"`
	// Retryable is whether the server says that trying again makes sense.
	Retryable bool `json:"retryable"`
	// Epoch comes with HISTORY_GONE where an earlier state was restored: what
	// positions belong to now.
	Epoch string `json:"epoch"`
	// RetryAfter is how long to wait, 0 where the answer doesn't say.
	RetryAfter time.Duration `json:"-"`
}

// Again reports whether the same request may be sent again: as the server says, or
// where something else answered in its place, the status.
func (p *Problem) Again() bool {
	if p.Code != "" {
		return p.Retryable
	}
	return p.Status == http.StatusTooManyRequests || p.Status >= http.StatusInternalServerError
}

// Error names status, code and what to mend.
func (p *Problem) Error() string {
	return fmt.Sprintf("%d %s: %s %v", p.Status, p.Code, p.Detail, p.Errors)
}

// SignIn signs a local person in at a runner such as http://localhost:3000, with
// connections of their own.
func SignIn(ctx context.Context, base, user string) (*Client, error) {
	return NewServer(base).SignIn(ctx, user)
}

func (c *Client) refresh(ctx context.Context) error {
	var answer struct {
		AccessToken string `json:"accessToken"`
		UserID      string `json:"userId"`
		ExpiresIn   int    `json:"expiresIn"`
	}
	issuer := c.site.Issuer
	if issuer == "" {
		issuer = c.site.Base
	}
	if err := c.send(ctx, http.MethodPost, issuer, "/dev/token", "", "", map[string]string{"user": c.user}, &answer); err != nil {
		return fmt.Errorf("sign in %s: %w", c.user, err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.token, c.UserID = answer.AccessToken, answer.UserID
	c.expires = time.Now().Add(time.Duration(answer.ExpiresIn) * time.Second / 2)
	return nil
}

// Do sends a request and reads the JSON answer into out, unless that is nil. A
// refusal is a *Problem.
func (c *Client) Do(ctx context.Context, method, path string, in, out any) error {
	return c.do(ctx, method, path, "", in, out)
}

// DoOnce is Do with an Idempotency-Key: the same call with the same key happens
// once.
func (c *Client) DoOnce(ctx context.Context, method, path string, key uint64, in, out any) error {
	return c.do(ctx, method, path, strconv.FormatUint(key, 36), in, out)
}

func (c *Client) do(ctx context.Context, method, path, key string, in, out any) error {
	c.mu.Lock()
	token, old := c.token, c.user != "" && time.Now().After(c.expires)
	c.mu.Unlock()
	if old {
		if err := c.refresh(ctx); err != nil {
			return err
		}
		c.mu.Lock()
		token = c.token
		c.mu.Unlock()
	}
	return c.send(ctx, method, c.site.Base, path, token, key, in, out)
}

func (c *Client) send(ctx context.Context, method, base, path, token, key string, in, out any) error {
	var body io.Reader
	if in != nil {
		raw, err := json.Marshal(in)
		if err != nil {
			return err
		}
		body = bytes.NewReader(raw)
	}
	request, err := http.NewRequestWithContext(ctx, method, base+path, body)
	if err != nil {
		return err
	}
	if in != nil {
		request.Header.Set("Content-Type", "application/json")
	}
	if token != "" {
		request.Header.Set("Authorization", "Bearer "+token)
	}
	if key != "" {
		request.Header.Set("Idempotency-Key", key)
	}
	status, raw, retryAfter, err := c.exchange(request, path)
	if err != nil {
		return err
	}
	if status >= http.StatusBadRequest {
		problem := &Problem{Status: status, RetryAfter: retryAfter}
		if json.Unmarshal(raw, problem) != nil {
			problem.Detail = string(raw)
		}
		return problem
	}
	if out == nil {
		return nil
	}
	return json.Unmarshal(raw, out)
}

// exchange sends a request and reads the whole answer.
func (c *Client) exchange(request *http.Request, path string) (status int, raw []byte, retryAfter time.Duration, err error) {
	if c.site.Sent != nil {
		defer func() { c.site.Sent(request.Method, path, status, len(raw)) }()
	}
	response, err := c.site.http.Do(request)
	if err != nil {
		return 0, nil, 0, err
	}
	defer response.Body.Close() //nolint:errcheck // reading is over
	if raw, err = io.ReadAll(io.LimitReader(response.Body, maxAnswer)); err != nil {
		return 0, nil, 0, err
	}
	// A header that isn't a number of seconds says nothing.
	if seconds, err := strconv.Atoi(response.Header.Get("Retry-After")); err == nil && seconds > 0 {
		retryAfter = time.Duration(seconds) * time.Second
	}
	return response.StatusCode, raw, retryAfter, nil
}
