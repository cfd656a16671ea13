package endpoint

import (
	"errors"
	"fmt"

	"github.com/rapport/rapport/shared/core/errs"
)

// kindRetried is the code, in the log alone, of a batch of which some come again. It is
// no failed call: whether they fail for good, the age of what waits and the dead
// letters tell.
const kindRetried errs.Kind = "RETRIED"

// batchError is a batch of which some records or messages failed. It is no refusal of
// anybody, whatever their own errors are.
type batchError struct {
	failed, of int
	what       string
	cause      error
}

// Error counts them and says why.
func (e *batchError) Error() string {
	return fmt.Sprintf("%d of %d %s: %v", e.failed, e.of, e.what, e.cause)
}

// kindOf is the code of a call's outcome.
func kindOf(err error) errs.Kind {
	if _, partly := errors.AsType[*batchError](err); partly {
		return kindRetried
	}
	return errs.KindOf(err)
}
