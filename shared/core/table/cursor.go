package table

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"unicode/utf8"
)

// ErrCursor says that a cursor was not given out by the list that it came to.
var ErrCursor = errors.New("the cursor is not one of this list")

// A cursor is its version, a digest that ties it to its list, and the SK.
const (
	cursorVersion = 1
	cursorDigest  = 8
	maxCursor     = 1400 // an SK has at most 1024 bytes
)

// EncodeCursor makes the opaque cursor for going on after sk in a list. The
// list's name should distinguish whatever the caller may read, such as
// `meetings/<id>/participants`, so that a cursor serves one list only. Without
// sk, at the list's end, the cursor is "".
//
// A cursor holds a position, never a partition, and grants nothing: the digest
// finds mistakes, and whoever forges one gets to another place of a list that
// they may read anyway.
func EncodeCursor(list, sk string) string {
	if sk == "" {
		return ""
	}
	raw := append([]byte{cursorVersion}, digest(list, sk)...)
	return base64.RawURLEncoding.EncodeToString(append(raw, sk...))
}

// DecodeCursor gives the SK in a cursor of the list, or ErrCursor. An empty
// cursor is the list's beginning.
func DecodeCursor(list, cursor string) (string, error) {
	if cursor == "" {
		return "", nil
	}
	if len(cursor) > maxCursor {
		return "", fmt.Errorf("%w: it is too long", ErrCursor)
	}
	raw, err := base64.RawURLEncoding.Strict().DecodeString(cursor)
	if err != nil || len(raw) <= 1+cursorDigest || raw[0] != cursorVersion {
		return "", ErrCursor
	}
	sk := string(raw[1+cursorDigest:])
	if !utf8.ValidString(sk) || len(sk) > 1024 || !bytes.Equal(raw[1:1+cursorDigest], digest(list, sk)) {
		return "", ErrCursor
	}
	return sk, nil
}

func digest(list, sk string) []byte {
	sum := sha256.Sum256(fmt.Appendf(nil, "%d:%s%s", len(list), list, sk))
	return sum[:cursorDigest]
}
