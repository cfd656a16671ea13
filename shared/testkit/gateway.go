package testkit

import (
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
)

// Gateway is API Gateway's @connections: functions post frames to it with the
// SDK's own client.
type Gateway struct {
	url string
	// ended lets hanging posts go when the test is over.
	ended chan struct{}

	mu    sync.Mutex
	lines map[string]*connection
}

// connection is one socket as the gateway sees it.
type connection struct {
	frames [][]byte
	state  lineState
	posts  int
}

type lineState string

const (
	lineOpen    lineState = "open"
	lineGone    lineState = "gone"
	lineHanging lineState = "hanging"
	lineFailing lineState = "failing"
)

func newGateway(t testing.TB) *Gateway {
	g := &Gateway{lines: map[string]*connection{}, ended: make(chan struct{})}
	server := httptest.NewServer(http.HandlerFunc(g.serve))
	t.Cleanup(func() {
		close(g.ended)
		server.Close()
	})
	g.url = server.URL
	return g
}

func (g *Gateway) open(id string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.lines[id] = &connection{state: lineOpen}
}

func (g *Gateway) set(id string, s lineState) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.lines[id].state = s
}

func (g *Gateway) isOpen(id string) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.lines[id].state != lineGone
}

// snapshot gives the frames that reached a socket, and how often one was posted.
func (g *Gateway) snapshot(id string) (frames [][]byte, posts int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	return slices.Clone(g.lines[id].frames), g.lines[id].posts
}

func (g *Gateway) serve(w http.ResponseWriter, r *http.Request) {
	id, ok := strings.CutPrefix(r.URL.Path, "/@connections/")
	if !ok || !strings.HasPrefix(r.Header.Get("Authorization"), "AWS4-HMAC-SHA256 ") {
		refuse(w, http.StatusForbidden, "ForbiddenException")
		return
	}
	if r.Method == http.MethodGet {
		g.answerConnection(w, id)
		return
	}
	if r.Method == http.MethodDelete {
		g.disconnect(w, id)
		return
	}
	if r.Method != http.MethodPost {
		refuse(w, http.StatusForbidden, "ForbiddenException")
		return
	}
	frame, err := io.ReadAll(r.Body)
	if err != nil {
		refuse(w, http.StatusBadRequest, "BadRequestException")
		return
	}
	switch g.take(id, frame) {
	case lineOpen:
		w.WriteHeader(http.StatusOK)
	case lineFailing:
		refuse(w, http.StatusInternalServerError, "InternalServerErrorException")
	case lineHanging:
		select {
		case <-r.Context().Done():
		case <-g.ended:
		}
	case lineGone:
		refuse(w, http.StatusGone, "GoneException")
	}
}

// answerConnection answers whether a socket is open.
func (g *Gateway) answerConnection(w http.ResponseWriter, id string) {
	g.mu.Lock()
	l, known := g.lines[id]
	gone := !known || l.state == lineGone
	g.mu.Unlock()
	if gone {
		refuse(w, http.StatusGone, "GoneException")
		return
	}
	writeJSON(w, http.StatusOK, map[string]string{"connectedAt": "2026-01-01T00:00:00Z", "lastActiveAt": "2026-01-01T00:00:00Z"})
}

// disconnect closes a socket.
func (g *Gateway) disconnect(w http.ResponseWriter, id string) {
	g.mu.Lock()
	l, known := g.lines[id]
	gone := !known || l.state == lineGone
	if !gone {
		l.state = lineGone
	}
	g.mu.Unlock()
	if gone {
		refuse(w, http.StatusGone, "GoneException")
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

// take notes a post, and the frame where it gets through.
func (g *Gateway) take(id string, frame []byte) lineState {
	g.mu.Lock()
	defer g.mu.Unlock()
	l, known := g.lines[id]
	if !known {
		return lineGone
	}
	l.posts++
	if l.state == lineOpen {
		l.frames = append(l.frames, frame)
	}
	return l.state
}

func refuse(w http.ResponseWriter, status int, kind string) {
	w.Header().Set("X-Amzn-Errortype", kind)
	writeJSON(w, status, map[string]string{"message": kind})
}
