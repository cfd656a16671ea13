package notes_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sync/errgroup"

	"github.com/rapport/rapport/shared/core/clock"
	"github.com/rapport/rapport/shared/core/log"
	"github.com/rapport/rapport/shared/core/ot"
	"github.com/rapport/rapport/shared/core/realtime"
	"github.com/rapport/rapport/shared/core/table"
	"github.com/rapport/rapport/shared/core/table/tabletest"
	"github.com/rapport/rapport/shared/meetings"
	"github.com/rapport/rapport/shared/notes"
)

// pointer is a snapshot's row.
type pointer struct {
	Position int64  `dynamodbav:"position"`
	Length   int    `dynamodbav:"length"`
	Hash     string `dynamodbav:"hash"`
	Chunks   int    `dynamodbav:"chunks"`
	At       int64  `dynamodbav:"at"`
}

func (f *fixture) pointer() pointer {
	f.t.Helper()
	p, err := table.Get[pointer](f.t.Context(), f.tables.Log, log.BaseKey(f.topic))
	if err != nil && !errors.Is(err, table.ErrNotFound) {
		f.t.Fatal(err)
	}
	return p
}

// chunks are the sizes of the stored parts of texts, by version.
func (f *fixture) chunks() map[int64][]int {
	f.t.Helper()
	page, err := table.List[struct {
		Text string `dynamodbav:"text"`
	}](f.t.Context(), f.tables.Log, table.Query{PK: "LOG#" + f.topic, Prefix: "CHUNK#", Limit: 1000})
	if err != nil {
		f.t.Fatal(err)
	}
	sizes := map[int64][]int{}
	for _, row := range page.Items {
		var version, index int64
		if _, err := fmt.Sscanf(row.Key.SK, "CHUNK#%d#%d", &version, &index); err != nil {
			f.t.Fatal(row.Key, err)
		}
		sizes[version] = append(sizes[version], len(row.Value.Text))
	}
	return sizes
}

func (f *fixture) head() (position int64, hash string) {
	f.t.Helper()
	position, hash, err := f.Source().Head(f.t.Context(), notes.TopicPattern.Topic(f.meeting))
	if err != nil {
		f.t.Fatal(err)
	}
	return position, hash
}

func hashOf(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}

// A snapshot is made two seconds after the last change. At its version, and
// there alone, the head has the hash.
func TestSnapshotWhenItSettles(t *testing.T) {
	now := clock.NewManual(noon)
	f := newFixture(t, now)
	if position, hash := f.head(); position != 0 || hash != "" {
		t.Errorf("head %d, %q", position, hash)
	}
	f.must(insert(0, "日本"))
	if position, hash := f.head(); position != 1 || hash != "" {
		t.Errorf("head %d, %q", position, hash)
	}
	record := f.entryRecord(1)
	now.Advance(500 * time.Millisecond)
	f.mustProject(record)
	if waited := now.Now().Sub(noon); waited != 2*time.Second {
		t.Errorf("made %v after the change", waited)
	}
	want := pointer{Position: 1, Length: 2, Hash: hashOf("日本"), At: now.Now().UnixMilli()}
	if diff := cmp.Diff(want, f.pointer()); diff != "" {
		t.Error(diff)
	}
	if position, hash := f.head(); position != 1 || hash != want.Hash {
		t.Errorf("head %d, %q", position, hash)
	}
	f.wantText(1, "日本")

	f.must(del(0, 1))
	if position, hash := f.head(); position != 2 || hash != "" {
		t.Errorf("head %d, %q", position, hash)
	}
	f.wantText(2, "本")

	// A record that comes late is not waited for.
	late := f.entryRecord(2)
	now.Advance(time.Minute)
	before := now.Now()
	f.mustProject(late)
	if f.pointer().Position != 2 || !now.Now().Equal(before) {
		t.Errorf("the snapshot is at %d after %v", f.pointer().Position, now.Now().Sub(before))
	}
	if text := f.text(); text.Hash != hashOf("本") || f.pointer().Hash != text.Hash {
		t.Error("wrong hash")
	}
}

