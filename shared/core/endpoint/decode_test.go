package endpoint

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/rapport/rapport/shared/core/errs"
	"github.com/rapport/rapport/shared/core/patch"
)

// sample has one field of every sort that a body may have.
type sample struct {
	Title  string     `json:"title" minLength:"1" maxLength:"5" notBlank:"true"`
	Count  int64      `json:"count,omitzero" minimum:"1" maximum:"10"`
	Share  float64    `json:"share,omitzero" minimum:"0" maximum:"1"`
	Open   bool       `json:"open,omitzero"`
	At     *time.Time `json:"at,omitzero"`
	Mood   string     `json:"mood,omitzero" enum:"calm,busy"`
	Chunks []chunk    `json:"chunks,omitzero" minItems:"1" maxItems:"3"`
	Note   *string    `json:"note,omitzero" nullable:"true"`
}

type chunk struct {
	Text string `json:"text" minLength:"1"`
	MS   int64  `json:"ms,omitzero"`
}

func decodeSample(raw string) (sample, error) {
	var s sample
	err := decodeBody([]byte(raw), shapeOf(reflect.TypeFor[sample]()).Body, &s)
	return s, err
}

func TestDecodeBody(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 11, 23, 16, 0, 0, 0, time.UTC)
	note := "n"
	tests := []struct {
		name, give string
		want       sample
	}{
		{"what is required alone", `{"title":"x"}`, sample{Title: "x"}},
		{"white space around", " \n{ \"title\" : \"x\" }\t ", sample{Title: "x"}},
		{"everything", `{"title":"x","count":10,"share":0.5,"open":true,"at":"2026-11-23T17:00:00+01:00","mood":"busy",` +
			`"chunks":[{"text":"a","ms":-7}],"note":"n"}`,
			sample{Title: "x", Count: 10, Share: 0.5, Open: true, At: &at, Mood: "busy", Chunks: []chunk{{"a", -7}}, Note: &note}},
		{"null where it stands for none", `{"title":"x","note":null}`, sample{Title: "x"}},
		{"characters count, not bytes", `{"title":"ééééé"}`, sample{Title: "ééééé"}},
		{"characters beyond 16 bits", `{"title":"😀😀😀😀😀"}`, sample{Title: "😀😀😀😀😀"}},
		{"a pair of surrogates", `{"title":"\ud83d\ude00"}`, sample{Title: "😀"}},
		{"an escaped name", `{"\u0074itle":"x"}`, sample{Title: "x"}},
		{"NUL and other control characters, escaped", `{"title":"\u0000\n"}`, sample{Title: "\x00\n"}},
		{"the largest share", `{"title":"x","share":1.0}`, sample{Title: "x", Share: 1}},
		{"a share with exponent", `{"title":"x","share":5e-1}`, sample{Title: "x", Share: 0.5}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, err := decodeSample(tt.give)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("decode %s (-want +got):\n%s", tt.give, diff)
			}
		})
	}
}

