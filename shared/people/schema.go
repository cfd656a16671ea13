package people

import (
	"strings"

	"github.com/rapport/rapport/shared/core/table"
)

// Keys and access patterns, in the table Data.
//
//	what                     PK                       SK                         read by
//	profile                  PERSON#<userId>          PROFILE                    its owner, cards, searches
//	counters                 PERSON#<userId>          COUNTERS                   cards
//	notices                  PERSON#<userId>          NOTICES                    its owner, whoever tells them something
//	interests                PERSON#<userId>          INTERESTS                  its owner, the handler of usage
//	interests as counted     PERSON#<userId>          COUNTED                    the handler of usage
//	names in the index       PERSON#<userId>          NAMES                      the handler of names
//	a connection, as listed  PERSON#<userId>          RELATION#<connectionId>  its owner, newest first
//	a block, as listed       PERSON#<userId>          BLOCK#<userId>             who has blocked
//	pair                     PAIR#<userId>#<userId>   PAIR                       cards, searches, every change between the two; the lesser id first
//	whose a connection is    RELATION#<connectionId>  RELATION                   calls that name it; it stays when the connection ends
//	name                     NAMES#<two characters>   <name from a part>#<userId>  searches by the beginning of a part
//	interest                 INTEREST#<interestId>    INTEREST                   its name, where people have added it, and how many have it
//	interest, by name        INTERESTS#               <name>#<interestId>        lists of interests that people have added
//	report                   REPORTS#<month>          <reportId>                 operators, a month's in order
//	reports of a person      GSI1: REPORTED#<userId>  <reportId>                 operators, newest first

const (
	personPrefix     = "PERSON#"
	profileSort      = "PROFILE"
	countersSort     = "COUNTERS"
	noticesSort      = "NOTICES"
	interestsSort    = "INTERESTS"
	countedSort      = "COUNTED"
	namesSort        = "NAMES"
	connectionPrefix = "RELATION#"
	connectionSort   = "RELATION"
	blockPrefix      = "BLOCK#"
	pairPrefix       = "PAIR#"
	pairSort         = "PAIR"
	interestPrefix   = "INTEREST#"
	interestSort     = "INTEREST"
	interestList     = "INTERESTS#"

	// maxID is the longest id in bytes that is looked up; ours have 26.
	maxID = 255
)

func personKey(userID, sort string) table.Key {
	return table.Key{PK: personPrefix + userID, SK: sort}
}

func listedKey(userID, connectionID string) table.Key {
	return personKey(userID, connectionPrefix+connectionID)
}

func blockKey(userID, blocked string) table.Key { return personKey(userID, blockPrefix+blocked) }

// pairKey is one key for two people, whoever of them is named first.
func pairKey(a, b string) table.Key {
	return table.Key{PK: pairPrefix + min(a, b) + "#" + max(a, b), SK: pairSort}
}

func connectionKey(connectionID string) table.Key {
	return table.Key{PK: connectionPrefix + connectionID, SK: connectionSort}
}

// namePartition holds the names that begin with the same two characters.
func namePartition(folded string) string {
	runes := []rune(folded)
	return "NAMES#" + string(runes[:min(2, len(runes))])
}

func nameKey(folded, userID string) table.Key {
	return table.Key{PK: namePartition(folded), SK: folded + "#" + userID}
}

func interestKey(interestID string) table.Key {
	return table.Key{PK: interestPrefix + interestID, SK: interestSort}
}

func listedInterest(sort string) table.Key { return table.Key{PK: interestList, SK: sort} }

func reportKey(month, reportID string) table.Key {
	return table.Key{PK: "REPORTS#" + month, SK: reportID}
}

func reportedIndex(userID, reportID string) table.Key {
	return table.Key{PK: "REPORTED#" + userID, SK: reportID}
}

// interestsOf tells whose interests a record of the table's stream is about.
func interestsOf(r table.Record) (userID string, ok bool) {
	userID, ok = strings.CutPrefix(r.Key.PK, personPrefix)
	return userID, ok && r.Key.SK == interestsSort
}
