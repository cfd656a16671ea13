package cache

import (
	"strconv"
	"testing"
)

// However many keys come, a bounded number is kept; those that come again and again
// stay.
func TestCacheIsBounded(t *testing.T) {
	t.Parallel()
	const size, regular = 100, "regular"
	c := New[string, string](size)
	c.Put(regular, "user")
	for i := range 10 * size {
		c.Put(strconv.Itoa(i), "other")
		if got, known := c.Get(regular); !known || got != "user" {
			t.Fatalf("after %d others: %q, %v", i+1, got, known)
		}
		if kept := len(c.newer) + len(c.older); kept > 2*size {
			t.Fatalf("%d keys are kept", kept)
		}
	}
	if _, known := c.Get("0"); known {
		t.Error("the first of a thousand others is still kept")
	}
	c.Forget(regular)
	if _, known := c.Get(regular); known {
		t.Error("what was forgotten is known")
	}
}
