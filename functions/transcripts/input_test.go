package transcripts_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/rapport/rapport/shared/core/errs"
	"github.com/rapport/rapport/shared/testkit"
)

func at(locations ...string) []string { return locations }

// Nothing is stored of what is refused, and the refusal says where to mend it.
func TestAppendRefuses(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	with := func(field string, value any) object { return body(said("x", object{field: value})) }
	tests := []struct {
		name string
		body any
		at   []string
	}{
		{"nothing", "", at("body")},
		{"no list", object{}, at("body.chunks")},
		{"no chunk", object{"chunks": list{}}, at("body.chunks")},
		{"too many chunks", numbered("x", 21), at("body.chunks")},
		{"a chunk that is none", object{"chunks": list{"x"}}, at("body.chunks[0]")},
		{"an unknown field", with("position", 1), at("body.chunks[0].position")},
		{"what isn't the caller's to set", with("authorId", "user_host"), at("body.chunks[0].authorId")},
		{"no text", with("text", nil), at("body.chunks[0].text")},
		{"an empty text", with("text", ""), at("body.chunks[0].text")},
		{"a blank text", with("text", " \n\t"), at("body.chunks[0].text")},
		{"a text too long", with("text", strings.Repeat("é", 4001)), at("body.chunks[0].text")},
		{"a text that is a number", with("text", 1), at("body.chunks[0].text")},
		{"no confidence", with("confidence", nil), at("body.chunks[0].confidence")},
		{"a confidence below 0", with("confidence", -0.01), at("body.chunks[0].confidence")},
		{"a confidence above 1", with("confidence", 1.01), at("body.chunks[0].confidence")},
		{"no beginning", with("startMs", nil), at("body.chunks[0].startMs")},
		{"a beginning below 0", with("startMs", -1), at("body.chunks[0].startMs")},
		{"a beginning with a fraction", with("startMs", 0.5), at("body.chunks[0].startMs")},
		{"a beginning beyond a day", body(said("x", object{"startMs": 86_400_001, "endMs": 86_400_001})), at("body.chunks[0].endMs", "body.chunks[0].startMs")},
		{"no end", with("endMs", nil), at("body.chunks[0].endMs")},
		{"an end before the beginning", with("endMs", 99), at("body.chunks[0].endMs")},
		{"nobody knows whether it is final", with("isFinal", nil), at("body.chunks[0].isFinal")},
		{"a final that is a word", with("isFinal", "yes"), at("body.chunks[0].isFinal")},
		{"no utterance", with("utteranceId", ""), at("body.chunks[0].utteranceId")},
		{"an utterance too long", with("utteranceId", strings.Repeat("u", 256)), at("body.chunks[0].utteranceId")},
		{"no language", with("language", "x"), at("body.chunks[0].language")},
		{"a language too long", with("language", strings.Repeat("abcde-", 6)), at("body.chunks[0].language")},
		{"a language with a space", with("language", "en GB"), at("body.chunks[0].language")},
		{"a language with an underscore", with("language", "en_GB"), at("body.chunks[0].language")},
		{"a language that ends in a hyphen", with("language", "en-"), at("body.chunks[0].language")},
		{"a language that begins with digits", with("language", "12-en"), at("body.chunks[0].language")},
		{"a language of a long subtag", with("language", "en-ninechars"), at("body.chunks[0].language")},
		{"a null language", with("language", []any(nil)), at("body.chunks[0].language")},
		{"no speaker", with("speakerId", ""), at("body.chunks[0].speakerId")},
		{"a speaker with a long id", with("speakerId", strings.Repeat("x", 256)), at("body.chunks[0].speakerId")},
		{"a speaker with an id of many bytes", with("speakerId", strings.Repeat("😀", 255)), at("body.chunks[0].speakerId")},
		{"a speaker who is not in the meeting", with("speakerId", f.outsider.ID), at("body.chunks[0].speakerId")},
		{"a speaker who was removed", with("speakerId", f.removed.ID), at("body.chunks[0].speakerId")},
		{"an unknown speaker", with("speakerId", "nobody"), at("body.chunks[0].speakerId")},
		{"several things wrong", body(said("x"), said("", object{"endMs": -1}), said("x", object{"confidence": 2})),
			at("body.chunks[1].endMs", "body.chunks[1].text", "body.chunks[2].confidence")},
		{"several that don't fit together", body(said("x", object{"endMs": 1}), said("x"), said("x", object{"endMs": 0, "language": "a-"})),
			at("body.chunks[0].endMs", "body.chunks[2].endMs", "body.chunks[2].language")},
		{"several who are not in the meeting", body(said("x", object{"speakerId": "nobody"}), said("x", object{"speakerId": f.host.ID}), said("x", object{"speakerId": f.removed.ID})),
			at("body.chunks[0].speakerId", "body.chunks[2].speakerId")},
	}
	f.ChangesNothing(t, func() {
		for _, test := range tests {
			for _, options := range [][]testkit.Option{nil, {testkit.Key("key of " + test.name)}} {
				f.cohost.Call(t, "POST "+f.path, test.body, options...).Refused(t, errs.Validation, test.at...)
			}
			if t.Failed() {
				t.Fatalf("with %s", test.name)
			}
		}
	})
}

