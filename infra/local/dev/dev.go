// Package dev is what everything under /dev does alike: which methods a path
// takes, how it reads what it is sent, and how it answers and refuses.
package dev

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"unicode/utf8"

	"github.com/rapport/rapport/infra/local/gateway"
)

// maxBody bounds a request's body, in bytes.
const maxBody = 16 << 10

// Only serves one method of a path.
func Only(method string, handler http.HandlerFunc) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != method {
			w.Header().Set("Allow", method)
			gateway.WriteProblem(w, http.StatusMethodNotAllowed, "METHOD_NOT_ALLOWED", "This path takes "+method+".")
			return
		}
		handler(w, r)
	})
}

// Read reads a request's body into what in points to, or refuses it.
func Read(w http.ResponseWriter, r *http.Request, in any) bool {
	raw, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if _, tooLarge := errors.AsType[*http.MaxBytesError](err); tooLarge {
		gateway.WriteProblem(w, http.StatusRequestEntityTooLarge, "PAYLOAD_TOO_LARGE", fmt.Sprintf("A body may have at most %d bytes.", maxBody))
		return false
	}
	if err != nil {
		Refuse(w, "body", "can't be read")
		return false
	}
	if location, problem := parseRequest(raw, in); problem != "" {
		Refuse(w, location, problem)
		return false
	}
	return true
}

// parseRequest reads a request: where it is wrong and how, or no problem.
func parseRequest(raw []byte, in any) (location, problem string) {
	if !utf8.Valid(raw) {
		return "body", "is not UTF-8"
	}
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.DisallowUnknownFields()
	err := decoder.Decode(in)
	if wrong, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		if wrong.Field == "" {
			return "body", "must be an object"
		}
		return "body." + wrong.Field, "must not be a " + wrong.Value
	}
	if err != nil {
		return "body", "is not a JSON object with the fields that this path takes"
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return "body", "must be one JSON object"
	}
	return "", ""
}

// Refuse answers VALIDATION_ERROR for one place of a request.
func Refuse(w http.ResponseWriter, location, detail string) {
	gateway.WriteProblem(w, http.StatusBadRequest, "VALIDATION_ERROR", "The request is not valid.",
		gateway.Location{Location: location, Detail: detail})
}

// WriteJSON answers 200 with a value that always encodes.
func WriteJSON(w http.ResponseWriter, value any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	// The client may be gone; nobody else needs this error.
	_ = json.NewEncoder(w).Encode(value)
}
