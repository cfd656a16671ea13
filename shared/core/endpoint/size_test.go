package endpoint

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/rapport/rapport/shared/core/caller"
	"github.com/rapport/rapport/shared/core/effect"
	"github.com/rapport/rapport/shared/core/errs"
)

// A bound counts the bytes as sent, and comes before the shape.
func TestFieldBounds(t *testing.T) {
	t.Parallel()
	const bound = 20
	fits := strings.Repeat("x", bound-2)
	for name, tt := range map[string]struct {
		give string
		want errs.Kind
	}{
		"what just fits":                    {`"text":"` + fits + `"`, ""},
		"white space around it":             {`"text": ` + strings.Repeat(" ", 50) + `"x"` + strings.Repeat(" ", 50), ""},
		"a byte more":                       {`"text":"x` + fits + `"`, errs.PayloadTooLarge},
		"characters of several bytes":       {`"text":"` + strings.Repeat("é", 10) + `"`, errs.PayloadTooLarge},
		"escapes":                           {`"text":"` + strings.Repeat(`\u0041`, 4) + `"`, errs.PayloadTooLarge},
		"under an escaped name":             {`"\u0074ext":"x` + fits + `"`, errs.PayloadTooLarge},
		"of the wrong type":                 {`"text":[1, 2, 3, 4, 5, 6, 7, 8]`, errs.PayloadTooLarge},
		"beside another mistake":            {`"colour":1,"text":"x` + fits + `"`, errs.PayloadTooLarge},
		"white space inside":                {`"text":[` + strings.Repeat(" ", bound) + `]`, errs.PayloadTooLarge},
		"the wrong type, small":             {`"text":[1]`, errs.Validation},
		"a large one twice, first small":    {`"text":"x","text":"x` + fits + `"`, errs.Validation},
		"a large one that breaks off":       {`"text":"x` + fits, errs.Validation},
		"another field that is as large":    {`"text":"x","colour":"x` + fits + `"`, errs.Validation},
		"the same name within another":      {`"text":"x","colour":{"text":"x` + fits + `"}`, errs.Validation},
		"a large one nested far too deeply": {`"text":` + strings.Repeat("[", 20_000), errs.Validation},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var f, s fixture
			over := f.open(t, HTTP("POST /box/{box}", "Write.", echo, MaxField("text", bound)))
			response := invoke(t, over, post("{"+tt.give+"}"))
			var got errs.Kind
			if response.StatusCode != 200 {
				got = problem(t, response).Code
			}
			if got != tt.want {
				t.Errorf("over HTTP: %d %s, want %q", response.StatusCode, response.Body, tt.want)
			}
			socket := s.open(t, Socket("whisper", "Whisper.", "whispered", echoFrame, MaxField("text", bound)))
			dispatch(t, socket, frameEvent(`{"action":"whisper","id":"1",`+tt.give+`}`))
			if want := fmt.Sprintf(`"code":%q`, tt.want); (tt.want != "") != strings.Contains(string(s.posted[0]), want) {
				t.Errorf("over a socket: %s, want %q", s.posted, tt.want)
			}
		})
	}
}

func echoFrame(_ struct{}, _ context.Context, _ caller.Caller, in whisper) (receipt, effect.Effects, error) {
	return receipt{in.Text}, nil, nil
}

func TestBodyBound(t *testing.T) {
	t.Parallel()
	var f fixture
	handler := f.open(t, HTTP("POST /box/{box}", "Write.", echo, MaxBody(30)))
	for body, want := range map[string]int{
		`{"text":"x"}` + strings.Repeat(" ", 18): 200,
		`{"text":"x"}` + strings.Repeat(" ", 19): 413,
		strings.Repeat("[", 31):                  413,
		strings.Repeat("[", 30):                  400,
	} {
		if got := invoke(t, handler, post(body)); got.StatusCode != want {
			t.Errorf("%q: status %d, want %d", body, got.StatusCode, want)
		}
	}
}
