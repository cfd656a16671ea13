package streams

import (
	"strings"
	"testing"
)

func TestFilters(t *testing.T) {
	event := map[string]any{
		"eventName": "INSERT",
		"dynamodb": map[string]any{
			"SizeBytes": int64(120),
			"Keys":      map[string]any{"PK": map[string]any{"S": "meeting#1"}},
			"NewImage": map[string]any{
				"type": map[string]any{"S": "Note"}, "n": map[string]any{"N": "5"}, "ok": map[string]any{"BOOL": true},
				"none": map[string]any{"NULL": true}, "tags": map[string]any{"SS": []any{"a", "b"}},
			},
		},
	}
	tests := []struct {
		name, pattern string
		want          bool
	}{
		{"one of", `{"eventName":["MODIFY","INSERT"]}`, true},
		{"none of", `{"eventName":["REMOVE"]}`, false},
		{"both fields", `{"eventName":["INSERT"],"dynamodb":{"Keys":{"PK":{"S":[{"prefix":"meeting#"}]}}}}`, true},
		{"one field differs", `{"eventName":["INSERT"],"dynamodb":{"Keys":{"PK":{"S":[{"prefix":"user#"}]}}}}`, false},
		{"suffix", `{"dynamodb":{"Keys":{"PK":{"S":[{"suffix":"#1"}]}}}}`, true},
		{"ignore case", `{"dynamodb":{"NewImage":{"type":{"S":[{"equals-ignore-case":"nOTE"}]}}}}`, true},
		{"case matters", `{"dynamodb":{"NewImage":{"type":{"S":["note"]}}}}`, false},
		{"exists", `{"dynamodb":{"NewImage":{"type":{"S":[{"exists":true}]}}}}`, true},
		{"exists not", `{"dynamodb":{"NewImage":{"ttl":{"N":[{"exists":true}]}}}}`, false},
		{"absent", `{"dynamodb":{"NewImage":{"ttl":{"N":[{"exists":false}]}}}}`, true},
		{"absent image", `{"dynamodb":{"OldImage":{"type":{"S":[{"exists":false}]}}}}`, true},
		{"exists looks at leaves", `{"dynamodb":{"NewImage":[{"exists":true}]}}`, false},
		{"anything but", `{"dynamodb":{"NewImage":{"type":{"S":[{"anything-but":["Chat","Head"]}]}}}}`, true},
		{"anything but that", `{"dynamodb":{"NewImage":{"type":{"S":[{"anything-but":"Note"}]}}}}`, false},
		{"anything but a prefix", `{"dynamodb":{"NewImage":{"type":{"S":[{"anything-but":{"prefix":"No"}}]}}}}`, false},
		{"anything but needs a value", `{"dynamodb":{"NewImage":{"ttl":{"S":[{"anything-but":["x"]}]}}}}`, false},
		{"number", `{"dynamodb":{"SizeBytes":[120]}}`, true},
		{"numeric range", `{"dynamodb":{"SizeBytes":[{"numeric":[">",100,"<=",120]}]}}`, true},
		{"numeric outside", `{"dynamodb":{"SizeBytes":[{"numeric":["<",120]}]}}`, false},
		{"N is text", `{"dynamodb":{"NewImage":{"n":{"N":["5"]}}}}`, true},
		{"N is not numeric", `{"dynamodb":{"NewImage":{"n":{"N":[{"numeric":["=",5]}]}}}}`, false},
		{"true", `{"dynamodb":{"NewImage":{"ok":{"BOOL":[true]}}}}`, true},
		{"false", `{"dynamodb":{"NewImage":{"ok":{"BOOL":[false]}}}}`, false},
		{"element of a set", `{"dynamodb":{"NewImage":{"tags":{"SS":["b"]}}}}`, true},
		{"or", `{"$or":[{"eventName":["REMOVE"]},{"dynamodb":{"NewImage":{"type":{"S":["Note"]}}}}]}`, true},
		{"or of none", `{"$or":[{"eventName":["REMOVE"]},{"eventName":["MODIFY"]}]}`, false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			p, err := parsePattern(test.pattern)
			if err != nil {
				t.Fatal(err)
			}
			if got := passes([]pattern{p}, event); got != test.want {
				t.Errorf("%s: %v, want %v", test.pattern, got, test.want)
			}
		})
	}
	if !passes(nil, event) {
		t.Error("without filters everything passes")
	}
}

func TestFiltersNotUnderstood(t *testing.T) {
	for pattern, want := range map[string]string{
		`{"a":[{"cidr":"10.0.0.0/24"}]}`: `a: the operator "cidr" is not understood`,
		`{"a":{"b":"text"}}`:             "a.b: must be an object or a list",
		`{}`:                             "empty pattern",
		`{"a":[{"numeric":["!",1]}]}`:    "numeric",
		`{"a":[{"exists":"yes"}]}`:       "exists takes true or false",
		`not json`:                       "not a JSON object",
	} {
		if _, err := parsePattern(pattern); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", pattern, err, want)
		}
	}
}
