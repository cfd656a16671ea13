// Package sdk calls operations of AWS's services with the parts of its SDK that a
// call needs: the service's types, schemas and protocol, its retryer, and Signature
// Version 4. What it leaves out is the SDK's middleware: a stack of some thirty
// layers that a client builds anew for each call, which takes more processor time
// than all these parts together. Errors are the SDK's own, wrapped as its clients
// wrap them.
//
// What the middleware does that nobody here asks for: it follows the clock of the
// service where the own one is wrong by minutes, discovers endpoints, and tells the
// service about the SDK in headers.
package sdk

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash/crc32"
	"io"
	"net/http"
	"net/url"
	"strconv"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/rapport/rapport/shared/core/clock"
)

// Service is one service's address and how it is spoken to. All fields must be set.
// It is safe for concurrent use.
type Service struct {
	// ID names the service in errors, SigningName in signatures.
	ID, SigningName string
	Region          string
	// Endpoint has a scheme and a host, and may have a path.
	Endpoint    url.URL
	Credentials aws.CredentialsProvider
	Protocol    smithyhttp.ClientProtocol
	Types       *smithy.TypeRegistry
	HTTP        aws.HTTPClient
	Retryer     aws.RetryerV2
	Signer      *v4.Signer
}

// Call asks for an operation and reads its answer into out. It tries again what the
// retryer says, and ends with its context.
func (s *Service) Call(ctx context.Context, op *smithy.OperationSchema, in smithy.Serializable, out smithy.Deserializable) error {
	err := s.call(ctx, op, in, out)
	if err != nil {
		return &smithy.OperationError{ServiceID: s.ID, OperationName: op.ID().Name, Err: err}
	}
	return nil
}

func (s *Service) call(ctx context.Context, op *smithy.OperationSchema, in smithy.Serializable, out smithy.Deserializable) error {
	if err := ctx.Err(); err != nil {
		return &smithy.CanceledError{Err: err}
	}
	r, err := s.request(ctx, op, in)
	if err != nil {
		return err
	}
	return s.retry(ctx, func(try, most int) error {
		return s.attempt(ctx, op, r, fmt.Sprintf("attempt=%d; max=%d", try, most), out)
	})
}

// request is an operation's input as it is sent, but for its signature.
type request struct {
	method string
	url    *url.URL
	header http.Header
	body   []byte
	// hash is the body's, as the signature takes it.
	hash string
}

func (s *Service) request(ctx context.Context, op *smithy.OperationSchema, in smithy.Serializable) (request, error) {
	made := &smithyhttp.Request{Request: &http.Request{URL: new(url.URL), Header: make(http.Header, 8), ContentLength: -1}}
	if err := s.Protocol.SerializeRequest(ctx, op, in, made); err != nil {
		return request{}, &smithy.SerializationError{Err: err}
	}
	r := request{method: made.Method, url: s.at(made.URL), header: made.Header}
	if stream := made.GetStream(); stream != nil {
		var err error
		if r.body, err = readAll(stream, made.ContentLength); err != nil {
			return request{}, &smithy.SerializationError{Err: err}
		}
	}
	// As the SDK: the answer's checksum is of its bytes as they come.
	r.header.Set("Accept-Encoding", "identity")
	sum := sha256.Sum256(r.body)
	r.hash = hex.EncodeToString(sum[:])
	return r, nil
}

// at is the address of an operation, which has a path alone.
func (s *Service) at(operation *url.URL) *url.URL {
	full := *operation
	full.Scheme, full.Host = s.Endpoint.Scheme, s.Endpoint.Host
	raw := s.Endpoint.RawPath
	if raw == "" && operation.RawPath != "" {
		raw = s.Endpoint.Path
	}
	full.Path = smithyhttp.JoinPath(s.Endpoint.Path, operation.Path)
	full.RawPath = smithyhttp.JoinPath(raw, operation.RawPath)
	return &full
}

func readAll(from io.Reader, size int64) ([]byte, error) {
	var into bytes.Buffer
	if size > 0 {
		into.Grow(int(size) + bytes.MinRead)
	}
	_, err := into.ReadFrom(from)
	return into.Bytes(), err
}

// attempt sends a request once and reads what is answered.
func (s *Service) attempt(ctx context.Context, op *smithy.OperationSchema, r request, number string, out smithy.Deserializable) error {
	sent := (&http.Request{
		Method: r.method, URL: r.url, Host: r.url.Host, Header: r.header.Clone(), ContentLength: int64(len(r.body)),
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
	}).WithContext(ctx)
	if len(r.body) > 0 {
		sent.Body = io.NopCloser(bytes.NewReader(r.body))
	}
	sent.Header.Set("Amz-Sdk-Request", number)
	credentials, err := s.Credentials.Retrieve(ctx)
	if err != nil {
		return fmt.Errorf("credentials: %w", err)
	}
	if err := s.Signer.SignHTTP(ctx, credentials, sent, r.hash, s.SigningName, s.Region, clock.System{}.Now()); err != nil {
		return fmt.Errorf("sign: %w", err)
	}
	response, err := s.HTTP.Do(sent)
	if err != nil {
		if ctx.Err() != nil {
			return &smithy.CanceledError{Err: ctx.Err()}
		}
		return &smithyhttp.RequestSendError{Err: err}
	}
	err = s.read(ctx, op, response, out)
	// What is left of an answer is read, so that the connection can be used again.
	_, unread := io.Copy(io.Discard, io.LimitReader(response.Body, maxRest))
	if closing := response.Body.Close(); err == nil && unread == nil && closing != nil {
		err = &smithyhttp.RequestSendError{Err: closing}
	}
	return err
}

// maxRest bounds what is read of an answer that nobody wants, in bytes.
const maxRest = 64 << 10

// read takes an answer in, and holds it against its checksum where it has one.
func (s *Service) read(ctx context.Context, op *smithy.OperationSchema, response *http.Response, out smithy.Deserializable) error {
	sum := crc32.NewIEEE()
	body := response.Body
	response.Body = struct {
		io.Reader
		io.Closer
	}{io.TeeReader(body, sum), body}
	answer := &smithyhttp.Response{Response: response}
	err := s.Protocol.DeserializeResponse(ctx, op, s.Types, answer, out)
	if want := response.Header.Get("X-Amz-Crc32"); want != "" && want != strconv.FormatUint(uint64(sum.Sum32()), 10) {
		err = &smithy.DeserializationError{Err: fmt.Errorf("the checksum of the answer is %d, not %s", sum.Sum32(), want)}
	}
	if err == nil {
		return nil
	}
	if ctx.Err() != nil {
		return &smithy.CanceledError{Err: ctx.Err()}
	}
	return &awshttp.ResponseError{
		RequestID: response.Header.Get("X-Amzn-Requestid"), ResponseError: &smithyhttp.ResponseError{Response: answer, Err: err},
	}
}
