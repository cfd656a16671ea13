package notes

import (
	"fmt"
	"hash/fnv"
	"time"

	"github.com/rapport/rapport/shared/core/log"
	"github.com/rapport/rapport/shared/core/table"
)

// Keys and access patterns, in the table Log, beside the changes themselves,
// which package log keeps under the topic `meetings/<id>/notes`.
//
//	what      PK           SK                         read by
//	snapshot  LOG#<topic>  BASE                       readers of the text; writers whose base it is
//	chunk     LOG#<topic>  CHUNK#<version:15>#<index> readers of a long text, right after the snapshot
//	at rest   TRIM#<shard> <day>#<topic>              the schedule that tidies texts at rest
//
// A short text lies in its snapshot and has no chunks. Chunks of a version are
// written before the snapshot that names them. Those of
// the snapshot before it stay until the next one, for who is reading them.

const chunkPrefix = "CHUNK#"

func snapshotKey(topic string) table.Key { return log.BaseKey(topic) }

func chunkKey(topic string, version int64, index int) table.Key {
	return table.Key{PK: log.BaseKey(topic).PK, SK: fmt.Sprintf("%s%d", chunksOf(version), index)}
}

// chunksOf begins the sort keys of a version's chunks; versions are in order.
func chunksOf(version int64) string { return fmt.Sprintf("%s%015d#", chunkPrefix, version) }

// restPartition is a part of the list of texts at rest.
func restPartition(shard int) string { return fmt.Sprintf("TRIM#%d", shard) }

// restKey is a text on the list, under a day of dayOf.
func restKey(topic, day string) table.Key {
	hash := fnv.New32a()
	hash.Write([]byte(topic)) // never fails, as hash.Hash says
	return table.Key{PK: restPartition(int(hash.Sum32() % restShards)), SK: day + "#" + topic}
}

const dayLayout = time.DateOnly

// dayOf is the day of a time, in UTC; days sort by time.
func dayOf(at time.Time) string { return at.UTC().Format(dayLayout) }

// dayAfter is the day after a day of dayOf.
func dayAfter(day string) string {
	at, err := time.Parse(dayLayout, day)
	if err != nil {
		return day // of no day: nothing is after it
	}
	return dayOf(at.AddDate(0, 0, 1))
}

// rest is a text at rest, to be looked at.
type rest struct {
	Topic string `dynamodbav:"topic"`
}

// isSnapshot reports whether a record is of a new snapshot.
func isSnapshot(r table.Record) (topic string, ok bool) {
	topic, ok = log.BaseOf(r)
	return topic, ok && r.Event != table.Remove
}

// snapshot is the materialised text at a version: what the log needs of it, and
// where the text is.
type snapshot struct {
	log.Base
	// Hash is of the whole text: lower-case hex SHA-256 of its UTF-8.
	Hash string `dynamodbav:"hash"`
	// Text is the whole text where there are no chunks.
	Text   string `dynamodbav:"text,omitempty"`
	Chunks int    `dynamodbav:"chunks"`
	// Previous is the version of the snapshot before, and PreviousChunks the
	// number of its chunks, which are still there.
	Previous       int64 `dynamodbav:"previous,omitempty"`
	PreviousChunks int   `dynamodbav:"previousChunks,omitempty"`
	// At is when it was made, in milliseconds since 1970.
	At int64 `dynamodbav:"at"`
	// Look is the day under which the text is on the list of those at rest; empty
	// where it isn't.
	Look string `dynamodbav:"look,omitempty"`
}

// chunk is a part of a snapshot's text.
type chunk struct {
	Text string `dynamodbav:"text"`
}