// What is just allowed.
func TestAppendAccepts(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	most := object{
		"text": strings.Repeat("é", 4000), "confidence": 1, "startMs": 86_400_000, "endMs": 86_400_000, "isFinal": false,
		"utteranceId": strings.Repeat("u", 255), "language": "zh-cmn-Hans-CN-x-private-abcdefgh-1", "speakerId": f.observer.ID,
	}
	least := object{"text": "x", "confidence": 0, "startMs": 0, "endMs": 0, "isFinal": true, "utteranceId": "u", "language": "en", "speakerId": f.member.ID}
	f.append(t, f.cohost, body(most, least))
	odd := "\u0000\"\\<script>\u2028 العربية 👩‍👩‍👧"
	f.append(t, f.member, body(said(odd)))
	all := f.all(t)
	for i, want := range []object{most, least} {
		text, err := json.Marshal(all[i])
		if err != nil {
			t.Fatal(err)
		}
		for name, value := range want {
			var got object
			if err := json.Unmarshal(text, &got); err != nil || fmt.Sprint(got[name]) != fmt.Sprint(number(value)) {
				t.Errorf("%s is %v, want %v, %v", name, got[name], value, err)
			}
		}
	}
	if all[2].Text != odd {
		t.Errorf("%q came back as %q", odd, all[2].Text)
	}
	// As much as a body holds: 20 chunks of 4,000 characters of three bytes.
	var chunks []object
	for range 20 {
		chunks = append(chunks, said(strings.Repeat("日", 4000)))
	}
	if got := f.append(t, f.member, body(chunks...)); got.FirstPosition != 4 || got.LastPosition != 23 {
		t.Errorf("appended at %+v", got)
	}
	for i := range chunks {
		chunks[i] = said(strings.Repeat("👋", 4000))
	}
	f.member.Call(t, "POST "+f.path, body(chunks...)).Refused(t, errs.PayloadTooLarge)
	if all := f.all(t); len(all) != 23 {
		t.Errorf("%d chunks", len(all))
	}
}

// number is a value as JSON gives it back.
func number(value any) any {
	if n, ok := value.(int); ok {
		return float64(n)
	}
	return value
}

func TestListRefuses(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.append(t, f.member, numbered("x", 3))
	first := testkit.As[page](t, f.member.Call(t, "GET "+f.path+"?limit=1", nil))
	other := newFixture(t)
	for query, location := range map[string]string{
		"?limit=0": "query.limit", "?limit=201": "query.limit", "?limit=x": "query.limit", "?limit=": "query.limit",
		"?from=-1": "query.from", "?from=x": "query.from", "?from=1.0": "query.from", "?from=99999999999999999999": "query.from",
		"?cursor=x": "query.cursor", "?cursor=": "query.cursor", "?to=3": "query.to",
	} {
		f.member.Call(t, "GET "+f.path+query, nil).Refused(t, errs.Validation, location)
	}
	// A cursor belongs to its list; beside it `from` is ignored, whatever it says.
	other.member.Call(t, "GET "+other.path+"?cursor="+*first.NextCursor, nil).Refused(t, errs.Validation, "query.cursor")
	f.member.Call(t, "GET "+f.meeting+"/notes/changes?cursor="+*first.NextCursor, nil).Refused(t, errs.Validation, "query.cursor")
	if got := testkit.As[page](t, f.member.Call(t, "GET "+f.path+"?limit=1&from=x&cursor="+*first.NextCursor, nil)); len(got.Items) != 1 || got.Items[0].Position != 2 {
		t.Errorf("got %+v, want position 2", got.Items)
	}
	for query, want := range map[string]int{"": 3, "?from=2": 1, "?from=3": 0, "?from=999999999999999": 0, "?from=9223372036854775807": 0} {
		if got := testkit.As[page](t, f.member.Call(t, "GET "+f.path+query, nil)); len(got.Items) != want || got.NextCursor != nil {
			t.Errorf("%s gives %d chunks, more %v; want %d", query, len(got.Items), got.NextCursor != nil, want)
		}
	}
}
