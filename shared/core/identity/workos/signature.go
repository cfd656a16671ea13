package workos

import (
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
	secret []byte
	clock  clock.Clock
}

// NewSignatures makes the check. Without a secret nothing passes it.
func NewSignatures(secret string, c clock.Clock) *Signatures {
	return &Signatures{secret: []byte(secret), clock: c}
}

// Check gives UNAUTHORIZED unless the header is a signature of the body, made
// with the secret within the last five minutes.
func (s *Signatures) Check(header string, body []byte) error {
	if err := s.check(header, body); err != nil {
		refused := errs.New(errs.Unauthorized, "The webhook is not signed, or its signature doesn't hold.")
		refused.Err = err
		return refused
	}
	return nil
}

func (s *Signatures) check(header string, body []byte) error {
	if len(s.secret) == 0 {
		return errors.New("no webhook secret is configured")
	}
	parts := signatureForm.FindStringSubmatch(header)
	if parts == nil {
		return errors.New("no signature, or not in its form")
	}
	ms, err := strconv.ParseInt(parts[1], 10, 64)
	if err != nil {
		return fmt.Errorf("signature's time: %w", err)
	}
	if age := s.clock.Now().Sub(time.UnixMilli(ms)); age.Abs() > tolerance {
		return fmt.Errorf("the signature is %v old", age.Round(time.Second))
	}
	given, err := hex.DecodeString(parts[2])
	if err != nil {
		return fmt.Errorf("signature: %w", err)
	}
	if !hmac.Equal(given, digest(s.secret, parts[1], body)) {
		return errors.New("another secret or another body was signed")
	}
	return nil
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
