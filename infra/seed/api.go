package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
)

// api speaks to the runner's HTTP API.
type api struct {
	base   string
	client *http.Client
}

func newAPI(base string) *api { return &api{base: base, client: &http.Client{}} }

// person is somebody who has signed in.
type person struct {
	AccessToken string
	UserID      string
}

// signIn asks the local issuer for a token; the first one makes the user.
func (a *api) signIn(ctx context.Context, name string) (person, error) {
	var p person
	if err := a.post(ctx, person{}, "/dev/token", "", map[string]string{"user": name}, &p); err != nil {
		return p, fmt.Errorf("sign in %s (is `make run` running?): %w", name, err)
	}
	return p, nil
}

// longest bounds what is read of an answer.
const longest = 1 << 20

// post sends a body as somebody and reads the answer into one, where given.
// What carries the same key happens once.
func (a *api) post(ctx context.Context, as person, path, key string, body, answer any) error {
	var content io.Reader = http.NoBody
	if body != nil {
		text, err := json.Marshal(body)
		if err != nil {
			return err
		}
		content = bytes.NewReader(text)
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, a.base+path, content)
	if err != nil {
		return err
	}
	if body != nil {
		request.Header.Set("Content-Type", "application/json")
	}
	if as.AccessToken != "" {
		request.Header.Set("Authorization", "Bearer "+as.AccessToken)
		request.Header.Set("Idempotency-Key", "seed-"+url.PathEscape(key))
	}
	response, err := a.client.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(io.LimitReader(response.Body, longest))
	if err != nil {
		return err
	}
	if response.StatusCode >= http.StatusMultipleChoices {
		return fmt.Errorf("POST %s: %s: %s", path, response.Status, text)
	}
	if answer == nil {
		return nil
	}
	return json.Unmarshal(text, answer)
}
