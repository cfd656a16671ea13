package gateway

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/coder/websocket"
)

// MaxPost is the largest frame that @connections takes, in bytes.
const MaxPost = 128 << 10

// connectionPath finds the connection's id in /@connections/{id}, which may
// stand under a stage's name.
func connectionPath(path string) (id string, ok bool) {
	_, rest, ok := strings.Cut(path, "/@connections/")
	if !ok || rest == "" || strings.Contains(rest, "/") {
		return "", false
	}
	if strings.Count(path, "/") > 3 {
		return "", false
	}
	return rest, true
}

// serveConnection is the @connections interface: POST sends a frame, GET tells
// about the socket, DELETE closes it. Calls must be signed, as on AWS; whose
// signature it is does not matter here, but no web page can make one.
func (g *Sockets) serveConnection(w http.ResponseWriter, r *http.Request, id string) {
	if !strings.HasPrefix(r.Header.Get("Authorization"), "AWS4-HMAC-SHA256 ") || r.Header.Get("Origin") != "" {
		writeException(w, http.StatusForbidden, "ForbiddenException", "Missing Authentication Token")
		return
	}
	switch r.Method {
	case http.MethodPost:
		g.postTo(w, r, id)
	case http.MethodGet:
		g.describe(w, id)
	case http.MethodDelete:
		g.deleteConnection(w, id)
	default:
		writeException(w, http.StatusForbidden, "ForbiddenException", "Missing Authentication Token")
	}
}

// postTo answers as soon as the frame is queued.
func (g *Sockets) postTo(w http.ResponseWriter, r *http.Request, id string) {
	frame, err := io.ReadAll(http.MaxBytesReader(w, r.Body, MaxPost))
	if err != nil {
		if _, tooLarge := errors.AsType[*http.MaxBytesError](err); tooLarge {
			writeException(w, http.StatusRequestEntityTooLarge, "PayloadTooLargeException", "Message too long")
			return
		}
		writeException(w, http.StatusBadRequest, "BadRequestException", "The body can't be read")
		return
	}
	if !utf8.Valid(frame) {
		writeException(w, http.StatusBadRequest, "BadRequestException", "The body is not UTF-8")
		return
	}
	s, ok := g.find(id)
	if !ok {
		writeGone(w)
		return
	}
	switch err := s.send(frame); {
	case errors.Is(err, errFull):
		writeException(w, http.StatusTooManyRequests, "LimitExceededException", "The client's buffer is full")
	case err != nil:
		writeGone(w)
	default:
		w.WriteHeader(http.StatusOK)
	}
}

// connectionInfo is what GET answers.
type connectionInfo struct {
	ConnectedAt  time.Time `json:"connectedAt"`
	LastActiveAt time.Time `json:"lastActiveAt"`
	Identity     struct {
		SourceIP  string `json:"sourceIp"`
		UserAgent string `json:"userAgent"`
	} `json:"identity"`
}

func (g *Sockets) describe(w http.ResponseWriter, id string) {
	s, ok := g.find(id)
	if !ok {
		writeGone(w)
		return
	}
	info := connectionInfo{ConnectedAt: s.connectedAt, LastActiveAt: time.UnixMilli(s.lastActive.Load()).UTC()}
	info.Identity.SourceIP, info.Identity.UserAgent = s.client.sourceIP, s.client.userAgent
	// A struct of strings and sane times always encodes.
	text, _ := json.Marshal(info)
	w.Header().Set("Content-Type", "application/json")
	// The client may be gone; nobody else needs this error.
	_, _ = w.Write(text)
}

// deleteConnection closes a socket after what was posted to it before.
func (g *Sockets) deleteConnection(w http.ResponseWriter, id string) {
	s, ok := g.find(id)
	if !ok {
		writeGone(w)
		return
	}
	s.out.end(websocket.StatusNormalClosure, "Connection Closed Normally")
	w.WriteHeader(http.StatusNoContent)
}

func writeGone(w http.ResponseWriter) {
	writeException(w, http.StatusGone, "GoneException", "Gone")
}

// writeException answers so that AWS's SDKs find the exception's type.
func writeException(w http.ResponseWriter, status int, kind, message string) {
	w.Header().Set("X-Amzn-Errortype", kind)
	w.Header().Set("X-Amzn-Requestid", newID())
	writeMessage(w, status, message)
}
