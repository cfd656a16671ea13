// Package epoch tells one history of positions from another.
//
// Positions and revisions count what was committed. Where an older copy of the
// tables takes over, they are issued again, for something else: version 13 of a
// text then is another text than the version 13 that clients have. So positions
// belong to an epoch, which is configuration and costs no read: whoever lets a
// restored table take over names a new one. Answers and frames say the epoch of
// the positions in them. A position that comes back with the name of another epoch
// is refused; one that comes without a name isn't checked.
package epoch

import (
	"errors"
	"regexp"

	"github.com/rapport/rapport/shared/core/errs"
)

// MaxLength is how many characters an epoch has at most.
const MaxLength = 32

// first is where a client that knows nothing of an epoch begins to read.
const first = 1

var form = regexp.MustCompile(`^[A-Za-z0-9_-]{1,32}$`)

// Epoch is the name of a history: opaque, and compared for equality alone. The
// empty Epoch is told to nobody and refuses nothing.
type Epoch string

// UnmarshalText reads an epoch from the configuration: 1 to 32 letters, digits,
// hyphens and underscores.
func (e *Epoch) UnmarshalText(text []byte) error {
	if !form.Match(text) {
		return errors.New("want 1 to 32 letters, digits, - and _")
	}
	*e = Epoch(text)
	return nil
}

// Is reports whether positions that a client has are of this epoch, as far as the
// client says: known is empty where it doesn't.
func (e Epoch) Is(known string) bool { return e == "" || known == "" || known == string(e) }

// Check refuses positions of another epoch with HISTORY_GONE, which names this one.
func (e Epoch) Check(known string) error {
	if e.Is(known) {
		return nil
	}
	gone := errs.New(errs.HistoryGone, "An earlier state was restored, and positions count from it anew: this is epoch %s. Please read the state again.", e)
	gone.Oldest, gone.Epoch = first, string(e)
	return gone
}
