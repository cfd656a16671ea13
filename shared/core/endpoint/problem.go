package endpoint

import (
	"errors"
	"math"
	"net/http"

	"github.com/go-json-experiment/json"

	"github.com/rapport/rapport/shared/core/errs"
)

// statuses maps every kind of error to its status code and title, and says whether
// the same request may succeed later: the one place.
var statuses = map[errs.Kind]struct {
	code      int
	title     string
	retryable bool
}{
	errs.Unauthorized:         {http.StatusUnauthorized, "Not signed in", false},
	errs.Forbidden:            {http.StatusForbidden, "Not allowed", false},
	errs.NotFound:             {http.StatusNotFound, "Not found", false},
	errs.MethodNotAllowed:     {http.StatusMethodNotAllowed, "Method not allowed", false},
	errs.Validation:           {http.StatusBadRequest, "Not valid", false},
	errs.PayloadTooLarge:      {http.StatusRequestEntityTooLarge, "Too large", false},
	errs.UnsupportedMediaType: {http.StatusUnsupportedMediaType, "Unsupported media type", false},
	errs.Conflict:             {http.StatusConflict, "Conflict", false},
	errs.MeetingNotActive:     {http.StatusConflict, "Meeting not active", false},
	errs.HistoryGone:          {http.StatusGone, "History gone", false},
	errs.RateLimited:          {http.StatusTooManyRequests, "Too many requests", true},
	errs.Provider:             {http.StatusBadGateway, "Provider error", true},
	errs.Internal:             {http.StatusInternalServerError, "Internal error", true},
}

// Problem is the body of every refusal: RFC 9457 with the members that the
// contract adds.
type Problem struct {
	Type      string            `json:"type"`
	Title     string            `json:"title"`
	Status    int               `json:"status"`
	Detail    string            `json:"detail"`
	Code      errs.Kind         `json:"code"`
	RequestID string            `json:"requestId"`
	Retryable bool              `json:"retryable" doc:"Whether the same request, sent again, may succeed: after Retry-After, or a pause."`
	Errors    []errs.FieldError `json:"errors,omitempty"`
	// Oldest comes with HISTORY_GONE: the oldest position that is kept.
	Oldest *int64 `json:"oldest,omitempty"`
	Epoch  string `json:"epoch,omitempty" doc:"With HISTORY_GONE, where positions of another epoch were sent: the present one."`
}

// problemOf gives what the caller may know of err. What isn't an *errs.Error
// becomes INTERNAL without its text.
func problemOf(err error, requestID string) Problem {
	known, ok := errors.AsType[*errs.Error](err)
	if !ok || statuses[known.Kind].code == 0 {
		known = errs.New(errs.Internal, "Something went wrong on our side. Please try again.")
	}
	status := statuses[known.Kind]
	p := Problem{
		Type: "about:blank", Title: status.title, Status: status.code, Detail: known.Message,
		Code: known.Kind, RequestID: requestID, Retryable: status.retryable || known.Retryable, Errors: known.Problems,
		Epoch: known.Epoch,
	}
	if known.Kind == errs.HistoryGone {
		p.Oldest = &known.Oldest
	}
	return p
}

// errorFrame is a refusal over a socket.
type errorFrame struct {
	Type      string            `json:"type"`
	ID        string            `json:"id,omitempty"`
	Code      errs.Kind         `json:"code"`
	Detail    string            `json:"detail"`
	Retryable bool              `json:"retryable"`
	Errors    []errs.FieldError `json:"errors,omitempty"`
	Oldest    *int64            `json:"oldest,omitempty"`
	Epoch     string            `json:"epoch,omitempty"`
}

func errorFrameOf(err error, id string) ([]byte, error) {
	p := problemOf(err, "")
	return json.Marshal(errorFrame{
		Type: "error", ID: id, Code: p.Code, Detail: p.Detail, Retryable: p.Retryable, Errors: p.Errors, Oldest: p.Oldest, Epoch: p.Epoch,
	})
}

// retryAfter is how many whole seconds a caller should wait, at least one.
func retryAfter(err error) int {
	known, ok := errors.AsType[*errs.Error](err)
	if !ok {
		return 1
	}
	return max(1, int(math.Ceil(known.RetryAfter.Seconds())))
}
