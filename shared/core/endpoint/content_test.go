package endpoint

import (
	"reflect"
	"testing"
	"time"

	"github.com/rapport/rapport/shared/core/patch"
)

// wish is a request that has whatever content may depend on.
type wish struct {
	ID    string                 `path:"id"`
	Limit *int                   `query:"limit"`
	Title string                 `json:"title,omitzero" name:"true"`
	Count int64                  `json:"count,omitzero"`
	Share float64                `json:"share,omitzero"`
	At    *time.Time             `json:"at,omitzero"`
	Ends  patch.Field[time.Time] `json:"ends,omitzero"`
	Size  patch.Field[int]       `json:"size,omitzero"`
	Items []string               `json:"items,omitzero"`
	Next  *wishful               `json:"next,omitzero"`
}

type wishful struct {
	A string `json:"a,omitzero"`
	B string `json:"b,omitzero"`
}

func contentAt(t *testing.T, id string, query map[string]string, body string) string {
	t.Helper()
	shape := shapeOf(reflect.TypeFor[wish]())
	var in wish
	if err := decodeBody([]byte(body), shape.Body, &in); err != nil {
		t.Fatalf("%s: %v", body, err)
	}
	from := parameters{path: map[string]string{"id": id}, query: query}
	if err := decodeParameters(from, shape, reflect.ValueOf(&in).Elem()); err != nil {
		t.Fatal(err)
	}
	content, err := contentOf(&in)
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

func TestContentIsTheSame(t *testing.T) {
	t.Parallel()
	for name, bodies := range map[string][]string{
		"another order":         {`{"title":"x","count":1}`, `{"count":1,"title":"x"}`},
		"another order inside":  {`{"next":{"a":"x","b":"y"}}`, `{"next":{"b":"y","a":"x"}}`},
		"white space":           {`{"title":"x"}`, " {\n\t\"title\" : \"x\" }\r\n"},
		"escapes":               {`{"title":"\u006frder 😀/"}`, `{"\u0074itle":"order \ud83d\ude00\/"}`},
		"the form of a name":    {`{"title":"Ame\u0301lie"}`, `{"title":" Amélie "}`},
		"spellings of a number": {`{"share":1}`, `{"share":1.0}`, `{"share":1e0}`, `{"share":10E-1}`},
		"nothing with a sign":   {`{"title":"x"}`, `{"title":"x","share":0}`, `{"title":"x","count":0}`},
		"an explicit default":   {`{}`, `{"title":"","count":0}`},
		"one moment":            {`{"at":"2026-12-01T10:00:00Z"}`, `{"at":"2026-12-01T11:00:00+01:00"}`, `{"at":"2026-12-01T10:00:00.000Z"}`},
		"one moment of a field": {`{"ends":"2026-12-01T10:00:00Z"}`, `{"ends":"2026-12-01T11:00:00+01:00"}`},
	} {
		first := contentAt(t, "1", nil, bodies[0])
		for _, body := range bodies[1:] {
			if again := contentAt(t, "1", nil, body); again != first {
				t.Errorf("%s: %s has the content %s, %s has %s", name, bodies[0], first, body, again)
			}
		}
	}
}

func TestContentDiffers(t *testing.T) {
	t.Parallel()
	seen := map[string]string{}
	note := func(name, content string) {
		if other, known := seen[content]; known {
			t.Errorf("%s and %s have the same content: %s", name, other, content)
		}
		seen[content] = name
	}
	for _, body := range []string{
		`{}`, `{"title":"x"}`, `{"title":"X"}`, `{"title":"xx"}`, `{"count":1}`, `{"count":9007199254740991}`, `{"count":9007199254740990}`, `{"share":0.1}`,
		`{"size":null}`, `{"size":0}`, `{"size":1}`, `{"ends":null}`, `{"at":"2026-12-01T10:00:00Z"}`, `{"at":"2026-12-01T10:00:00.000000001Z"}`,
		`{"items":[]}`, `{"items":["a"]}`, `{"items":["a","b"]}`, `{"items":["b","a"]}`, `{"items":["a\",\"b"]}`, `{"next":{}}`, `{"next":{"a":"x"}}`, `{"next":{"b":"x"}}`,
	} {
		note(body, contentAt(t, "1", nil, body))
	}
	note("another path", contentAt(t, "2", nil, `{}`))
	note("a query", contentAt(t, "1", map[string]string{"limit": "1"}, `{}`))
	note("another query", contentAt(t, "1", map[string]string{"limit": "2"}, `{}`))
}
