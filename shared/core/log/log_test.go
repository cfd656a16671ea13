package log_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rapport/rapport/shared/core/clock"
	"github.com/rapport/rapport/shared/core/log"
	"github.com/rapport/rapport/shared/core/table"
	"github.com/rapport/rapport/shared/core/table/tabletest"
)

const topic = "meetings/m1/notes"

// noon is when most tests begin: in the future, so that no engine sweeps what
// they write.
var noon = time.Date(2099, 6, 1, 12, 0, 0, 0, time.UTC)

// skewed is a clock that is wrong by a constant.
type skewed struct {
	clock.Clock
	by time.Duration
}

func (s skewed) Now() time.Time { return s.Clock.Now().Add(s.by) }

// draft makes Prepare of a constant.
func draft(d log.Draft) func(log.Entry, []log.Entry) (log.Draft, error) {
	return func(log.Entry, []log.Entry) (log.Draft, error) { return d, nil }
}

// by is an append of one client's change number seq.
func by(client string, seq int64, base int64) log.Append {
	return log.Append{
		Topic: topic, Base: base,
		Identity: log.Identity{Author: "ada", ClientID: client, ClientSeq: seq, Digest: fmt.Sprint(client, seq)},
		Prepare:  draft(log.Draft{Data: fmt.Sprintf("%s-%d", client, seq)}),
	}
}

// mustAppend commits an append, or ends the test.
func mustAppend(t testing.TB, l *log.Log, a log.Append) log.Committed {
	t.Helper()
	committed, err := l.Append(t.Context(), a)
	if err != nil {
		t.Fatalf("append %+v at %d: %v", a.Identity, a.Base, err)
	}
	return committed
}

// fill commits n entries, one after the other.
func fill(t testing.TB, l *log.Log, n int) {
	t.Helper()
	newest, _, err := l.Newest(t.Context(), topic)
	if err != nil {
		t.Fatal(err)
	}
	for i := range int64(n) {
		mustAppend(t, l, by("fill", newest+i+1, log.Tail))
	}
}

// readAll pages through a topic from a cursor on, limit entries a page, and
// holds every page to Read's promises.
func readAll(ctx context.Context, l *log.Log, after int64, limit int) ([]log.Entry, error) {
	var all []log.Entry
	for {
		page, err := l.Read(ctx, topic, after, limit)
		if err != nil {
			return all, err
		}
		if len(page.Entries) > limit || (page.More && len(page.Entries) == 0) {
			return all, fmt.Errorf("a page of %d entries, more %v, for a limit of %d", len(page.Entries), page.More, limit)
		}
		for _, entry := range page.Entries {
			if entry.Position > after+1 || entry.Last() <= after {
				return all, fmt.Errorf("entry %d to %d follows %d", entry.Position, entry.Last(), after)
			}
			after = entry.Last()
		}
		all = append(all, page.Entries...)
		if !page.More {
			return all, nil
		}
	}
}

func mustReadAll(t testing.TB, l *log.Log, after int64, limit int) []log.Entry {
	t.Helper()
	all, err := readAll(t.Context(), l, after, limit)
	if err != nil {
		t.Fatalf("read after %d: %v", after, err)
	}
	return all
}

// names are the entries' identities, with their positions.
func names(entries []log.Entry) string {
	var out strings.Builder
	for _, entry := range entries {
		fmt.Fprintf(&out, "%d:%s-%d ", entry.Position, entry.ClientID, entry.ClientSeq)
	}
	return strings.TrimSpace(out.String())
}

// snapshot puts a topic's base record.
func snapshot(t testing.TB, tbl *table.Table, position int64, length int) {
	t.Helper()
	err := tbl.Update(t.Context(), log.BaseKey(topic), table.Update{Set: map[string]any{"position": position, "length": length}})
	if err != nil {
		t.Fatal(err)
	}
}

func wantGone(t testing.TB, err error, oldest int64) {
	t.Helper()
	if gone, ok := errors.AsType[*log.GoneError](err); !ok || gone.Oldest != oldest {
		t.Errorf("got %v, want history kept from %d on", err, oldest)
	}
}

func wantBeyond(t testing.TB, err error, newest int64) {
	t.Helper()
	if beyond, ok := errors.AsType[*log.BeyondError](err); !ok || beyond.Newest != newest {
		t.Errorf("got %v, want the newest to be %d", err, newest)
	}
}

func wantNewest(t testing.TB, l *log.Log, position int64, closed bool) {
	t.Helper()
	newest, over, err := l.Newest(t.Context(), topic)
	if err != nil || newest != position || over != closed {
		t.Errorf("newest is %d, closed %v, %v; want %d, %v", newest, over, err, position, closed)
	}
}

// fate is what becomes of a request to the table.
type fate int

const (
	passes fate = iota
	// requestLost never reaches the engine.
	requestLost
	// answerLost is done by the engine, but nobody learns of it.
	answerLost
	// requestHangs never reaches the engine, and nobody learns of that.
	requestHangs
	// answerHangs is done by the engine, and its answer is still on the way.
	answerHangs
)

// faultyClient is the way to the engine, on which things get lost.
type faultyClient struct {
	mu   sync.Mutex
	fate func(op, body string) fate
	lost int
}

var errLost = errors.New("the connection broke")

// Do implements the SDK's HTTP client.
func (client *faultyClient) Do(r *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	_, op, _ := strings.Cut(r.Header.Get("X-Amz-Target"), ".")
	client.mu.Lock()
	f := passes
	if client.fate != nil {
		f = client.fate(op, string(body))
	}
	if f != passes {
		client.lost++
	}
	client.mu.Unlock()
	switch f {
	case requestLost:
		return nil, errLost
	case requestHangs:
		<-r.Context().Done()
		return nil, r.Context().Err()
	}
	ctx := r.Context()
	if f == answerHangs {
		r = r.WithContext(context.WithoutCancel(ctx))
	}
	response, err := http.DefaultClient.Do(r)
	if err == nil && f == answerHangs {
		response.Body.Close()
		<-ctx.Done()
		return nil, ctx.Err()
	}
	if err == nil && f == answerLost {
		response.Body.Close()
		return nil, errLost
	}
	return response, err
}

// over leads to a test's table Log over a wire.
func over(client *faultyClient, tables *tabletest.Tables) *table.Table {
	return table.New(table.NewClient(table.ClientConfig{
		Region: "us-east-1", AccessKeyID: "local", SecretAccessKey: "local", Endpoint: tables.Endpoint, HTTP: client,
	}), tables.Log.Name())
}