func TestDecodeBodyRefuses(t *testing.T) {
	t.Parallel()
	deep := func(n int) string { return strings.Repeat("[", n) + strings.Repeat("]", n) }
	at := func(locations ...string) []string { return locations }
	tests := []struct {
		name, give string
		want       []string
	}{
		{"nothing", ``, at("body")},
		{"white space", `  `, at("body")},
		{"no JSON", `hello`, at("body")},
		{"half an object", `{"title":"x"`, at("body")},
		{"half a string", `{"title":"x`, at("body")},
		{"a trailing comma", `{"title":"x",}`, at("body")},
		{"two values", `{"title":"x"}{"title":"y"}`, at("body")},
		{"something behind", `{"title":"x"} x`, at("body")},
		{"a comment", `{"title":"x"/* why */}`, at("body")},
		{"NaN", `{"title":"x","share":NaN}`, at("body")},
		{"a byte order mark", "\ufeff" + `{"title":"x"}`, at("body")},
		{"a raw line break in a string", "{\"title\":\"a\nb\"}", at("body")},
		{"null", `null`, at("body")},
		{"a list", `[]`, at("body")},
		{"a string", `"title"`, at("body")},
		{"without what is required", `{}`, at("body.title")},
		{"null where it is not allowed", `{"title":null}`, at("body.title")},
		{"a number for a string", `{"title":7}`, at("body.title")},
		{"an object for a string", `{"title":{"a":1}}`, at("body.title")},
		{"an empty string", `{"title":""}`, at("body.title")},
		{"a blank string", `{"title":" \u00a0\n"}`, at("body.title")},
		{"a string too long", `{"title":"abcdef"}`, at("body.title")},
		{"a string for a number", `{"title":"x","count":"1"}`, at("body.count")},
		{"a fraction for a whole number", `{"title":"x","count":1.5}`, at("body.count")},
		{"a whole number with exponent", `{"title":"x","count":1e1}`, at("body.count")},
		{"a number below", `{"title":"x","count":0}`, at("body.count")},
		{"a number above", `{"title":"x","count":11}`, at("body.count")},
		{"a number of more than 64 bits", `{"title":"x","count":9223372036854775808}`, at("body.count")},
		{"a number beyond all floats", `{"title":"x","share":1e999}`, at("body.share")},
		{"a string for a boolean", `{"title":"x","open":"true"}`, at("body.open")},
		{"a number for a boolean", `{"title":"x","open":1}`, at("body.open")},
		{"no time", `{"title":"x","at":"tomorrow"}`, at("body.at")},
		{"a time without zone", `{"title":"x","at":"2026-11-23T16:00:00"}`, at("body.at")},
		{"a day that is not", `{"title":"x","at":"2026-02-30T16:00:00Z"}`, at("body.at")},
		{"a time before year 1 in UTC", `{"title":"x","at":"0001-01-01T00:00:00+10:00"}`, at("body.at")},
		{"a number for a time", `{"title":"x","at":1764000000}`, at("body.at")},
		{"not in the list of values", `{"title":"x","mood":"Calm"}`, at("body.mood")},
		{"an object for a list", `{"title":"x","chunks":{}}`, at("body.chunks")},
		{"a list too short", `{"title":"x","chunks":[]}`, at("body.chunks")},
		{"a list too long", `{"title":"x","chunks":[{"text":"a"},{"text":"a"},{"text":"a"},{}]}`, at("body.chunks")},
		{"items of the wrong sort", `{"title":"x","chunks":[{"text":"a"},7]}`, at("body.chunks[1]")},
		{"fields of items", `{"title":"x","chunks":[{"text":"a"},{"text":1},{"ms":1}]}`, at("body.chunks[1].text", "body.chunks[2].text")},
		{"an unknown field", `{"title":"x","colour":"red"}`, at("body.colour")},
		{"an unknown field of an item", `{"title":"x","chunks":[{"text":"a","x":1}]}`, at("body.chunks[0].x")},
		{"an unknown field that is null", `{"title":"x","colour":null}`, at("body.colour")},
		{"a field in other case", `{"title":"x","Count":1}`, at("body.Count")},
		{"a required field in other case", `{"Title":"x"}`, at("body.title", "body.Title")},
		{"an empty name", `{"title":"x","":1}`, at("body.")},
		{"a field twice", `{"title":"x","title":"y"}`, at("body.title")},
		{"a field twice, once escaped", `{"title":"x","\u0074itle":"y"}`, at("body.title")},
		{"an unknown field twice", `{"title":"x","y":1,"y":2}`, at("body.y")},
		{"a field of an item twice", `{"title":"x","chunks":[{"text":"a"},{"text":"a","text":"b"}]}`, at("body.chunks[1].text")},
		{"a byte that is not UTF-8", "{\"title\":\"a\xff\"}", at("body.title")},
		{"an overlong encoding", "{\"title\":\"\xc0\xaf\"}", at("body.title")},
		{"a surrogate in UTF-8", "{\"title\":\"\xed\xa0\x80\"}", at("body.title")},
		{"a cut sequence", "{\"title\":\"\xe2\x82\"}", at("body.title")},
		{"bad UTF-8 in an item", "{\"title\":\"x\",\"chunks\":[{\"text\":\"\xff\"}]}", at("body.chunks[0].text")},
		{"bad UTF-8 in a name", "{\"ti\xfftle\":\"x\"}", at("body")},
		{"bad UTF-8 in an unknown field", "{\"title\":\"x\",\"y\":\"\xff\"}", at("body.y")},
		{"bad UTF-8 outside of strings", "{\"title\":\"x\"}\xff", at("body")},
		{"a lone high surrogate", `{"title":"\ud83d"}`, at("body.title")},
		{"a lone low surrogate", `{"title":"\ude00"}`, at("body.title")},
		{"surrogates in the wrong order", `{"title":"\ude00\ud83d"}`, at("body.title")},
		{"a high surrogate before other text", `{"title":"\ud83dx"}`, at("body.title")},
		{"a high surrogate before another escape", `{"title":"\ud83d\u0041"}`, at("body.title")},
		{"a lone surrogate in capitals", `{"title":"\uD83D"}`, at("body.title")},
		{"a lone surrogate in a name", `{"\ud83d":"x"}`, at("body")},
		{"a lone surrogate in an item", `{"title":"x","chunks":[{"text":"ok"},{"text":"\udc00"}]}`, at("body.chunks[1].text")},
		{"an escape that is none", `{"title":"\x41"}`, at("body")},
		{"nested too deep", `{"title":` + deep(maxDepth+1) + `}`, at("body")},
		{"nested far too deep", strings.Repeat(`{"a":`, 50_000), at("body")},
		{"several at once, in the order of names", `{"open":1,"count":0,"x":1}`, at("body.title", "body.count", "body.open", "body.x")},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, err := decodeSample(tt.give)
			if diff := cmp.Diff(tt.want, locationsOf(t, err)); diff != "" {
				t.Errorf("decode %.200q gave %+v, problems at (-want +got):\n%s\n%v", tt.give, got, diff, err)
			}
		})
	}
}

