package log_test

import (
	"fmt"
	"testing"

	"github.com/rapport/rapport/shared/core/log"
	"github.com/rapport/rapport/shared/core/table"
)

// keyAt is where the schema puts an entry.
func keyAt(bucket, position int64) table.Key {
	return table.Key{PK: fmt.Sprintf("LOG#%s#%d", topic, bucket), SK: fmt.Sprintf("%015d", position)}
}

// directoryAt is where the schema puts the directory row of a bucket.
func directoryAt(first int64) table.Key {
	return table.Key{PK: "LOG#" + topic, SK: fmt.Sprintf("BUCKET#%015d", first)}
}

func TestRecordsOfTheStream(t *testing.T) {
	const stream = "arn:aws:dynamodb:eu-central-1:1:table/Log/stream/x"
	record := func(event string, k table.Key, image string) table.Record {
		t.Helper()
		payload := fmt.Sprintf(`{"Records":[{"eventID":"1","eventName":%q,"eventSourceARN":%q,"dynamodb":{
			"SequenceNumber":"1","Keys":{"PK":{"S":%q},"SK":{"S":%q}},"NewImage":%s}}]}`, event, stream, k.PK, k.SK, image)
		records, err := table.ParseRecords([]byte(payload))
		if err != nil {
			t.Fatal(err)
		}
		return records[0]
	}
	tests := []struct {
		name     string
		give     table.Record
		topic    string
		position int64
		base     bool
	}{
		{"entry", record("INSERT", keyAt(0, 12), `{"at":{"N":"1"},"d":{"S":"x"}}`), topic, 12, false},
		{"entry of three positions", record("INSERT", keyAt(0, 12), `{"at":{"N":"1"},"n":{"N":"3"}}`), topic, 14, false},
		{"closing", record("INSERT", keyAt(0, 13), `{"at":{"N":"1"},"k":{"S":"closed"}}`), topic, 12, false},
		{"seal", record("INSERT", keyAt(0, 13), `{"at":{"N":"1"},"k":{"S":"seal"},"next":{"N":"5"}}`), "", 0, false},
		{"directory", record("INSERT", directoryAt(5), `{"bucket":{"N":"1"}}`), "", 0, false},
		{"base", record("MODIFY", log.BaseKey(topic), `{"position":{"N":"12"}}`), "", 0, true},
		{"another's", record("INSERT", table.Key{PK: "USER#ada", SK: "PROFILE"}, `{}`), "", 0, false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			name, ok := log.TopicOf(test.give)
			if name != test.topic || ok != (test.topic != "") {
				t.Errorf("topic %q, %v", name, ok)
			}
			if position := log.PositionOf(test.give); position != test.position {
				t.Errorf("position %d, want %d", position, test.position)
			}
			if name, ok := log.BaseOf(test.give); ok != test.base || (ok && name != topic) {
				t.Errorf("base of %q, %v", name, ok)
			}
		})
	}
}