// While changes go on a snapshot waits, but not for more than 255 versions and
// not for a minute.
func TestSnapshotWhileChangesGoOn(t *testing.T) {
	now := clock.NewManual(noon)
	f := newFixture(t, now)
	f.must(insert(0, "x"))
	f.settled()
	first := f.pointer()
	wantAt := func(position int64) {
		t.Helper()
		f.mustProject(f.entryRecord(position - 1)) // its record is not the last
		if got := f.pointer().Position; got != first.Position {
			t.Fatalf("made at %d, before %d", got, position)
		}
		f.must(insert(0, "x"))
	}
	for f.newest() < 256 {
		f.must(insert(0, "x"))
	}
	now.Advance(-now.Now().Sub(time.UnixMilli(first.At).Add(50 * time.Second)))
	wantAt(256)
	f.mustProject(f.entryRecord(256))
	if got := f.pointer().Position; got != 257 {
		t.Fatalf("after 256 versions it is at %d", got)
	}

	first = f.pointer()
	f.must(insert(0, "x"))
	now.Advance(-now.Now().Sub(time.UnixMilli(first.At).Add(57 * time.Second)))
	wantAt(258)
	now.Advance(time.Second)
	f.mustProject(f.entryRecord(258))
	if got := f.pointer().Position; got != 259 {
		t.Errorf("after a minute it is at %d", got)
	}
	f.wantText(259, strings.Repeat("x", 259))
}

func TestRecordsThatChangeNothing(t *testing.T) {
	now := clock.NewManual(noon)
	f := newFixture(t, now)
	for range 3 {
		f.must(insert(0, "x"))
	}
	records := []table.Record{f.entryRecord(1), f.entryRecord(2), f.entryRecord(3)}
	f.mustProject(records...)
	want := f.pointer()

	now.Advance(time.Minute)
	before := now.Now()
	slices.Reverse(records)
	ctx, meter := table.WithMeter(t.Context())
	for _, again := range [][]table.Record{
		records, records[:1], records[1:],
		{f.record("INSERT", "LOG#"+f.topic, "BASE", `{"position":{"N":"3"}}`)},
		{f.record("INSERT", "LOG#"+f.topic, "CHUNK#000000000000003#0", `{"text":{"S":"xxx"}}`)},
		{f.record("INSERT", "LOG#"+f.topic, "BUCKET#000000000004097", `{"bucket":{"N":"1"}}`)},
		{f.record("INSERT", "LOG#meetings/"+f.meeting+"/transcript#0", "000000000000001", `{"at":{"N":"1"}}`)},
		{},
	} {
		if failed := f.Project(ctx, again); len(failed) > 0 {
			t.Error(failed)
		}
	}
	if meter.Write() != 0 || !now.Now().Equal(before) {
		t.Errorf("%v write units, %v of waiting", meter.Write(), now.Now().Sub(before))
	}
	if diff := cmp.Diff(want, f.pointer()); diff != "" {
		t.Error(diff)
	}
}

// After the meeting's end nothing is waited for.
func TestSnapshotAtTheEnd(t *testing.T) {
	f := newFixture(t, clock.NewManual(noon))
	f.must(insert(0, "x"))
	f.settled()
	f.must(insert(0, "y"))
	if _, _, err := f.meetings.End(t.Context(), f.host, nil, meetings.GetRequest{MeetingID: f.meeting}); err != nil {
		t.Fatal(err)
	}
	f.mustProject(f.record("INSERT", "LOG#"+f.topic+"#0", "000000000000003", `{"at":{"N":"1"},"k":{"S":"closed"}}`))
	if got := f.pointer().Position; got != 2 {
		t.Errorf("the last snapshot is at %d", got)
	}
	f.wantText(2, "yx")
}

