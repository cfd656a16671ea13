package log

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/rapport/rapport/shared/table"
)

// Keys and access patterns, in the table Log. A topic's name is its path in the
// contract, such as `meetings/01J.../notes`.
//
//	what        PK                    SK               read by
//	entry       LOG#<topic>#<bucket>  <position:15>    writers from their base, readers from their cursor
//	seal        LOG#<topic>#<bucket>  <position:15>    whoever meets it; names the next bucket
//	closing     LOG#<topic>#<bucket>  <position:15>    writers: nothing follows it
//	directory   LOG#<topic>           BUCKET#<first:15> the newest for the tail, the one at or before a cursor
//	base        LOG#<topic>           BASE             writers whose base entry is gone, readers of snapshots
//
// Entries and seals of topics with a retention expire together with their
// bucket (`ttl`). Entries of other topics leave by Trim alone.

const (
	keyPrefix    = "LOG#"
	bucketPrefix = "BUCKET#"
	baseSort     = "BASE"
)

func sortKey(position int64) string { return fmt.Sprintf("%015d", position) }

func entryKey(topic string, bucket, position int64) table.Key {
	return table.Key{PK: bucketPartition(topic, bucket), SK: sortKey(position)}
}

func bucketPartition(topic string, bucket int64) string {
	return keyPrefix + topic + "#" + strconv.FormatInt(bucket, 10)
}

func topicPartition(topic string) string { return keyPrefix + topic }

func directoryKey(topic string, first int64) table.Key {
	return table.Key{PK: topicPartition(topic), SK: bucketPrefix + sortKey(first)}
}

// BaseKey is where a topic's base record lies: what a writer needs of the
// snapshot. The domain that makes snapshots keeps its pointer in the same item.
func BaseKey(topic string) table.Key {
	return table.Key{PK: topicPartition(topic), SK: baseSort}
}

// TopicOf tells which topic a record of the table's stream belongs to, if it is
// an entry or the closing of one.
func TopicOf(r table.Record) (topic string, ok bool) {
	rest, found := strings.CutPrefix(r.Key.PK, keyPrefix)
	if !found {
		return "", false
	}
	end := strings.LastIndexByte(rest, '#')
	if end < 0 {
		return "", false
	}
	if _, err := strconv.ParseInt(r.Key.SK, 10, 64); err != nil {
		return "", false
	}
	return rest[:end], true
}

// kind tells apart what may lie at a position.
type kind string

const (
	kindEntry  kind = ""
	kindSeal   kind = "seal"
	kindClosed kind = "closed"
)

// item is an entry as it is stored. Names are short because a write unit is
// 1 KB, names included.
type item struct {
	Kind      kind   `dynamodbav:"k,omitempty"`
	Next      int64  `dynamodbav:"next,omitempty"` // of a seal: the next bucket
	Count     int    `dynamodbav:"n,omitempty"`
	At        int64  `dynamodbav:"at"` // milliseconds since 1970
	Author    string `dynamodbav:"by,omitempty"`
	ClientID  string `dynamodbav:"c,omitempty"`
	ClientSeq int64  `dynamodbav:"q,omitempty"`
	Digest    string `dynamodbav:"h,omitempty"`
	Data      string `dynamodbav:"d,omitempty"`
	Length    int    `dynamodbav:"len,omitempty"`
	Due       int64  `dynamodbav:"due,omitempty"`
	Tat       int64  `dynamodbav:"tat,omitempty"`
}

func (i item) entry(position int64) Entry {
	return Entry{
		Position: position, Count: max(i.Count, 1), At: time.UnixMilli(i.At).UTC(),
		Identity: Identity{Author: i.Author, ClientID: i.ClientID, ClientSeq: i.ClientSeq, Digest: i.Digest},
		Draft:    Draft{Data: i.Data, Length: i.Length, Due: i.Due, Tat: i.Tat},
	}
}

func itemOf(e Entry) item {
	i := item{
		At: e.At.UnixMilli(), Author: e.Author, ClientID: e.ClientID, ClientSeq: e.ClientSeq,
		Digest: e.Digest, Data: e.Data, Length: e.Length, Due: e.Due, Tat: e.Tat,
	}
	if e.Count > 1 {
		i.Count = e.Count
	}
	return i
}

// directory is the row that says where a bucket begins.
type directory struct {
	Bucket int64 `dynamodbav:"bucket"`
}

// Base is what a topic's snapshot tells the log: a writer whose base is exactly
// Position may go on without the entry itself. Oldest is the first position
// that is still kept; 0 means that nothing was ever trimmed.
type Base struct {
	Position int64 `dynamodbav:"position"`
	Length   int   `dynamodbav:"length"`
	Oldest   int64 `dynamodbav:"oldest,omitempty"`
	Trimmed  int64 `dynamodbav:"trimmed,omitempty"`
}

// BaseOf tells which topic's base record a record of the table's stream is.
func BaseOf(r table.Record) (topic string, ok bool) {
	topic, found := strings.CutPrefix(r.Key.PK, keyPrefix)
	return topic, found && r.Key.SK == baseSort
}

// PositionOf is the position of an entry's record, 0 for any other.
func PositionOf(r table.Record) int64 {
	position, err := strconv.ParseInt(r.Key.SK, 10, 64)
	if err != nil {
		return 0
	}
	return position
}
