package identity

import (
	"strconv"
	"testing"
)

// However many people come, an instance keeps a bounded number; those who come
// again and again stay.
func TestNamesAreBounded(t *testing.T) {
	t.Parallel()
	n := newNames()
	regular := ID{Issuer: "i", Subject: "regular"}
	n.put(regular, "user")
	for i := range 10 * keptNames {
		n.put(ID{Issuer: "i", Subject: strconv.Itoa(i)}, "other")
		if got, known := n.get(regular); !known || got != "user" {
			t.Fatalf("after %d others: %q, %v", i+1, got, known)
		}
		if kept := len(n.newer) + len(n.older); kept > 2*keptNames {
			t.Fatalf("%d names are kept", kept)
		}
	}
	if _, known := n.get(ID{Issuer: "i", Subject: "0"}); known {
		t.Error("the first of ten thousand others is still kept")
	}
	n.forget(regular)
	if _, known := n.get(regular); known {
		t.Error("what was forgotten is known")
	}
}
