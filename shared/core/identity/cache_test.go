package identity

import (
	"strconv"
	"testing"
)

// However many people come, an instance keeps a bounded number; those who come
// again and again stay.
func TestCacheIsBounded(t *testing.T) {
	t.Parallel()
	c := newCache()
	regular := ID{Issuer: "i", Subject: "regular"}
	c.put(regular, "user")
	for i := range 10 * generationSize {
		c.put(ID{Issuer: "i", Subject: strconv.Itoa(i)}, "other")
		if got, known := c.get(regular); !known || got != "user" {
			t.Fatalf("after %d others: %q, %v", i+1, got, known)
		}
		if kept := len(c.newer) + len(c.older); kept > 2*generationSize {
			t.Fatalf("%d names are kept", kept)
		}
	}
	if _, known := c.get(ID{Issuer: "i", Subject: "0"}); known {
		t.Error("the first of ten thousand others is still kept")
	}
	c.forget(regular)
	if _, known := c.get(regular); known {
		t.Error("what was forgotten is known")
	}
}
