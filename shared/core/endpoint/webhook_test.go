package endpoint

import (
	"context"
	"encoding/base64"
	"strings"
	"testing"

	"github.com/rapport/rapport/shared/core/caller"
	"github.com/rapport/rapport/shared/core/effect"
	"github.com/rapport/rapport/shared/core/errs"
)

type noticeRequest struct {
	Kind string `json:"kind" maxLength:"5"`
}

type noticed struct {
	Kind string `json:"kind"`
}

// A webhook's signature is looked at before all else; what a provider sends
// beside what is declared is left out.
func TestWebhook(t *testing.T) {
	t.Parallel()
	var f fixture
	signed := func(_ struct{}, _ context.Context, header func(string) string, body []byte) error {
		if header("X-Signature") != "of "+string(body) {
			return errs.New(errs.Unauthorized, "no")
		}
		return nil
	}
	notice := func(_ struct{}, _ context.Context, c caller.Caller, in noticeRequest) (noticed, effect.Effects, error) {
		if c.RequestID == "" || c.UserID != "" {
			t.Errorf("called by %+v", c)
		}
		return noticed(in), nil, nil
	}
	fn := Webhook("POST /hook", "Hear.", signed, notice)
	if fn.Mutates || fn.Class != Webhooks {
		t.Errorf("declared as %+v", fn.Declaration)
	}
	handler := f.open(t, fn)
	good := `{"kind":"a","more":{"x":[1]}}`
	tests := []struct {
		name, body, signature, contentType string
		encoded                            bool
		want                               int
	}{
		{name: "signed", body: good, signature: good, want: 200},
		{name: "in base64", body: good, signature: good, encoded: true, want: 200},
		{name: "signed otherwise", body: good, signature: "{}", want: 401},
		{name: "not signed and too large", body: strings.Repeat("x", maxBody+1), want: 401},
		{name: "signed and too large", body: strings.Repeat("x", maxBody+1), signature: strings.Repeat("x", maxBody+1), want: 413},
		{name: "another type", body: good, signature: good, contentType: "text/plain", want: 415},
		{name: "another shape", body: `{"kind":"too long"}`, signature: `{"kind":"too long"}`, want: 400},
		{name: "twice the same member", body: `{"kind":"a","kind":"b"}`, signature: `{"kind":"a","kind":"b"}`, want: 400},
	}
	for _, tt := range tests {
		event := post(tt.body)
		if tt.encoded {
			event.Body, event.IsBase64Encoded = base64.StdEncoding.EncodeToString([]byte(tt.body)), true
		}
		event.PathParameters, event.Headers["x-signature"] = nil, "of "+tt.signature
		delete(event.Headers, "authorization")
		if tt.contentType != "" {
			event.Headers["content-type"] = tt.contentType
		}
		got := invoke(t, handler, event)
		if got.StatusCode != tt.want || (tt.want == 200 && got.Body != `{"kind":"a"}`) {
			t.Errorf("%s: answered %d %.200s, want %d", tt.name, got.StatusCode, got.Body, tt.want)
		}
	}
}
