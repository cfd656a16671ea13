package gateway

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
)

// isHandshake checks what RFC 6455, section 4.2.1, asks of a handshake, so that
// no function runs, and no ticket is spent, for a request that can't become a
// socket.
func isHandshake(r *http.Request) bool {
	return r.Method == http.MethodGet && r.ProtoAtLeast(1, 1) &&
		hasToken(r.Header, "Connection", "upgrade") && hasToken(r.Header, "Upgrade", "websocket") &&
		r.Header.Get("Sec-Websocket-Version") == "13" && len(r.Header.Values("Sec-Websocket-Key")) == 1 &&
		len(r.Header.Get("Sec-Websocket-Key")) == 24
}

func hasToken(header http.Header, name, token string) bool {
	for _, line := range header.Values(name) {
		for part := range strings.SplitSeq(line, ",") {
			if strings.EqualFold(strings.TrimSpace(part), token) {
				return true
			}
		}
	}
	return false
}

// socketBuffering is how much is read and written at once, in bytes: a frame, but
// for few. The server's own buffers, of 4 KB each, end with the handshake.
const socketBuffering = 1 << 10

// hijackCatcher keeps the connection that a handshake takes over.
type hijackCatcher struct {
	http.ResponseWriter
	conn net.Conn
}

// Hijack implements http.Hijacker.
func (h *hijackCatcher) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	conn, buffered, err := http.NewResponseController(h.ResponseWriter).Hijack()
	if err != nil {
		return nil, nil, fmt.Errorf("take over the connection: %w", err)
	}
	h.conn = conn
	// The client may have sent its first frame already.
	early, err := buffered.Peek(buffered.Reader.Buffered())
	var rest *bufio.Reader
	if err == nil {
		from := io.MultiReader(bytes.NewReader(bytes.Clone(early)), conn)
		rest = bufio.NewReaderSize(from, max(socketBuffering, len(early)))
		_, err = rest.Peek(len(early))
	}
	if err != nil {
		return nil, nil, fmt.Errorf("take over the connection: %w", errors.Join(err, conn.Close()))
	}
	return conn, bufio.NewReadWriter(rest, bufio.NewWriterSize(conn, socketBuffering)), nil
}
