package streams

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// letter is what Lambda sends to an on-failure destination, and the reason,
// which only a laptop can tell.
type letter struct {
	Version        string `json:"version"`
	Timestamp      string `json:"timestamp"`
	RequestContext struct {
		FunctionARN string `json:"functionArn"`
		Condition   string `json:"condition"`
		InvokeCount int    `json:"approximateInvokeCount"`
	} `json:"requestContext"`
	Batch struct {
		ShardID  string `json:"shardId"`
		From     string `json:"startSequenceNumber"`
		To       string `json:"endSequenceNumber"`
		First    string `json:"approximateArrivalOfFirstRecord"`
		Last     string `json:"approximateArrivalOfLastRecord"`
		Size     int    `json:"batchSize"`
		StreamID string `json:"streamArn"`
	} `json:"DDBStreamBatchInfo"`
	Reason string `json:"reason"`
}

// deadLetter appends the metadata of records that were given up to
// DATA_DIR/dlq/<queue>.jsonl. Without a destination or a DATA_DIR there is only
// the log.
func (p *part) deadLetter(batch []record, condition string, attempts int, reason error) error {
	if p.Dir == "" || p.spec.Destination == "" {
		return nil
	}
	first, last := batch[0], batch[len(batch)-1]
	l := letter{Version: "1.0", Timestamp: p.Clock.Now().Format(time.RFC3339Nano), Reason: reason.Error()}
	l.RequestContext.FunctionARN = p.function.ARN
	l.RequestContext.Condition = condition
	l.RequestContext.InvokeCount = attempts
	l.Batch.ShardID, l.Batch.From, l.Batch.To = p.id, first.sequence, last.sequence
	l.Batch.First, l.Batch.Last = first.created.Format(time.RFC3339), last.created.Format(time.RFC3339)
	l.Batch.Size, l.Batch.StreamID = len(batch), p.eventARN
	line, err := json.Marshal(l)
	if err != nil {
		return fmt.Errorf("dead letter: %w", err)
	}
	queue := p.spec.Destination[strings.LastIndex(p.spec.Destination, ":")+1:]
	path := filepath.Join(p.Dir, "dlq", queue+".jsonl")
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return fmt.Errorf("dead letter: %w", err)
	}
	file, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("dead letter: %w", err)
	}
	if _, err := file.Write(append(line, '\n')); err != nil {
		return fmt.Errorf("dead letter: %w", err)
	}
	if err := file.Close(); err != nil {
		return fmt.Errorf("dead letter: %w", err)
	}
	return nil
}
