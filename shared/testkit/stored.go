package testkit

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/feature/dynamodb/attributevalue"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/google/go-cmp/cmp"
)

// Stored is all that a table holds: attributes by key, `PK/SK`.
type Stored map[string]map[string]any

// Stored reads a whole table by its name in the design, such as `Data`.
func (h *Harness) Stored(t testing.TB, tableName string) Stored {
	t.Helper()
	name := h.table(t, tableName).Name()
	pages := dynamodb.NewScanPaginator(h.Tables.Client, &dynamodb.ScanInput{TableName: &name, ConsistentRead: new(true)})
	stored := Stored{}
	for pages.HasMorePages() {
		page, err := pages.NextPage(t.Context())
		if err != nil {
			t.Fatalf("read %s: %v", tableName, err)
		}
		for _, attributes := range page.Items {
			var item map[string]any
			if err := attributevalue.UnmarshalMap(attributes, &item); err != nil {
				t.Fatalf("read %s: %v", tableName, err)
			}
			stored[item["PK"].(string)+"/"+item["SK"].(string)] = item
		}
	}
	return stored
}

// ChangesNothing fails the test where f changes what the tables hold. The audit
// log is apart, which knows of refusals too.
func (h *Harness) ChangesNothing(t testing.TB, f func()) {
	t.Helper()
	names := []string{"Data", "Log", "Realtime", "Control"}
	before := map[string]Stored{}
	for _, name := range names {
		before[name] = h.Stored(t, name)
	}
	f()
	for _, name := range names {
		if diff := cmp.Diff(before[name], h.Stored(t, name)); diff != "" {
			t.Errorf("the table %s has changed (-before +after):\n%s", name, diff)
		}
	}
}
