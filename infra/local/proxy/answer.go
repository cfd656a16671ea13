package proxy

import (
	"crypto/rand"
	"encoding/json"
	"hash/crc32"
	"net/http"
	"strconv"
)

// TableError is an error as DynamoDB words it: 400
// ProvisionedThroughputExceededException, 500 InternalServerError.
func TableError(status int, kind, message string) Response {
	space := "com.amazonaws.dynamodb.v20120810#"
	switch kind {
	case accessDenied, "UnrecognizedClientException", "SerializationException", "ThrottlingException", "RequestEntityTooLargeException", "UnknownOperationException":
		space = "com.amazon.coral.service#"
	}
	body := []byte(`{"__type":` + quote(space+kind) + `,"` + messageName(kind) + `":` + quote(message) + `}`)
	return Response{Status: status, Body: body, Header: http.Header{
		"Content-Type":     {"application/x-amz-json-1.0"},
		"X-Amzn-Requestid": {rand.Text()},
		"X-Amz-Crc32":      {strconv.FormatUint(uint64(crc32.ChecksumIEEE(body)), 10)},
	}}
}

// SocketError is an error as API Gateway's @connections words it: 410
// GoneException, 429 LimitExceededException.
func SocketError(status int, kind, message string) Response {
	body := []byte(`{"` + messageName(kind) + `":` + quote(message) + `}`)
	return Response{Status: status, Body: body, Header: http.Header{
		"Content-Type":     {"application/json"},
		"X-Amzn-Errortype": {kind},
		"X-Amzn-Requestid": {rand.Text()},
	}}
}

const accessDenied = "AccessDeniedException"

// messageName is the member that holds an error's message: IAM's alone begins
// with a capital letter.
func messageName(kind string) string {
	if kind == accessDenied {
		return "Message"
	}
	return "message"
}

func quote(text string) string {
	// A string always encodes.
	quoted, _ := json.Marshal(text)
	return string(quoted)
}
