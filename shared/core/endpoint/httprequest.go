package endpoint

import (
	"encoding/base64"
	"mime"
	"reflect"
	"strings"

	"github.com/aws/aws-lambda-go/events"

	"github.com/rapport/rapport/shared/core/errs"
)

func bearerToken(headers map[string]string) string {
	value := headers["authorization"]
	if len(value) > len(bearer) && strings.EqualFold(value[:len(bearer)], bearer) {
		return strings.TrimSpace(value[len(bearer):])
	}
	return ""
}

// rawBody gives a request's body as it was sent.
func rawBody(event events.APIGatewayV2HTTPRequest) ([]byte, error) {
	if !event.IsBase64Encoded {
		return []byte(event.Body), nil
	}
	raw, err := base64.StdEncoding.DecodeString(event.Body)
	if err != nil {
		return nil, errs.Invalid("body", "can't be read")
	}
	return raw, nil
}

// body gives a request's body within its limit and of its type.
func (h *httpHandler) body(event events.APIGatewayV2HTTPRequest, raw []byte) ([]byte, error) {
	if len(raw) > h.declaration.MaxBody {
		return nil, errs.New(errs.PayloadTooLarge, "A body may have at most %d bytes.", h.declaration.MaxBody)
	}
	if err := checkFields(raw, h.declaration.MaxFields); err != nil {
		return nil, err
	}
	if len(raw) == 0 && h.declaration.Input.Body == nil {
		return nil, nil
	}
	if event.Headers["content-encoding"] != "" {
		return nil, errs.New(errs.UnsupportedMediaType, "Send the body without a Content-Encoding.")
	}
	mediaType, _, err := mime.ParseMediaType(event.Headers["content-type"])
	if err != nil || mediaType != "application/json" {
		return nil, errs.New(errs.UnsupportedMediaType, "Send the body as application/json.")
	}
	return raw, nil
}

func (h *httpHandler) decode(event events.APIGatewayV2HTTPRequest, body []byte) (any, error) {
	in := h.newInput()
	shape := h.declaration.Input
	if shape.Body != nil {
		if err := decodeBody(body, shape.Body, in); err != nil {
			return nil, err
		}
	} else if len(body) > 0 {
		if err := decodeBody(body, emptyObject, &struct{}{}); err != nil {
			return nil, err
		}
	}
	from := parameters{path: event.PathParameters, query: event.QueryStringParameters, header: event.Headers}
	if err := decodeParameters(from, shape, reflect.ValueOf(in).Elem()); err != nil {
		return nil, err
	}
	return in, validated(in)
}

// emptyObject is what a request without declared body may carry: `{}`.
var emptyObject = &Schema{Type: "object"}
