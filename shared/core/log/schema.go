package log

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/rapport/rapport/shared/core/table"
)

// Keys and access patterns, in the table Log. A topic's name is its path in the
// contract, such as `meetings/01J.../notes`.
//
//	what        PK                    SK               read by
//	entry       LOG#<topic>#<bucket>  <position:15>    writers from their base, readers from their cursor
//	seal        LOG#<topic>#<bucket>  <position:15>    whoever meets it; names the next bucket
//	closing     LOG#<topic>#<bucket>  <position:15>    writers: nothing follows it
//	directory   LOG#<topic>           BUCKET#<first:15> the newest for the end, the one at or before a cursor
//	base        LOG#<topic>           BASE             writers whose base entry is gone, readers of snapshots
//
// Entries and seals of topics with a retention expire a day after it (`ttl`); a
// seal with the bucket that it leads to. Entries of other topics leave by Trim
// alone. Directory rows and closing entries stay, so that a position is never
// given twice.

const (
	keyPrefix    = "LOG#"
	bucketPrefix = "BUCKET#"
	baseSort     = "BASE"
)

func sortKey(position int64) string { return fmt.Sprintf("%015d", max(0, min(position, maxPosition))) }

func entryKey(topic string, at slot) table.Key {
	return table.Key{PK: bucketPartition(topic, at.bucket), SK: sortKey(at.position)}
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

// kind distinguishes what may lie at a position.
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
	Hints     string `dynamodbav:"x,omitempty"`
	Length    int    `dynamodbav:"len,omitempty"`
	Due       int64  `dynamodbav:"due,omitempty"`
	Tat       int64  `dynamodbav:"tat,omitempty"`
	Group     int64  `dynamodbav:"g,omitempty"`
}

func (i item) entry(position int64) Entry {
	return Entry{
		Position: position, At: time.UnixMilli(i.At).UTC(),
		Identity: Identity{Author: i.Author, ClientID: i.ClientID, ClientSeq: i.ClientSeq, Digest: i.Digest},
		Draft:    Draft{Data: i.Data, Hints: i.Hints, Length: i.Length, Due: i.Due, Tat: i.Tat, Group: i.Group, Count: max(i.Count, 1)},
	}
}

func itemOf(e Entry) item {
	i := item{
		At: e.At.UnixMilli(), Author: e.Author, ClientID: e.ClientID, ClientSeq: e.ClientSeq,
		Digest: e.Digest, Data: e.Data, Hints: e.Hints, Length: e.Length, Due: e.Due, Tat: e.Tat, Group: e.Group,
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

func (d directory) begins(k table.Key) (slot, error) {
	first, err := strconv.ParseInt(strings.TrimPrefix(k.SK, bucketPrefix), 10, 64)
	if err != nil {
		return slot{}, fmt.Errorf("key %s: %w", k, err)
	}
	return slot{bucket: d.Bucket, position: first}, nil
}

// Base is what a topic's snapshot tells the log: a writer whose base is exactly
// Position may go on without the entry itself, and the topic has come at least
// as far. Oldest is the first position that is still kept; 0 means that nothing
// was ever trimmed. Whoever puts a snapshot where entries never were, as an
// import does, sets Oldest to the position behind it.
type Base struct {
	Position int64 `dynamodbav:"position"`
	Length   int   `dynamodbav:"length"`
	Oldest   int64 `dynamodbav:"oldest,omitempty"`
	// Trimmed is the last position that is known to be deleted; those between it
	// and Oldest may be.
	Trimmed int64 `dynamodbav:"trimmed,omitempty"`
}

// standIn is what the snapshot tells of the entry at a position.
func (b Base) standIn(position int64) Entry {
	if b.Position != position {
		return Entry{Position: position}
	}
	return Entry{Position: position, Draft: Draft{Length: b.Length}}
}

// TopicOf is the topic that a record of the table's stream belongs to, if it is
// an entry or the closing of one.
func TopicOf(r table.Record) (topic string, ok bool) {
	topic, _, ok = moveOf(r)
	return topic, ok
}

// PositionOf is the newest position of its topic that the record of an entry or
// a closing tells of; 0 for any other.
func PositionOf(r table.Record) int64 {
	_, newest, _ := moveOf(r)
	return newest
}

func moveOf(r table.Record) (topic string, newest int64, ok bool) {
	topic, found := strings.CutPrefix(r.Key.PK, keyPrefix)
	end := strings.LastIndexByte(topic, '#')
	position, err := positionOf(r.Key)
	if !found || end < 0 || err != nil {
		return "", 0, false
	}
	var i item
	if _, err := r.New(&i); err != nil || i.Kind == kindSeal {
		return "", 0, false
	}
	if i.Kind == kindClosed {
		return topic[:end], position - 1, true
	}
	return topic[:end], i.entry(position).Last(), true
}

// BaseOf is the topic whose base record a record of the table's stream is.
func BaseOf(r table.Record) (topic string, ok bool) {
	topic, found := strings.CutPrefix(r.Key.PK, keyPrefix)
	return topic, found && r.Key.SK == baseSort
}