// A long text lies in parts of at most 300 KB, cut between code points. The
// parts of the snapshot before stay for who is reading them, older ones go.
func TestChunks(t *testing.T) {
	f := newFixture(t, clock.NewManual(noon))
	content := ""
	for len(content) < 700<<10 {
		part := strings.Repeat("é日👍", 1_600)
		f.must(insert(len([]rune(content)), part))
		content += part
	}
	want := map[int64][]int{}
	for range 4 {
		f.settled()
		version := f.newest()
		for previous := range want {
			if previous < f.newest()-1 {
				delete(want, previous)
			}
		}
		sizes := f.chunks()
		want[version] = sizes[version]
		if diff := cmp.Diff(want, sizes); diff != "" {
			t.Error(diff)
		}
		for _, size := range sizes[version] {
			if len(sizes[version]) != 3 || size > 300<<10 {
				t.Errorf("chunks of %v bytes", sizes[version])
			}
		}
		f.wantText(version, content)
		f.must(insert(0, "z"))
		content = "z" + content
	}
	f.must(del(0, len([]rune(content))))
	f.settled()
	if p := f.pointer(); p.Chunks != 0 || p.Length != 0 || p.Hash != hashOf("") {
		t.Errorf("no text is %+v", p)
	}
	f.wantText(f.newest(), "")
	f.must(insert(0, "again"))
	f.settled()
	f.wantText(f.newest(), "again")
}

// faultyClient is the way to the engine. The hook sees each request first, and an error
// of its is what the caller gets.
type faultyClient struct {
	mu   sync.Mutex
	hook func(op, body string) error
}

func (client *faultyClient) Do(r *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	_, op, _ := strings.Cut(r.Header.Get("X-Amz-Target"), ".")
	client.mu.Lock()
	hook := client.hook
	client.mu.Unlock()
	if hook != nil {
		if err := hook(op, string(body)); err != nil {
			return nil, err
		}
	}
	return http.DefaultClient.Do(r)
}

// over is the same fixture over a wire.
func (f *fixture) over(wire *faultyClient) *fixture {
	client := table.NewClient(table.ClientConfig{
		Region: "us-east-1", AccessKeyID: "local", SecretAccessKey: "local", Endpoint: f.tables.Endpoint, HTTP: wire,
	})
	again := func(t *table.Table) *table.Table { return table.New(client, t.Name()) }
	return f.beside(&tabletest.Tables{
		Data: again(f.tables.Data), Log: again(f.tables.Log), Realtime: again(f.tables.Realtime),
		Control: again(f.tables.Control), Audit: again(f.tables.Audit), Endpoint: f.tables.Endpoint,
	}, f.clock)
}

// Who reads a text while its snapshot is replaced, even more than once, gets it.
func TestReadingWhileTheSnapshotIsReplaced(t *testing.T) {
	for i, first := range firsts() {
		// A short text comes with its snapshot, a long one after it.
		op := []string{"Query", "BatchGetItem"}[i]
		for replaced := range 4 {
			f := newFixture(t, clock.NewManual(noon))
			f.must(insert(0, first))
			f.settled()
			hooked := &faultyClient{}
			reader := f.over(hooked)
			done := false
			hooked.hook = func(now, body string) error {
				if now == op && strings.Contains(body, "LOG#") && !done {
					done = true
					for range replaced {
						f.must(insert(0, "y"))
						f.settled()
					}
				}
				return nil
			}
			text := reader.text()
			if want := strings.Repeat("y", replaced) + first; text.Content != want || !done {
				t.Errorf("replaced %d times: read %q at %d, want %q", replaced, clip(text.Content), text.Version, clip(want))
			}
		}
	}
}

// Who reads it while its history is trimmed does, too.
func TestReadingWhileTheHistoryIsTrimmed(t *testing.T) {
	now := clock.NewManual(noon)
	f := newFixture(t, now)
	f.must(insert(0, "x"))
	f.settled()
	for range 5 {
		f.must(insert(0, "y"))
	}
	hooked := &faultyClient{}
	reader := f.over(hooked)
	done := false
	hooked.hook = func(op, body string) error {
		if op == "Query" && strings.Contains(body, f.topic+"#0") && !done {
			done = true
			f.settled()
			if n, err := f.log.Trim(t.Context(), f.topic, 6, now.Now().Add(time.Hour), 100); err != nil || n != 5 {
				t.Errorf("trimmed %d, %v", n, err)
			}
		}
		return nil
	}
	if text := reader.text(); text.Content != "yyyyyx" || !done {
		t.Errorf("read %q", text.Content)
	}
}

