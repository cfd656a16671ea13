// Package blob is what domains know of the blob store: names of objects, and
// their bounds. Package s3 keeps them. Objects are for what is too large for a
// table and read as a whole: exports, files of transcripts, signed heads. They
// are written once under a name of their own, or replaced as a whole; there are no
// conditions here, so what needs one has its truth in a table and names the object
// there.
package blob

import (
	"errors"
	"time"
)

const (
	// MaxKey bounds an object's name, in bytes.
	MaxKey = 1024
	// MaxSize bounds its content, in bytes.
	MaxSize = 32 << 20
	// MaxList is how many names one list has.
	MaxList = 1000
	// MaxLink is how long a link can be of use.
	MaxLink = time.Hour
)

// ErrNotFound says that there is no object of that name.
var ErrNotFound = errors.New("blob: not found")

// Info is an object in a list.
type Info struct {
	Key        string
	Size       int64
	ModifiedAt time.Time
}

// Page is a part of a list, in the order of the names' bytes.
type Page struct {
	Items []Info
	// Next is what to go on after; empty at the end.
	Next string
}
