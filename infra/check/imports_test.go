package check

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

func TestImportDirections(t *testing.T) {
	root := root(t)
	command := exec.Command("go", "list", "-e", "-json=ImportPath,Imports,Standard", "./...")
	command.Dir = root
	var errout bytes.Buffer
	command.Stderr = &errout
	out, err := command.Output()
	if err != nil {
		t.Fatalf("go list: %v\n%s", err, &errout)
	}
	decoder := json.NewDecoder(bytes.NewReader(out))
	packages := 0
	for {
		var listed struct {
			ImportPath string
			Imports    []string
		}
		if err := decoder.Decode(&listed); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		packages++
		for _, wrong := range wrongImports(strings.TrimPrefix(listed.ImportPath, module+"/"), listed.Imports) {
			t.Error(wrong)
		}
	}
	if packages < 20 {
		t.Errorf("only %d packages were looked at", packages)
	}
}

func TestWrongImports(t *testing.T) {
	const aws = "github.com/aws/aws-sdk-go-v2/service/dynamodb"
	tests := []struct {
		name, pkg, imported string
		allowed             bool
	}{
		{"a Lambda its domain's functions", "functions/notes/edit", module + "/functions/notes", true},
		{"a Lambda another domain's functions", "functions/notes/edit", module + "/functions/users", false},
		{"a Lambda a domain", "functions/notes/edit", module + "/shared/notes", false},
		{"functions their domain", "functions/notes", module + "/shared/notes", true},
		{"functions another domain, to hand it on", "functions/notes", module + "/shared/meetings", true},
		{"functions an implementation", "functions/notes", module + "/shared/core/identity/workos", true},
		{"functions where domains meet", "functions/notes", module + "/functions/composition", true},
		{"functions another domain's functions", "functions/notes", module + "/functions/meetings", false},
		{"functions another domain's Lambda", "functions/notes", module + "/functions/meetings/start", false},
		{"the list of all every domain's functions", "functions", module + "/functions/notes", true},
		{"the list of all a domain", "functions", module + "/shared/notes", false},
		{"a domain a leaf", "shared/notes", module + "/shared/core/errs", true},
		{"a domain the log", "shared/notes", module + "/shared/core/log", true},
		{"a domain one that it may know", "shared/notes", module + "/shared/meetings", true},
		{"a domain one that it may not know", "shared/meetings", module + "/shared/notes", false},
		{"a domain the adapters", "shared/notes", module + "/shared/core/endpoint", false},
		{"a domain an implementation", "shared/notes", module + "/shared/core/identity/workos", false},
		{"machinery its own implementation", "shared/core/identity", module + "/shared/core/identity/workos", true},
		{"an implementation what it implements", "shared/core/identity/workos", module + "/shared/core/identity", true},
		{"a domain machinery", "shared/users", module + "/shared/core/identity", true},
		{"machinery a domain", "shared/core/identity", module + "/shared/users", false},
		{"the platform a domain", "shared/core/platform/authentication", module + "/shared/users", false},
		{"the platform an implementation", "shared/core/platform/authentication", module + "/shared/core/identity/workos", true},
		{"a leaf another leaf", "shared/core/errs", module + "/shared/core/clock", false},
		{"a domain infra", "shared/notes", module + "/infra/local", false},
		{"functions infra", "functions/notes", module + "/infra/check", false},
		{"infra infra", "infra/local", module + "/infra/local/gateway", true},
		{"infra functions", "infra/local", module + "/functions", true},
		{"tools of tests each other", "shared/core/table/tabletest", module + "/shared/testkit/engine", true},
		{"a domain tools of tests", "shared/notes", module + "/shared/core/table/tabletest", false},
		{"a domain that is not listed", "shared/matching", module + "/shared/core/errs", false},
		{"a domain an SDK", "shared/notes", aws, false},
		{"a domain HTTP", "shared/notes", "net/http", false},
		{"the table layer an SDK", "shared/core/table", aws, true},
		{"an implementation an SDK", "shared/core/realtime/apigateway", aws, true},
		{"its domain an SDK", "shared/core/realtime", aws, false},
		{"functions an SDK", "functions/notes", aws, true},
		{"a Lambda an SDK", "functions/notes/edit", aws, false},
		{"a domain the standard library", "shared/notes", "net/url", true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			wrong := wrongImports(tt.pkg, []string{tt.imported})
			if (len(wrong) == 0) != tt.allowed {
				t.Fatalf("%s -> %s: got %q, want allowed %v", tt.pkg, tt.imported, wrong, tt.allowed)
			}
		})
	}
}

func root(t *testing.T) string {
	t.Helper()
	dir, err := Root()
	if err != nil {
		t.Fatalf("the root of the tree: %v", err)
	}
	return dir
}

// TestSocketsLinkNoDomain holds what only keeps a socket open to linking no domain,
// nothing that verifies tokens and nothing of the identity provider's: a change of
// those deploys none of it.
func TestSocketsLinkNoDomain(t *testing.T) {
	command := exec.Command("go", "list", "-deps", "./functions/realtime/...")
	command.Dir = root(t)
	var errout bytes.Buffer
	command.Stderr = &errout
	out, err := command.Output()
	if err != nil {
		t.Fatalf("go list: %v\n%s", err, &errout)
	}
	linked := strings.Fields(string(out))
	if !slices.Contains(linked, module+"/functions/realtime/ping") {
		t.Fatalf("go list names %d packages, and not ping", len(linked))
	}
	others := []string{"functions/composition", "shared/core/identity", "shared/core/identity/workos", "shared/core/operators"}
	for _, other := range slices.Concat(strings.Fields(domains), others) {
		if slices.Contains(linked, module+"/"+other) {
			t.Errorf("functions/realtime links %s", other)
		}
	}
}