// firsts are beginnings of texts that lie in their snapshot, or in chunks.
func firsts() []string { return []string{"x", strings.Repeat("x", 4<<10)} }

// wantChunks holds that the stored parts of texts are those of the two newest
// snapshots, which are a character apart, or none of short ones.
func (f *fixture) wantChunks() {
	f.t.Helper()
	newest, text := f.newest(), f.text()
	want := map[int64][]int{}
	if len(text.Content) > 3<<10 {
		want = map[int64][]int{newest - 1: {len(text.Content) - 1}, newest: {len(text.Content)}}
	}
	if diff := cmp.Diff(want, f.chunks()); diff != "" {
		f.t.Error(diff)
	}
}

// Two readers of the stream at once, of which one is overtaken at any of its
// steps, leave the newer text and nothing else.
func TestSnapshotsOvertakeEachOther(t *testing.T) {
	for i, first := range firsts() {
		for step := range 3 + 2*i {
			for _, newer := range []bool{false, true} {
				t.Run(fmt.Sprintf("%d bytes, step %d, by a newer one: %v", len(first), step, newer), func(t *testing.T) {
					overtake(t, first, step, newer)
				})
			}
		}
	}
}

func overtake(t *testing.T, first string, step int, newer bool) {
	f := newFixture(t, clock.NewManual(noon))
	for _, part := range []string{first, "x", "x"} {
		f.must(insert(0, part))
		f.settled()
	}
	f.must(insert(0, "y"))
	hooked := &faultyClient{}
	slow := f.over(hooked)
	left := step
	hooked.hook = func(string, string) error {
		if left--; left == -1 {
			if newer {
				f.must(insert(0, "z"))
			}
			f.settled()
		}
		return nil
	}
	slow.mustProject(f.entryRecord(4))
	want, version := "yxx"+first, int64(4)
	if newer {
		want, version = "z"+want, 5
	}
	if left >= 0 {
		t.Fatalf("it has fewer than %d steps", step)
	}
	if p := f.pointer(); p.Position != version || p.Hash != hashOf(want) {
		t.Errorf("the snapshot is at %d", p.Position)
	}
	f.wantText(version, want)
	// Whatever was left behind is gone two snapshots later.
	for range 2 {
		f.must(insert(0, "."))
		f.settled()
	}
	f.wantChunks()
}

// A snapshot that dies at any write is made by the next reader of the records,
// and what it left behind goes when the text has rested.
func TestSnapshotCrashes(t *testing.T) {
	broken := errors.New("the connection broke")
	for i, first := range firsts() {
		for writes := range 1 + i {
			now := clock.NewManual(noon)
			f := newFixture(t, now)
			for _, part := range []string{first, "x", "x"} {
				f.must(insert(0, part))
				f.settled()
			}
			f.must(insert(0, "y"))
			left := writes
			dying := f.over(&faultyClient{hook: func(op, _ string) error {
				if op == "BatchWriteItem" || op == "UpdateItem" {
					left--
				}
				if left < 0 {
					return broken
				}
				return nil
			}})
			record := f.entryRecord(4)
			failed := dying.Project(t.Context(), []table.Record{record})
			if !errors.Is(failed[record.ID], broken) || len(failed) != 1 {
				t.Fatalf("after %d writes: %v", writes, failed)
			}
			f.wantText(4, "yxx"+first)
			f.must(insert(0, "z"))
			f.mustProject(record, f.entryRecord(5))
			f.wantText(5, "zyxx"+first)
			for range 2 {
				f.must(insert(0, "."))
				now.Advance(time.Minute)
				f.settled()
			}
			f.wantChunks()
		}
	}
}

