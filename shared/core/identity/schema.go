package identity

import (
	"crypto/sha256"
	"encoding/hex"

	"github.com/rapport/rapport/shared/core/table"
)

// Keys and access patterns, in the table Control.
//
//	what     PK                      SK      read by
//	key set  KEYSET#<hash of issuer>  KEYSET  a cold function, or one that meets an unknown key

func keySetKey(issuer string) table.Key {
	sum := sha256.Sum256([]byte(issuer))
	return table.Key{PK: "KEYSET#" + hex.EncodeToString(sum[:16]), SK: "KEYSET"}
}

// keySet is an issuer's JSON Web Key Set as it was fetched.
type keySet struct {
	// Keys is the document (RFC 7517); empty while the first fetch is under way.
	Keys string `json:"keys,omitempty"`
	// FetchedAt, CheckedAt and FailedAt are milliseconds since 1970: when Keys
	// came, when somebody last went to fetch, and when that failed.
	FetchedAt int64 `json:"fetchedAt,omitempty"`
	CheckedAt int64 `json:"checkedAt"`
	FailedAt  int64 `json:"failedAt,omitempty"`
	// CheckedBy is the fetch that CheckedAt began, named by chance.
	CheckedBy string `json:"checkedBy,omitempty"`
}
