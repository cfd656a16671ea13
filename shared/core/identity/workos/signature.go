package workos

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"time"

	"github.com/rapport/rapport/shared/core/clock"
	"github.com/rapport/rapport/shared/core/errs"
)

// SignatureHeader carries a webhook's signature: `t=<milliseconds since 1970>,
// v1=<HMAC-SHA256 of "<t>.<body>", in hex>` (workos.com/docs/events).
const SignatureHeader = "WorkOS-Signature"

// tolerance is how far a signature's time may be from ours, either way, so that
// a webhook that was overheard can't be sent again later.
const tolerance = 5 * time.Minute

var signatureForm = regexp.MustCompile(`^t=(\d{1,15}), ?v1=([0-9a-f]{64})$`)

// Signatures checks that webhooks are WorkOS's own. The SDK's check is not used:
// it panics on short headers, takes any time in the future, and compares in a
// time that depends on the signature. Tests compare this check with the SDK's.
type Signatures struct {
	secret Secret
	clock  clock.Clock
}

// NewSignatures makes the check, with the webhook's secret.
func NewSignatures(secret Secret, c clock.Clock) *Signatures {
	return &Signatures{secret: secret, clock: c}
}

// Check gives UNAUTHORIZED unless the header is a signature of the body, made
// with a value of the secret that is valid, within the last five minutes. Another error
// says that the secret can't be read: then the signature may be good. The secret is
// looked at only where form and time are right.
func (s *Signatures) Check(ctx context.Context, header string, body []byte) error {
	made, err := s.parse(header)
	if err != nil {
		return refuse(err)
	}
	holds, err := s.secret.Try(ctx, func(value string) (bool, error) {
		return hmac.Equal(made.sum, digest([]byte(value), made.time, body)), nil
	})
	if err != nil {
		return fmt.Errorf("check the webhook's signature: %w", err)
	}
	if !holds {
		return refuse(errors.New("another secret or another body was signed"))
	}
	return nil
}

func refuse(cause error) error {
	refused := errs.New(errs.Unauthorized, "The webhook is not signed, or its signature doesn't hold.")
	refused.Err = cause
	return refused
}

// signature is what a header holds: the time as it was signed, and the HMAC.
type signature struct {
	time string
	sum  []byte
}

// parse reads a header of the right form, and of a time that is near.
func (s *Signatures) parse(header string) (signature, error) {
	parts := signatureForm.FindStringSubmatch(header)
	if parts == nil {
		return signature{}, errors.New("no signature, or not in its form")
	}
	ms, err := strconv.ParseInt(parts[1], 10, 64)
	if err != nil {
		return signature{}, fmt.Errorf("signature's time: %w", err)
	}
	if age := s.clock.Now().Sub(time.UnixMilli(ms)); age.Abs() > tolerance {
		return signature{}, fmt.Errorf("the signature is %v old", age.Round(time.Second))
	}
	sum, err := hex.DecodeString(parts[2])
	if err != nil {
		return signature{}, fmt.Errorf("signature: %w", err)
	}
	return signature{parts[1], sum}, nil
}

// Sign makes the header of a body, for those who stand in for WorkOS.
func Sign(secret string, at time.Time, body []byte) string {
	t := strconv.FormatInt(at.UnixMilli(), 10)
	return "t=" + t + ", v1=" + hex.EncodeToString(digest([]byte(secret), t, body))
}

func digest(secret []byte, t string, body []byte) []byte {
	sum := hmac.New(sha256.New, secret)
	sum.Write([]byte(t))
	sum.Write([]byte("."))
	sum.Write(body)
	return sum.Sum(nil)
}
