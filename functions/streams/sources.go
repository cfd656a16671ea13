package streams

import (
	"time"

	"github.com/rapport/rapport/shared/core/endpoint"
)

// entries are the entries of logs, whose sort key is a position of 15 digits; not
// snapshots, nor their chunks.
const entries = `{"eventName":["INSERT"],"dynamodb":{"Keys":{"SK":{"S":[{"prefix":"0"}]}}}}`

// fanoutReads says what the durable lane reads. A head a second and topic is enough,
// and one instance remembers when a topic was told its head, so batches of a shard
// go one after the other.
func fanoutReads() []endpoint.Source {
	return []endpoint.Source{
		{
			Table: endpoint.Data, BatchSize: 1000, Window: time.Second, Parallel: 1,
			Filters: []string{
				`{"eventName":["INSERT","MODIFY"],"dynamodb":{"Keys":{"PK":{"S":[{"prefix":"MEETING#"}]}}}}`,
				`{"eventName":["INSERT","MODIFY"],"dynamodb":{"Keys":{"PK":{"S":["FLAGS#"]},"SK":{"S":["STATE"]}}}}`,
			},
		},
		{
			Table: endpoint.Log, BatchSize: 1000, Window: time.Second, Parallel: 1,
			Filters: []string{
				entries,
				`{"eventName":["INSERT","MODIFY"],"dynamodb":{"Keys":{"SK":{"S":["BASE"]}}}}`,
			},
		},
	}
}

// projectReads says what the handlers read: a filter lets through what some handler
// handles.
func projectReads() []endpoint.Source {
	return []endpoint.Source{
		{
			// A new name is everywhere within seconds, and a person with thousands of
			// meetings holds up few others.
			Table: endpoint.Data, BatchSize: 100, Parallel: 10,
			Filters: []string{
				`{"eventName":["INSERT","MODIFY"],"dynamodb":{"Keys":{"PK":{"S":[{"prefix":"USER#"}]},"SK":{"S":["PROFILE"]}}}}`,
				`{"dynamodb":{"Keys":{"PK":{"S":[{"prefix":"PERSON#"}]},"SK":{"S":["INTERESTS"]}}}}`,
				`{"eventName":["INSERT","MODIFY"],"dynamodb":{"Keys":{"SK":{"S":[{"prefix":"PARTICIPANT#"}]}}}}`,
			},
		},
		{
			// Snapshots wait for two seconds of quiet anyway; a batch that waits holds up
			// its quarter of the keys.
			Table: endpoint.Log, BatchSize: 1000, Window: time.Second, Parallel: 4,
			Filters: []string{entries},
		},
	}
}
