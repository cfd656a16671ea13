package endpoint

import (
	"fmt"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// contentOf writes what a decoded request asks for, the same bytes for the same
// request: its fields in the order of their declaration, with those of the path
// and the query; times in UTC; names as they are stored. How the body was written
// (its order, white space, escapes and the spelling of its numbers) is gone. What
// is absent differs from null where the request makes a difference, and nowhere
// else.
func contentOf(in any) ([]byte, error) {
	content, err := json.Marshal(in, json.Deterministic(true), json.WithMarshalers(json.JoinMarshalers(
		json.MarshalToFunc(func(e *jsontext.Encoder, t time.Time) error {
			return e.WriteToken(jsontext.String(t.UTC().Format(time.RFC3339Nano)))
		}),
		json.MarshalToFunc(func(e *jsontext.Encoder, f float64) error {
			// -0 is equal to 0 and written otherwise; their sum is 0.
			return e.WriteToken(jsontext.Float(f + 0))
		}),
	)))
	if err != nil {
		return nil, fmt.Errorf("encode request: %w", err)
	}
	return content, nil
}
