package streams

import (
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestSequenceNumbersAreCompared(t *testing.T) {
	for _, tt := range []struct {
		a, b string
		want bool
	}{
		{"1", "", true},
		{"", "", false},
		{"", "1", false},
		{"10", "9", true},
		{"9", "10", false},
		{"0009", "8", true},
		{"0008", "8", false},
		{"5", "0000000000000000000000000000000000000004", true},
		{"400000000000000499660", "99999999999999999999", true},
	} {
		if got := after(tt.a, tt.b); got != tt.want {
			t.Errorf("%q after %q: %v", tt.a, tt.b, got)
		}
	}
}

// A file may be of a reader without logical shards, or of one with another
// number of them: then all begin at the lowest position.
func TestPositionsOfOlderReaders(t *testing.T) {
	dir := t.TempDir()
	if err := os.MkdirAll(filepath.Join(dir, "streams"), 0o700); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name, file string
		want       []string
		done       bool
	}{
		{"before there were parts", `{"streamArn":"arn","shards":{"s":{"sequence":"17"}}}`, []string{"17", "17", "17"}, false},
		{"at the beginning", `{"streamArn":"arn","shards":{"s":{}}}`, []string{"", "", ""}, false},
		{"done", `{"streamArn":"arn","shards":{"s":{"sequence":"17","done":true}}}`, []string{"17", "17", "17"}, true},
		{"fewer parts", `{"streamArn":"arn","shards":{"s":{"sequence":"3","parts":["9","3"]}}}`, []string{"3", "3", "3"}, false},
		{"as many", `{"streamArn":"arn","shards":{"s":{"sequence":"3","parts":["9","3","4"]}}}`, []string{"9", "3", "4"}, false},
		{"another shard's", `{"streamArn":"arn","shards":{"t":{"sequence":"3","parts":["9","3","4"]}}}`, []string{"", "", ""}, false},
		{"another stream's", `{"streamArn":"old","shards":{"s":{"sequence":"3"}}}`, []string{"", "", ""}, false},
		{"parts are no list", `{"streamArn":"arn","shards":{"s":{"sequence":"3","parts":7}}}`, []string{"", "", ""}, false},
		{"no shards", `{"streamArn":"arn"}`, []string{"", "", ""}, false},
		{"torn", `{"streamArn":"arn","shards":{"s":{"sequ`, []string{"", "", ""}, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if err := os.WriteFile(filepath.Join(dir, "streams", "r.json"), []byte(tt.file), 0o600); err != nil {
				t.Fatal(err)
			}
			c, err := openCheckpoints(dir, "r", "arn", slog.New(slog.DiscardHandler))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, c.at("s").of(3)); diff != "" || c.done("s") != tt.done {
				t.Errorf("done: %v, %s", c.done("s"), diff)
			}
		})
	}
}

// What is written has the lowest position also for readers that know no parts.
func TestPositionsAreKept(t *testing.T) {
	dir := t.TempDir()
	c, err := openCheckpoints(dir, "r", "arn", slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	c.set("s", newPosition([]string{"12", "8", "9"}))
	text, err := os.ReadFile(filepath.Join(dir, "streams", "r.json"))
	if err != nil || !strings.Contains(string(text), `"sequence":"8"`) {
		t.Errorf("written %s, %v", text, err)
	}
	again, err := openCheckpoints(dir, "r", "arn", slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"12", "8", "9"}, again.at("s").of(3)); diff != "" {
		t.Error(diff)
	}
	if p := newPosition([]string{"12", "", "9"}); p.Sequence != "" {
		t.Errorf("the lowest of them is %q", p.Sequence)
	}
}
