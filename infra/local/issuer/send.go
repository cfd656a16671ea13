package issuer

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"
)

const (
	// sendTries bounds how often a request to the functions is sent. WorkOS sends a
	// webhook for days.
	sendTries = 5
	sendPause = 100 * time.Millisecond
	sendLimit = 15 * time.Second
	maxAnswer = 64 << 10
)

// send sends the functions a request that does no harm twice, again where that
// may help, and gives the body of the answer 200.
func (i *Issuer) send(ctx context.Context, method, path string, body []byte, header http.Header) ([]byte, error) {
	for try := 1; ; try++ {
		answer, again, err := i.sendOnce(ctx, method, path, body, header)
		if err == nil || !again || try == sendTries {
			return answer, err
		}
		if err := i.Clock.Sleep(ctx, sendPause<<try); err != nil {
			return nil, err
		}
	}
}

// sendOnce sends a request once, and reports whether it may be sent again.
func (i *Issuer) sendOnce(ctx context.Context, method, path string, body []byte, header http.Header) (answer []byte, again bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, sendLimit)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, method, i.APIURL+path, bytes.NewReader(body))
	if err != nil {
		return nil, false, err
	}
	request.Header = header
	response, err := i.client.Do(request)
	if err != nil {
		return nil, true, fmt.Errorf("send %s: %w", path, err)
	}
	answer, err = io.ReadAll(io.LimitReader(response.Body, maxAnswer))
	if err := errors.Join(err, response.Body.Close()); err != nil {
		return nil, true, fmt.Errorf("send %s: %w", path, err)
	}
	if response.StatusCode != http.StatusOK {
		again = response.StatusCode == http.StatusTooManyRequests || response.StatusCode >= http.StatusInternalServerError
		return nil, again, fmt.Errorf("%s was answered %d: %.200s", path, response.StatusCode, answer)
	}
	return answer, false, nil
}
