package check

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/rapport/rapport/infra/local/template"
)

// TestARestoredTableTakesOver gives the root the name of a table that was restored: all
// functions have it in their environment and in their grants, and none the stack's own.
func TestARestoredTableTakesOver(t *testing.T) {
	const restored = "audit-restored"
	stack, err := template.Load(filepath.Join(root(t), "template.yaml"), map[string]string{"Issuers": someIssuer, "AuditTable": restored})
	if err != nil {
		t.Fatal(err)
	}
	own, ok := stack.Table("Audit")
	if !ok {
		t.Fatal("the stack's own table went")
	}
	granted := 0
	for _, f := range stack.Functions {
		if got := f.Env["AUDIT_TABLE"]; got != restored {
			t.Errorf("%s writes to %q", f.Folder, got)
		}
		for _, s := range f.Policies {
			if slices.ContainsFunc(s.Resource, func(arn string) bool { return strings.HasSuffix(arn, ":table/"+own.Name) }) {
				t.Errorf("%s may write to the table that was replaced", f.Folder)
			}
			if slices.Contains(s.Resource, "arn:aws:dynamodb:us-east-1:000000000000:table/"+restored) {
				granted++
			}
		}
	}
	if granted == 0 {
		t.Error("no function may write to the restored table")
	}
	if got := stack.Outputs["AuditTable"]; got != restored {
		t.Errorf("the stack's output is %q", got)
	}
}
