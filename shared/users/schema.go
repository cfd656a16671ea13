package users

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"

	"github.com/rapport/rapport/shared/core/identity"
	"github.com/rapport/rapport/shared/core/table"
)

// Keys and access patterns, in the table Data.
//
//	what                 PK                                     SK                         read by
//	user                 USER#<userId>                          PROFILE                    every call, beside the session; invitations
//	identity             IDENTITY#<hash of issuer and subject>  IDENTITY                   a person's first call to an instance of a function; webhooks
//	identity, by user    USER#<userId>                          IDENTITY#<hash of issuer>  whoever erases a user
//
// Issuers and subjects are hashed because they are another's words, of any
// length and characters. The second row of an identity lies with its user, and
// keeps them to one identity of an issuer.

const (
	userPrefix     = "USER#"
	identityPrefix = "IDENTITY#"
	profileSort    = "PROFILE"
	identitySort   = "IDENTITY"
)

// Key is where a user lies.
func Key(userID string) table.Key { return table.Key{PK: userPrefix + userID, SK: profileSort} }

// RecordOf is the user that a record of the table's stream is about.
func RecordOf(r table.Record) (userID string, ok bool) {
	userID, ok = strings.CutPrefix(r.Key.PK, userPrefix)
	return userID, ok && r.Key.SK == profileSort
}

// IdentityKey is where an identity lies. The issuer's hash has one length, so no
// two identities are written alike.
func IdentityKey(id identity.ID) table.Key {
	issuer := sha256.Sum256([]byte(id.Issuer))
	sum := sha256.Sum256(append(issuer[:], id.Subject...))
	return table.Key{PK: identityPrefix + hex.EncodeToString(sum[:]), SK: identitySort}
}

// ownIdentityKey is where a user has their identity of an issuer.
func ownIdentityKey(userID, issuer string) table.Key {
	sum := sha256.Sum256([]byte(issuer))
	return table.Key{PK: userPrefix + userID, SK: identityPrefix + hex.EncodeToString(sum[:16])}
}
