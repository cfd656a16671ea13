package users

import "github.com/rapport/rapport/shared/table"

// Keys and access patterns, in the table Data.
//
//	what  PK             SK       read by
//	user  USER#<userId>  PROFILE  every call, beside the session; invitations

// Key is where a user lies; the gate reads it together with the session.
func Key(userID string) table.Key { return table.Key{PK: "USER#" + userID, SK: "PROFILE"} }
