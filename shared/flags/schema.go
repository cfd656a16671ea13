package flags

import "github.com/rapport/rapport/shared/table"

// Keys and access patterns, in the table Data.
//
//	what   PK      SK     read by
//	state  FLAGS#  STATE  subscribers of the topic `flags`

func stateKey() table.Key { return table.Key{PK: "FLAGS#", SK: "STATE"} }
