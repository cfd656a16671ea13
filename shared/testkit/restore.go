package testkit

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/rapport/rapport/shared/core/config"
	"github.com/rapport/rapport/shared/core/table"
)

// restored are the tables that are restored together; see docs/runbooks.
func restored() []string { return []string{"Data", "Log"} }

// Backup is what the restorable tables held at a moment, by table.
type Backup map[string][]map[string]types.AttributeValue

// Backup copies what is restored together.
func (h *Harness) Backup(t testing.TB) Backup {
	t.Helper()
	b := Backup{}
	for _, name := range restored() {
		stored := h.table(t, name).Name()
		pages := dynamodb.NewScanPaginator(h.Tables.Client, &dynamodb.ScanInput{TableName: &stored, ConsistentRead: new(true)})
		for pages.HasMorePages() {
			page, err := pages.NextPage(t.Context())
			if err != nil {
				t.Fatalf("back up %s: %v", name, err)
			}
			b[name] = append(b[name], page.Items...)
		}
	}
	return b
}

// Restore puts a backup in place of what the tables hold, and opens all functions
// anew, in another epoch or, where that is empty, as before.
func (h *Harness) Restore(t testing.TB, b Backup, epoch string) {
	t.Helper()
	for name, present := range h.Backup(t) {
		stored := h.table(t, name).Name()
		for _, item := range present {
			key := map[string]types.AttributeValue{table.AttrPK: item[table.AttrPK], table.AttrSK: item[table.AttrSK]}
			if _, err := h.Tables.Client.DeleteItem(t.Context(), &dynamodb.DeleteItemInput{TableName: &stored, Key: key}); err != nil {
				t.Fatalf("empty %s: %v", name, err)
			}
		}
		for _, item := range b[name] {
			if _, err := h.Tables.Client.PutItem(t.Context(), &dynamodb.PutItemInput{TableName: &stored, Item: item}); err != nil {
				t.Fatalf("restore %s: %v", name, err)
			}
		}
	}
	if epoch != "" {
		h.env = h.env.With(config.Env{"LOG_EPOCH": epoch})
	}
	h.Restart()
}
