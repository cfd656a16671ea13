package gateway

import (
	"encoding/binary"
	"math"

	"github.com/coder/websocket"
)

// Drop ends a socket without a word: its client sees the connection break. A
// socket that isn't open is no error.
func (g *Sockets) Drop(connectionID string) {
	if s, open := g.find(connectionID); open {
		s.out.end(websocket.StatusAbnormalClosure, "")
		<-s.shaken
		if s.raw != nil {
			s.cut()
		}
	}
}

// breakOff writes a frame as far as its middle and ends the connection.
func (s *socket) breakOff(frame []byte) {
	wire := append(frameHead(len(frame)), frame[:len(frame)/2]...)
	s.out.end(websocket.StatusAbnormalClosure, "")
	// The connection is cut, whatever has reached the client.
	_, _ = s.raw.Write(wire)
	s.cut()
}

// frameHead is what stands before a text frame from a server (RFC 6455, section
// 5.2).
func frameHead(n int) []byte {
	const finalText = 0x81
	switch {
	case n < 126:
		return []byte{finalText, byte(n)}
	case n <= math.MaxUint16:
		return binary.BigEndian.AppendUint16([]byte{finalText, 126}, uint16(n))
	}
	return binary.BigEndian.AppendUint64([]byte{finalText, 127}, uint64(n))
}
