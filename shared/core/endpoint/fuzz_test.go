package endpoint

import (
	"bytes"
	"encoding/json"
	"reflect"
	"testing"

	jsonv2 "github.com/go-json-experiment/json"
	"github.com/google/go-cmp/cmp"
)

// FuzzDecodeBody holds the decoder to this: it never panics; what it refuses
// has a location; what it takes is JSON for the standard library too, and
// written again it is taken again and means the same.
func FuzzDecodeBody(f *testing.F) {
	for _, seed := range []string{
		`{"title":"x"}`, `{"title":"x","count":10,"share":0.5,"open":true,"at":"2026-11-23T17:00:00+01:00","mood":"busy","chunks":[{"text":"a","ms":-7}],"note":null}`,
		`{"title":"\ud83d\ude00"}`, `{"title":"\ud83d"}`, `{"title":"x","title":"y"}`, `{"Title":"x"}`, `{"title":"a` + "\xff" + `"}`,
		`[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[`, `{"title":"x","count":1e1}`, `{"title":"x","share":-0}`, `null`, ``, `{"":{"":[]}}`,
	} {
		f.Add([]byte(seed))
	}
	schema := shapeOf(reflect.TypeFor[sample]()).Body
	f.Fuzz(func(t *testing.T, raw []byte) {
		given := bytes.Clone(raw)
		var first sample
		err := decodeBody(raw, schema, &first)
		if !bytes.Equal(given, raw) {
			t.Fatal("the decoder changed what it read")
		}
		if err != nil {
			if len(locationsOf(t, err)) == 0 {
				t.Fatalf("refused without a place: %v", err)
			}
			return
		}
		if !json.Valid(raw) {
			t.Fatalf("took what isn't JSON: %q", raw)
		}
		written, err := jsonv2.Marshal(first)
		if err != nil {
			t.Fatalf("%q can't be written again: %v", raw, err)
		}
		var second sample
		if err := decodeBody(written, schema, &second); err != nil {
			t.Fatalf("%q is written as %q, which is refused: %v", raw, written, err)
		}
		if diff := cmp.Diff(first, second); diff != "" {
			t.Fatalf("%q changes when it is written again (-first +second):\n%s", raw, diff)
		}
	})
}
