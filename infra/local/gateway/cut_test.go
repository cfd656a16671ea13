package gateway

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"
)

// A connection that ends in the middle of a frame gives the client half of it,
// then an end without a word, and $disconnect runs.
func TestFramesAreCut(t *testing.T) {
	for _, size := range []int{100, 20_000, 100_000} {
		f := serveSockets(t, SocketLimits{}, &functions{})
		f.Cuts = func() bool { return true }
		conn, id := f.dial(nil)
		s, _ := f.find(id)
		if err := s.send([]byte(strings.Repeat("x", size))); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), deadline)
		_, reader, err := conn.Reader(ctx)
		if err != nil {
			t.Fatalf("%d bytes: %v", size, err)
		}
		got, err := io.ReadAll(reader)
		if len(got) != size/2 || !errors.Is(err, io.ErrUnexpectedEOF) && !errors.Is(err, io.EOF) {
			t.Errorf("%d bytes: read %d, then %v", size, len(got), err)
		}
		cancel()
		if reason := f.event("DISCONNECT").RequestContext; reason.ConnectionID != id {
			t.Errorf("%s was disconnected, not %s", reason.ConnectionID, id)
		}
	}
}

// A socket that is dropped ends without a word, and is not open any more.
func TestDrop(t *testing.T) {
	f := serveSockets(t, SocketLimits{}, &functions{})
	conn, id := f.dial(nil)
	f.Drop(id)
	if code := f.closed(conn); code != -1 {
		t.Errorf("the client heard %d", code)
	}
	f.event("DISCONNECT")
	f.Drop(id)
}
