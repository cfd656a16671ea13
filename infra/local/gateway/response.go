package gateway

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/aws/aws-lambda-go/events"
)

// answer is what a function answered, ready to be written.
type answer struct {
	status int
	header http.Header
	body   []byte
	// implied is set where the function named no status.
	implied bool
}

// parseAnswer reads a function's answer in payload format 2.0. An answer
// without `statusCode` is a JSON body for 200.
func parseAnswer(payload []byte) (answer, error) {
	if len(payload) > MaxAnswer {
		return answer{}, fmt.Errorf("the answer has %d bytes, more than %d", len(payload), MaxAnswer)
	}
	var probe struct {
		StatusCode *json.RawMessage `json:"statusCode"`
	}
	if !json.Valid(payload) {
		return answer{}, errors.New("the answer is not JSON")
	}
	if isObject := bytes.HasPrefix(bytes.TrimSpace(payload), []byte("{")); isObject {
		if err := json.Unmarshal(payload, &probe); err != nil {
			return answer{}, fmt.Errorf("the answer's form: %w", err)
		}
	}
	if probe.StatusCode == nil {
		return answer{
			status: http.StatusOK,
			header: http.Header{"Content-Type": {"application/json"}},
			body:   payload,

			implied: true,
		}, nil
	}
	var given events.APIGatewayV2HTTPResponse
	if err := json.Unmarshal(payload, &given); err != nil {
		return answer{}, fmt.Errorf("the answer's form: %w", err)
	}
	return shapedAnswer(given)
}

func shapedAnswer(given events.APIGatewayV2HTTPResponse) (answer, error) {
	if given.StatusCode < 200 || given.StatusCode > 599 {
		return answer{}, fmt.Errorf("the answer's status %d is not one of HTTP's", given.StatusCode)
	}
	a := answer{status: given.StatusCode, header: http.Header{}, body: []byte(given.Body)}
	for name, value := range given.Headers {
		a.header.Set(name, value)
	}
	for name, values := range given.MultiValueHeaders {
		a.header.Del(name)
		for _, value := range values {
			a.header.Add(name, value)
		}
	}
	for _, cookie := range given.Cookies {
		a.header.Add("Set-Cookie", cookie)
	}
	if a.header.Get("Content-Type") == "" && given.Body != "" {
		a.header.Set("Content-Type", "text/plain;charset=UTF-8")
	}
	if given.IsBase64Encoded {
		body, err := base64.StdEncoding.DecodeString(given.Body)
		if err != nil {
			return answer{}, fmt.Errorf("the answer's body is not base64: %w", err)
		}
		a.body = body
	}
	return a, nil
}

// write sends the answer. A HEAD request, 204 and 304 get no body.
func (a answer) write(w http.ResponseWriter, r *http.Request) {
	header := w.Header()
	for name, values := range a.header {
		if hopByHop[strings.ToLower(name)] {
			continue
		}
		header[http.CanonicalHeaderKey(name)] = values
	}
	w.WriteHeader(a.status)
	if r.Method == http.MethodHead || a.status == http.StatusNoContent || a.status == http.StatusNotModified {
		return
	}
	// The client may be gone; nobody else needs this error.
	_, _ = w.Write(a.body)
}
