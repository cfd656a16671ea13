package endpoint

import (
	"errors"
	"math"
	"net/http"

	"github.com/go-json-experiment/json"

	"github.com/rapport/rapport/shared/core/errs"
)

// statuses maps every kind of error to its status code and title: the one place.
var statuses = map[errs.Kind]struct {
	code  int
	title string
}{
	errs.Unauthorized:         {http.StatusUnauthorized, "Not signed in"},
	errs.Forbidden:            {http.StatusForbidden, "Not allowed"},
	errs.NotFound:             {http.StatusNotFound, "Not found"},
	errs.MethodNotAllowed:     {http.StatusMethodNotAllowed, "Method not allowed"},
	errs.Validation:           {http.StatusBadRequest, "Not valid"},
	errs.PayloadTooLarge:      {http.StatusRequestEntityTooLarge, "Too large"},
	errs.UnsupportedMediaType: {http.StatusUnsupportedMediaType, "Unsupported media type"},
	errs.Conflict:             {http.StatusConflict, "Conflict"},
	errs.MeetingNotActive:     {http.StatusConflict, "Meeting not active"},
	errs.HistoryGone:          {http.StatusGone, "History gone"},
	errs.RateLimited:          {http.StatusTooManyRequests, "Too many requests"},
	errs.Provider:             {http.StatusBadGateway, "Provider error"},
	errs.Internal:             {http.StatusInternalServerError, "Internal error"},
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
	Errors    []errs.FieldError `json:"errors,omitempty"`
	// Oldest comes with HISTORY_GONE: the oldest position that is kept.
	Oldest *int64 `json:"oldest,omitempty"`
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
		Code: known.Kind, RequestID: requestID, Errors: known.Problems,
	}
	if known.Kind == errs.HistoryGone {
		p.Oldest = &known.Oldest
	}
	return p
}

// errorFrame is a refusal over a socket.
type errorFrame struct {
	Type   string            `json:"type"`
	ID     string            `json:"id,omitempty"`
	Code   errs.Kind         `json:"code"`
	Detail string            `json:"detail"`
	Errors []errs.FieldError `json:"errors,omitempty"`
	Oldest *int64            `json:"oldest,omitempty"`
}

func errorFrameOf(err error, id string) ([]byte, error) {
	p := problemOf(err, "")
	return json.Marshal(errorFrame{
		Type: "error", ID: id, Code: p.Code, Detail: p.Detail, Errors: p.Errors, Oldest: p.Oldest,
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