func TestProblemsAreBounded(t *testing.T) {
	t.Parallel()
	var names []string
	for i := range 10_000 {
		names = append(names, fmt.Sprintf(`"field%d":1`, i))
	}
	_, err := decodeSample(`{"title":"x",` + strings.Join(names, ",") + `}`)
	if got := len(locationsOf(t, err)); got != maxProblems {
		t.Errorf("%d problems, want %d", got, maxProblems)
	}
	_, err = decodeSample(`{"title":"x","` + strings.Repeat("é", 10_000) + `":1}`)
	if got := locationsOf(t, err); len(got) != 1 || len(got[0]) > 200 {
		t.Errorf("a long name is told as %d bytes", len(got[0]))
	}
	for _, twice := range []string{`"x":1,"x":1`, `"y":"\ud800"`} {
		name := strings.Repeat("z", 10_000)
		_, err = decodeSample(`{"` + name + `":{` + twice + `}}`)
		if got := locationsOf(t, err); len(got) != 1 || len(got[0]) > 200 {
			t.Errorf("a long path is told as %d bytes", len(got[0]))
		}
	}
}

func TestDecodeParameters(t *testing.T) {
	t.Parallel()
	type request struct {
		MeetingID string     `path:"meetingId" minLength:"1" maxLength:"255"`
		Limit     *int       `query:"limit" minimum:"1" maximum:"200"`
		From      int64      `query:"from" minimum:"0" ignoredWith:"cursor"`
		Cursor    string     `query:"cursor" minLength:"1"`
		Since     *time.Time `query:"since"`
		Trace     string     `header:"X-Trace" maxLength:"5"`
	}
	shape := shapeOf(reflect.TypeFor[request]())
	limit, since := 7, time.Date(2026, 11, 23, 16, 0, 0, 0, time.UTC)
	long := strings.Repeat("😀", 64)
	type query = map[string]string
	tests := []struct {
		name         string
		path         string
		query        query
		trace        string
		want         request
		wantProblems []string
	}{
		{name: "all", path: "m", query: query{"limit": "7", "from": "3", "since": "2026-11-23T16:00:00Z"}, trace: "t",
			want: request{MeetingID: "m", Limit: &limit, From: 3, Since: &since, Trace: "t"}},
		{name: "none but the path", path: "m", want: request{MeetingID: "m"}},
		{name: "the longest id", path: long[:252], want: request{MeetingID: long[:252]}},
		{name: "an id of too many bytes", path: long, wantProblems: []string{"path.meetingId"}},
		{name: "an id that is not UTF-8", path: "a\xff", wantProblems: []string{"path.meetingId"}},
		{name: "an id that was not UTF-8 before the gateway", path: "a\ufffd", wantProblems: []string{"path.meetingId"}},
		{name: "a query that was not", path: "m", query: query{"cursor": "\ufffd"}, wantProblems: []string{"query.cursor"}},
		{name: "a place and a cursor", path: "m", query: query{"from": "3", "cursor": "c"}, want: request{MeetingID: "m", Cursor: "c"}},
		{name: "junk and a cursor", path: "m", query: query{"from": "junk", "cursor": "c"}, want: request{MeetingID: "m", Cursor: "c"}},
		{name: "junk and an empty cursor", path: "m", query: query{"from": "-1", "cursor": ""}, wantProblems: []string{"query.cursor"}},
		{name: "zero", path: "m", query: query{"limit": "0"}, wantProblems: []string{"query.limit"}},
		{name: "too many", path: "m", query: query{"limit": "201"}, wantProblems: []string{"query.limit"}},
		{name: "negative", path: "m", query: query{"limit": "-1"}, wantProblems: []string{"query.limit"}},
		{name: "empty", path: "m", query: query{"limit": ""}, wantProblems: []string{"query.limit"}},
		{name: "twice", path: "m", query: query{"limit": "1,2"}, wantProblems: []string{"query.limit"}},
		{name: "a fraction", path: "m", query: query{"limit": "1.5"}, wantProblems: []string{"query.limit"}},
		{name: "white space", path: "m", query: query{"limit": " 1"}, wantProblems: []string{"query.limit"}},
		{name: "hexadecimal", path: "m", query: query{"limit": "0x1"}, wantProblems: []string{"query.limit"}},
		{name: "more than 64 bits", path: "m", query: query{"from": "9223372036854775808"}, wantProblems: []string{"query.from"}},
		{name: "no time", path: "m", query: query{"since": "now"}, wantProblems: []string{"query.since"}},
		{name: "in other case", path: "m", query: query{"Limit": "1"}, wantProblems: []string{"query.Limit"}},
		{name: "unknown, in the order of names", path: "m", query: query{"c": "", "a": "", "b": ""},
			wantProblems: []string{"query.a", "query.b", "query.c"}},
		{name: "a header too long", path: "m", trace: "abcdef", wantProblems: []string{"header.X-Trace"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			from := parameters{path: map[string]string{"meetingId": tt.path}, query: tt.query}
			if tt.trace != "" {
				from.header = map[string]string{"x-trace": tt.trace}
			}
			var got request
			err := decodeParameters(from, shape, reflect.ValueOf(&got).Elem())
			if diff := cmp.Diff(tt.wantProblems, locationsOf(t, err)); diff != "" {
				t.Fatalf("problems at (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(tt.want, got); err == nil && diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
	t.Run("without the path", func(t *testing.T) {
		t.Parallel()
		err := decodeParameters(parameters{}, shape, reflect.ValueOf(new(request)).Elem())
		if diff := cmp.Diff([]string{"path.meetingId"}, locationsOf(t, err)); diff != "" {
			t.Error(diff)
		}
	})
}

// locationsOf are the places of a VALIDATION_ERROR, none where there is no error.
func locationsOf(t *testing.T, err error) []string {
	t.Helper()
	if err == nil {
		return nil
	}
	refused, ok := errors.AsType[*errs.Error](err)
	if !ok || refused.Kind != errs.Validation {
		t.Fatalf("the error is no VALIDATION_ERROR: %v", err)
	}
	var at []string
	for _, problem := range refused.Problems {
		if problem.Detail == "" {
			t.Errorf("nothing is said about %s", problem.Location)
		}
		at = append(at, problem.Location)
	}
	return at
}

// card has names wherever one may stand.
type card struct {
	entry
	Others []entry `json:"others,omitzero"`
}

type entry struct {
	Name  string              `json:"name,omitzero" name:"true" minLength:"1" maxLength:"5"`
	Nick  *string             `json:"nick,omitzero" name:"true" maxLength:"5"`
	Label patch.Field[string] `json:"label,omitzero" name:"true" maxLength:"5"`
	ID    string              `json:"id,omitzero" name:"exact" maxLength:"5"`
}

func TestNamesAreNormalised(t *testing.T) {
	t.Parallel()
	var got card
	raw := `{"name":" e\u0301e\u0301e\u0301e\u0301e\u0301 ","nick":"e\u0301","label":"e\u0301","others":[{"nick":" x"},{"label":null}]}`
	if err := decodeBody([]byte(raw), shapeOf(reflect.TypeFor[card]()).Body, &got); err != nil {
		t.Fatal(err)
	}
	nick, other := "é", "x"
	want := card{entry{Name: "ééééé", Nick: &nick, Label: patch.To("é")}, []entry{{Nick: &other}, {Label: patch.Null[string]()}}}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("decoded as %+v; want %+v", got, want)
	}
}

func TestNamesAreRefused(t *testing.T) {
	t.Parallel()
	for raw, want := range map[string]errs.FieldError{
		`{"name":"a\u202eb"}`:          {Location: "body.name", Detail: "has a character that changes the direction of text (U+202E) at character 2"},
		`{"nick":"a\nb"}`:              {Location: "body.nick", Detail: "has a line break (U+000A) at character 2"},
		`{"label":"\u200b"}`:           {Location: "body.label", Detail: "has an invisible character (U+200B) at character 1"},
		`{"others":[{},{"name":" "}]}`: {Location: "body.others[1].name", Detail: "shows nothing: it needs a letter, a digit or a sign"},
		`{"id":"a\nb"}`:                {Location: "body.id", Detail: "has a line break (U+000A) at character 2"},
		`{"id":"e\u0301"}`:             {Location: "body.id", Detail: "must be in normalization form C, without white space around it"},
		`{"id":"a "}`:                  {Location: "body.id", Detail: "must be in normalization form C, without white space around it"},
		`{"name":"abcdef"}`:            {Location: "body.name", Detail: "must have at most 5 characters, has 6"},
		`{"name":""}`:                  {Location: "body.name", Detail: "must have at least 1 characters"},
		`{"name":null}`:                {Location: "body.name", Detail: "must be a string, not null"},
	} {
		err := decodeBody([]byte(raw), shapeOf(reflect.TypeFor[card]()).Body, new(card))
		refused, ok := errors.AsType[*errs.Error](err)
		if !ok || len(refused.Problems) != 1 || refused.Problems[0] != want {
			t.Errorf("%s: %+v; want %+v", raw, refused, want)
		}
	}
}