// A text that grows long gets chunks, and has none when it is short again.
func TestShortAndLongTexts(t *testing.T) {
	f := newFixture(t, clock.NewManual(noon))
	content := ""
	for _, length := range []int{3 << 10, 3<<10 + 1, 3 << 10, 0, 5 << 10, 1} {
		if content != "" {
			f.must(del(0, len(content)))
		}
		if content = strings.Repeat("x", length); length > 0 {
			f.must(insert(0, content))
		}
		f.settled()
		f.wantText(f.newest(), content)
		if p := f.pointer(); p.Chunks > 0 != (length > 3<<10) || p.Length != length || p.Hash != hashOf(content) {
			t.Errorf("%d characters are %+v", length, p)
		}
	}
	for range 2 {
		f.must(insert(0, "."))
		f.settled()
	}
	if left := f.chunks(); len(left) > 0 {
		t.Errorf("left are %v", left)
	}
}

// While a text changes all the time, chunks that nobody names go every 32
// versions.
func TestUnnamedChunksGo(t *testing.T) {
	f := newFixture(t, clock.NewManual(noon))
	f.must(insert(0, strings.Repeat("x", 4<<10)))
	f.settled()
	lost := table.Key{PK: "LOG#" + f.topic, SK: "CHUNK#000000000000000#0"}
	if err := f.tables.Log.Put(t.Context(), lost, map[string]string{"text": "nobody's"}); err != nil {
		t.Fatal(err)
	}
	for f.newest() < 32 {
		if _, there := f.chunks()[0]; !there {
			t.Fatalf("gone at version %d", f.newest())
		}
		for range min(5, 32-f.newest()) {
			f.must(insert(0, "x"))
		}
		f.settled()
	}
	if sizes := f.chunks(); len(sizes) != 2 || len(sizes[32]) != 1 {
		t.Errorf("left are %v", sizes)
	}
}

// Snapshots trim what is older than 90 days and 1,000 versions below them.
func TestSnapshotsTrimTheHistory(t *testing.T) {
	now := clock.NewManual(noon)
	f := newFixture(t, now)
	for at := range int64(1150) {
		if _, err := f.log.Append(t.Context(), log.Append{
			Topic: f.topic, Base: at, Identity: log.Identity{Author: "a", ClientID: "c", ClientSeq: at + 1},
			Prepare: func(prev log.Entry, _ []log.Entry) (log.Draft, error) {
				return log.Draft{Data: `[{"type":"insert","position":0,"content":"x"}]`, Length: prev.Length + 1}, nil
			},
		}); err != nil {
			t.Fatal(err)
		}
	}
	f.settled()
	oldest := func() int64 {
		t.Helper()
		_, err := f.log.Read(t.Context(), f.topic, 0, 1)
		if gone, ok := errors.AsType[*log.GoneError](err); ok {
			return gone.Oldest
		}
		if err != nil {
			t.Fatal(err)
		}
		return 1
	}
	now.Advance(100 * 24 * time.Hour)
	f.must(insert(0, "y"))
	f.settled()
	if got := oldest(); got != 1 {
		t.Errorf("at version 1151 history begins at %d", got)
	}
	f.must(insert(0, "y"))
	f.settled()
	if got := oldest(); got != 152 {
		t.Errorf("at version 1152 history begins at %d", got)
	}
	if text := f.text(); text.Content != "yy"+strings.Repeat("x", 1150) {
		t.Errorf("the text is %q", clip(text.Content))
	}
}

// Who sees no change, and is then overtaken by the first one, leaves the
// snapshot to its record.
func TestTheFirstChangeComesWhileItIsLookedFor(t *testing.T) {
	for step := range 3 {
		f := newFixture(t, clock.NewManual(noon))
		hooked := &faultyClient{}
		slow := f.over(hooked)
		left := step
		hooked.hook = func(string, string) error {
			if left--; left == -1 {
				f.must(insert(0, "x"))
			}
			return nil
		}
		slow.mustProject(f.entryRecord(1))
		if f.newest() == 0 {
			f.must(insert(0, "x"))
		}
		f.settled()
		f.wantText(1, "x")
		if got := f.pointer().Position; got != 1 {
			t.Errorf("it came before call %d, and the snapshot is at %d", step, got)
		}
	}
}

