package testkit

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodbstreams"
	"github.com/aws/aws-sdk-go-v2/service/dynamodbstreams/types"

	"github.com/rapport/rapport/shared/core/table"
	"github.com/rapport/rapport/shared/testkit/streamevent"
)

// cursor is where a function stands in a table's stream: the sequence number
// of the last record that it needs no more, by shard.
type cursor map[string]string

// Delivery is what became of a batch of stream records.
type Delivery struct {
	// Records is how many the function was given.
	Records int
	// Failed are the ids of the records that it wants again.
	Failed []string
}

// Stream hands a function what happened to a table (`Data` or `Log`) since the
// last time, in one batch, without the filters of the templates. As on AWS, the
// earliest record that failed and all after it come again the next time, and
// all of them where the function failed as a whole.
func (h *Harness) Stream(t testing.TB, tableName, function string) Delivery {
	t.Helper()
	key := tableName + " " + function
	h.mu.Lock()
	at := h.cursors[key]
	h.mu.Unlock()
	if at == nil {
		at = cursor{}
	}
	var delivery Delivery
	for _, batch := range h.records(t, h.table(t, tableName).Name(), at) {
		delivery.Records += len(batch.records)
		failed := h.deliver(t, function, batch.records)
		delivery.Failed = append(delivery.Failed, failed...)
		done := len(batch.records)
		if len(failed) > 0 {
			done = slices.IndexFunc(batch.numbers, func(number string) bool { return slices.Contains(failed, number) })
		}
		if done > 0 {
			at[batch.shard] = batch.numbers[done-1]
		}
	}
	h.mu.Lock()
	h.cursors[key] = at
	h.mu.Unlock()
	return delivery
}

func (h *Harness) deliver(t testing.TB, function string, records []map[string]any) (failed []string) {
	t.Helper()
	payload, err := h.Invoke(t.Context(), function, map[string]any{"Records": records})
	if err != nil {
		t.Errorf("%s failed: %v", function, err)
		return nil
	}
	var answer events.DynamoDBEventResponse
	if err := json.Unmarshal(payload, &answer); err != nil {
		t.Errorf("%s gave no answer: %v", function, err)
	}
	for _, failure := range answer.BatchItemFailures {
		failed = append(failed, failure.ItemIdentifier)
	}
	return failed
}

// batch is what a shard has after a cursor.
type batch struct {
	shard   string
	numbers []string
	records []map[string]any
}

func (h *Harness) records(t testing.TB, physical string, after cursor) []batch {
	t.Helper()
	client := dynamodbstreams.New(dynamodbstreams.Options{
		Region: region, BaseEndpoint: &h.Tables.Endpoint,
		Credentials: credentials.NewStaticCredentialsProvider("local", "local", ""),
	})
	described, err := h.Tables.Client.DescribeTable(t.Context(), &dynamodb.DescribeTableInput{TableName: &physical})
	if err != nil || described.Table.LatestStreamArn == nil {
		t.Fatalf("the stream of %s: %v", physical, err)
	}
	arn := *described.Table.LatestStreamArn
	stream, err := client.DescribeStream(t.Context(), &dynamodbstreams.DescribeStreamInput{StreamArn: &arn})
	if err != nil {
		t.Fatalf("the stream of %s: %v", physical, err)
	}
	eventARN := fmt.Sprintf("arn:aws:dynamodb:%s:123456789012:table/%s/stream/%s", region, physical, arn[strings.LastIndex(arn, "/")+1:])
	var batches []batch
	for _, shard := range stream.StreamDescription.Shards {
		raws := shardRecords(t, client, arn, *shard.ShardId, after[*shard.ShardId])
		one := batch{shard: *shard.ShardId}
		for _, raw := range raws {
			record, err := streamevent.Convert(raw, eventARN, *shard.ShardId, region)
			if err != nil {
				t.Fatal(err)
			}
			one.numbers, one.records = append(one.numbers, *raw.Dynamodb.SequenceNumber), append(one.records, record)
		}
		if len(one.records) > 0 {
			batches = append(batches, one)
		}
	}
	return batches
}

// shardRecords reads to the end of what a shard has now.
func shardRecords(t testing.TB, client *dynamodbstreams.Client, arn, shard, after string) []types.Record {
	t.Helper()
	in := &dynamodbstreams.GetShardIteratorInput{
		StreamArn: &arn, ShardId: &shard, ShardIteratorType: types.ShardIteratorTypeTrimHorizon,
	}
	if after != "" {
		in.ShardIteratorType, in.SequenceNumber = types.ShardIteratorTypeAfterSequenceNumber, &after
	}
	iterator, err := client.GetShardIterator(t.Context(), in)
	if err != nil {
		t.Fatalf("read stream: %v", err)
	}
	var all []types.Record
	for next := iterator.ShardIterator; next != nil; {
		page, err := client.GetRecords(t.Context(), &dynamodbstreams.GetRecordsInput{ShardIterator: next})
		if err != nil {
			t.Fatalf("read stream: %v", err)
		}
		if len(page.Records) == 0 {
			break
		}
		all, next = append(all, page.Records...), page.NextShardIterator
	}
	return all
}

func (h *Harness) table(t testing.TB, name string) *table.Table {
	t.Helper()
	found, ok := map[string]*table.Table{
		"Data": h.Tables.Data, "Log": h.Tables.Log, "Realtime": h.Tables.Realtime,
		"Control": h.Tables.Control, "Audit": h.Tables.Audit,
	}[name]
	if !ok {
		t.Fatalf("there is no table %s", name)
	}
	return found
}
