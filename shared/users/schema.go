package users

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"

	"github.com/rapport/rapport/shared/table"
)

// Keys and access patterns, in the table Data.
//
//	what  PK             SK       read by
//	user  USER#<userId>  PROFILE  every call, beside the session; invitations
//
// In the table Control, for a minute (`ttl`).
//
//	what        PK                       SK       read by
//	unknown id  UNKNOWN#<hash of userId> UNKNOWN  invitations of people who aren't stored

const (
	userPrefix  = "USER#"
	profileSort = "PROFILE"
)

// Key is where a user lies; the gate reads it together with the session.
func Key(userID string) table.Key { return table.Key{PK: userPrefix + userID, SK: profileSort} }

// RecordOf tells which user a record of the table's stream is about.
func RecordOf(r table.Record) (userID string, ok bool) {
	userID, ok = strings.CutPrefix(r.Key.PK, userPrefix)
	return userID, ok && r.Key.SK == profileSort
}

func unknownKey(userID string) table.Key {
	sum := sha256.Sum256([]byte(userID))
	return table.Key{PK: "UNKNOWN#" + hex.EncodeToString(sum[:16]), SK: "UNKNOWN"}
}

// unknownItem says that the directory doesn't know an id.
type unknownItem struct {
	// Until is how long that holds, in milliseconds since 1970.
	Until int64 `json:"until"`
}
