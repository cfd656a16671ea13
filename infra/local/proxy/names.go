package proxy

import (
	"maps"
	"slices"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// names are the tables and indexes that a request names, as far as it may name
// any; the rest of the request is passed over. Go's own decoder would take
// `tablename` for TableName, and the last of two for both: the engine might not.
type names struct {
	TableName, IndexName string
	// RequestItems are a batch's, by table.
	RequestItems map[string]jsontext.Value
	// TransactItems have one member each: `{"Put":{"TableName":"…", …}}`.
	TransactItems []map[string]struct{ TableName string }
}

// namesIn is false for what isn't JSON, names something twice, or names no table:
// the engine says what is wrong.
func namesIn(body []byte) (n names, ok bool) {
	err := json.Unmarshal(body, &n)
	return n, err == nil && (n.TableName != "" || len(n.RequestItems)+len(n.TransactItems) > 0)
}

// each calls f for every kind of call and table that a request names: the kind of
// an item of a transaction (`Put`), else none.
func (n names) each(f func(kind, table string)) {
	if n.TableName != "" {
		f("", n.TableName)
	}
	for _, table := range slices.Sorted(maps.Keys(n.RequestItems)) {
		f("", table)
	}
	for _, item := range n.TransactItems {
		for _, kind := range slices.Sorted(maps.Keys(item)) {
			f(kind, item[kind].TableName)
		}
	}
}