// One text that can't be materialised fails its own records only.
func TestOneTextFails(t *testing.T) {
	f := newFixture(t, clock.NewManual(noon))
	f.must(insert(0, "x"))
	good := f.entryRecord(1)
	bad := []table.Record{}
	broken := "LOG#meetings/broken/notes#0"
	err := f.tables.Log.Put(t.Context(), table.Key{PK: broken, SK: "000000000000001"}, map[string]any{"at": 1, "d": "not a change"})
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		bad = append(bad, f.record("INSERT", broken, "000000000000001", `{"at":{"N":"1"}}`))
	}
	failed := f.Project(t.Context(), []table.Record{bad[0], good, bad[1]})
	if len(failed) != 2 || failed[bad[0].ID] == nil || failed[bad[1].ID] == nil {
		t.Errorf("failed: %v", failed)
	}
	if f.pointer().Position != 1 {
		t.Error("the other text has no snapshot")
	}
}

// Readers, writers and two readers of the stream at once: whatever is read is
// what the history says of its version.
func TestReadersWhileSnapshotsAreMade(t *testing.T) {
	f := newFixture(t, clock.NewManual(noon))
	const changes = 60
	done := make(chan struct{})
	var group errgroup.Group
	for range 2 {
		projector := f.beside(f.tables, clock.NewManual(noon)) // one that moves on
		group.Go(func() error {
			for {
				select {
				case <-done:
					return nil
				default:
				}
				newest, _, err := projector.log.Newest(t.Context(), f.topic)
				if err != nil {
					return err
				}
				if newest == 0 {
					continue
				}
				for _, err := range projector.Project(t.Context(), []table.Record{f.entryRecord(newest)}) {
					return err
				}
			}
		})
	}
	var mu sync.Mutex
	read := map[int64]string{}
	for range 2 {
		reader := f.beside(f.tables, f.clock)
		group.Go(func() error {
			for {
				select {
				case <-done:
					return nil
				default:
				}
				text, err := reader.Get(t.Context(), f.host, notes.GetRequest{MeetingID: f.meeting})
				if err != nil {
					return err
				}
				if text.Hash != hashOf(text.Content) {
					return fmt.Errorf("wrong hash at %d", text.Version)
				}
				mu.Lock()
				read[text.Version] = text.Content
				mu.Unlock()
			}
		})
	}
	for i := range changes {
		f.must(insert(0, fmt.Sprint(i, " ")))
	}
	close(done)
	if err := group.Wait(); err != nil {
		t.Fatal(err)
	}
	content := ""
	for _, change := range f.history(0) {
		content, _ = ot.Apply(content, change.Ops)
		if text, ok := read[change.Version]; ok && text != content {
			t.Errorf("read at %d: %q, the history says %q", change.Version, text, content)
		}
	}
	t.Logf("read at %d of %d versions, the last snapshot is at %d", len(read), changes, f.pointer().Position)
}

func TestMoved(t *testing.T) {
	f := newFixture(t, clock.NewManual(noon))
	topic := notes.TopicPattern.Topic(f.meeting)
	changed, hashed := []realtime.Move{{Topic: topic, HashFollows: true}}, []realtime.Move{{Topic: topic, Hashed: true}}
	base := func(event string) table.Record {
		return f.record(event, "LOG#"+f.topic, "BASE", `{"position":{"N":"3"}}`)
	}
	tests := map[string]struct {
		give table.Record
		want []realtime.Move
	}{
		"change":           {f.entryRecord(7), changed},
		"first snapshot":   {base("INSERT"), hashed},
		"snapshot":         {base("MODIFY"), hashed},
		"deleted":          {base("REMOVE"), nil},
		"trimmed change":   {f.record("REMOVE", "LOG#"+f.topic+"#0", "000000000000001", `{}`), nil},
		"chunk":            {f.record("INSERT", "LOG#"+f.topic, "CHUNK#000000000000003#0", `{}`), nil},
		"another's change": {f.record("INSERT", "LOG#meetings/x/transcript#0", "000000000000001", `{}`), nil},
		"something else":   {f.record("INSERT", "MEETING#"+f.meeting, "MEETING", `{}`), nil},
	}
	for name, test := range tests {
		if diff := cmp.Diff(test.want, f.Source().Moved(test.give)); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}
