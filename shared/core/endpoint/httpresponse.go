package endpoint

import (
	"fmt"
	"strconv"

	"github.com/aws/aws-lambda-go/events"
	"github.com/go-json-experiment/json"

	"github.com/rapport/rapport/shared/core/errs"
)

func (h *httpHandler) encode(out any) (answer, error) {
	if h.declaration.Output == nil {
		return answer{Status: h.declaration.Status}, nil
	}
	// The members of a map have one order, so that an answer given again is the same.
	body, err := json.Marshal(out, json.Deterministic(true))
	if err != nil {
		return answer{}, fmt.Errorf("encode answer: %w", err)
	}
	return answer{Status: h.declaration.Status, Body: body}, nil
}

func (h *httpHandler) refuse(call *call) ([]byte, error) {
	problem := problemOf(call.err, call.requestID)
	body, err := json.Marshal(problem)
	if err != nil {
		return nil, fmt.Errorf("encode problem: %w", err)
	}
	headers := map[string]string{}
	if problem.Code == errs.RateLimited {
		headers["retry-after"] = strconv.Itoa(retryAfter(call.err))
	}
	if problem.Code == errs.Unauthorized && h.declaration.Class.SignedIn() {
		headers["www-authenticate"] = "Bearer"
	}
	return respond(answer{Status: problem.Status, Body: body}, "application/problem+json", call.requestID, headers)
}

func respond(a answer, contentType, requestID string, headers map[string]string) ([]byte, error) {
	if headers == nil {
		headers = map[string]string{}
	}
	headers["cache-control"] = "no-store"
	headers["x-content-type-options"] = "nosniff"
	headers["x-request-id"] = requestID
	if len(a.Body) > 0 {
		headers["content-type"] = contentType
	}
	return json.Marshal(events.APIGatewayV2HTTPResponse{
		StatusCode: a.Status, Headers: headers, Body: string(a.Body),
	})
}
