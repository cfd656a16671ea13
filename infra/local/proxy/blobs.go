package proxy

import (
	"crypto/rand"
	"encoding/xml"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// maxBlobRequest bounds what is read of a call of the blob store, in bytes.
const maxBlobRequest = 64 << 20

// Blobs puts the same middleware before S3, whose buckets are the first part of a
// path. A signed address (a presigned GET) names its signer in the query.
func (p *Proxy) Blobs(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBlobRequest))
		if err != nil {
			BlobError(http.StatusBadRequest, "EntityTooLarge", "Your proposed upload exceeds the maximum allowed object size.").write(w)
			return
		}
		key := accessKey(r.Header.Get("Authorization"))
		if key == "" {
			key, _, _ = strings.Cut(r.URL.Query().Get("X-Amz-Credential"), "/")
		}
		if expired(r.URL.Query(), time.Now()) {
			BlobError(http.StatusForbidden, "AccessDenied", "Request has expired").write(w)
			return
		}
		operation, action := blobOperation(r.Method, r.URL)
		p.pass(w, r, next, Call{
			Service: Blobs, Key: key, Function: p.signers[key], Operation: operation, Body: body, header: r.Header,
			Actions: []Action{action},
		})
	})
}

// expired reports whether a signed address was of use only before a time.
func expired(query url.Values, now time.Time) bool {
	if !query.Has("X-Amz-Expires") {
		return false
	}
	signed, err := time.Parse("20060102T150405Z", query.Get("X-Amz-Date"))
	life, malformed := strconv.Atoi(query.Get("X-Amz-Expires"))
	return err != nil || malformed != nil || now.After(signed.Add(time.Duration(life)*time.Second))
}

// blobOperation is what a request asks for, and what IAM asks of it
// (docs.aws.amazon.com/service-authorization, Amazon S3). What isn't known is on
// `*`, which only a policy of everything allows.
func blobOperation(method string, u *url.URL) (operation string, action Action) {
	bucket, object, _ := strings.Cut(strings.TrimPrefix(u.Path, "/"), "/")
	arn := "arn:aws:s3:::" + bucket
	on := func(name string) (string, Action) { return name, Action{"s3:" + name, arn + "/" + object} }
	switch {
	case bucket != "" && object == "" && method == http.MethodGet && u.Query().Has("list-type"):
		return "ListObjectsV2", Action{"s3:ListBucket", arn}
	case object == "" || u.Query().Has("acl") || u.Query().Has("tagging") || u.Query().Has("uploads") || u.Query().Has("uploadId"):
		return method, Action{"s3:" + method, "*"}
	case method == http.MethodPut:
		return on("PutObject")
	case method == http.MethodHead:
		_, action := on("GetObject")
		return "HeadObject", action
	case method == http.MethodGet:
		return on("GetObject")
	case method == http.MethodDelete:
		return on("DeleteObject")
	}
	return method, Action{"s3:" + method, "*"}
}

// BlobError is an error as S3 words it: 403 AccessDenied, 503 SlowDown.
func BlobError(status int, code, message string) Response {
	// Texts always encode.
	body, _ := xml.Marshal(struct {
		XMLName   xml.Name `xml:"Error"`
		Code      string
		Message   string
		RequestID string `xml:"RequestId"`
	}{Code: code, Message: message, RequestID: rand.Text()})
	return Response{Status: status, Header: http.Header{"Content-Type": {"application/xml"}}, Body: append([]byte(xml.Header), body...)}
}
