package flags

import (
	"fmt"

	"github.com/rapport/rapport/shared/core/table"
)

// Keys and access patterns, in the table Data.
//
//	what     PK                  SK                     read by
//	state    FLAGS#              STATE                  every reader, once a second; subscribers of the topic `flags`
//	flag     FLAGS#              FLAG#<key>             readers, all of them where the version has moved; operators
//	history  FLAGHISTORY#<key>   <revision, 15 digits>  operators, newest first

const (
	partition  = "FLAGS#"
	stateSort  = "STATE"
	flagPrefix = "FLAG#"
)

func stateKey() table.Key { return table.Key{PK: partition, SK: stateSort} }

func flagKey(key string) table.Key { return table.Key{PK: partition, SK: flagPrefix + key} }

func historyPartition(key string) string { return "FLAGHISTORY#" + key }

func historyKey(key string, revision int64) table.Key {
	return table.Key{PK: historyPartition(key), SK: fmt.Sprintf("%015d", revision)}
}
