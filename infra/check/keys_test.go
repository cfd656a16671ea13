package check

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// keyPrefix is how the keys of this tree begin: `MEETING#`.
var keyPrefix = regexp.MustCompile(`^[A-Z][A-Z0-9]+#`)

// TestKeysAreBuiltInSchemaFiles finds key prefixes outside schema.go, and
// prefixes that two packages claim.
func TestKeysAreBuiltInSchemaFiles(t *testing.T) {
	owner := map[string]string{}
	for file, literals := range stringLiterals(t, "shared", "functions") {
		for _, literal := range literals {
			prefix := keyPrefix.FindString(literal)
			switch {
			case prefix == "":
			case path.Base(file) != "schema.go":
				t.Errorf("%s: the key prefix %q stands outside schema.go", file, literal)
			case owner[prefix] != "" && owner[prefix] != file:
				t.Errorf("%s and %s both build keys that begin with %q", owner[prefix], file, prefix)
			default:
				owner[prefix] = file
			}
		}
	}
	if len(owner) < 5 {
		t.Errorf("only %d key prefixes were found: is keyPrefix still how keys begin?", len(owner))
	}
}

// TestDataModelNamesEveryKey holds docs/data-model.md to the schema files.
func TestDataModelNamesEveryKey(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(root(t), "docs", "data-model.md"))
	if err != nil {
		t.Fatal(err)
	}
	for file, literals := range stringLiterals(t, "shared") {
		for _, literal := range literals {
			prefix := keyPrefix.FindString(literal)
			if path.Base(file) == "schema.go" && prefix != "" && !strings.Contains(string(text), prefix) {
				t.Errorf("docs/data-model.md does not have the key %s of %s", prefix, file)
			}
		}
	}
}

// stringLiterals gives the string literals of every Go file below some folders,
// tests left out, by file.
func stringLiterals(t *testing.T, below ...string) map[string][]string {
	t.Helper()
	tree := os.DirFS(root(t))
	all := map[string][]string{}
	for _, folder := range below {
		err := fs.WalkDir(tree, folder, func(file string, entry fs.DirEntry, err error) error {
			if err != nil || entry.IsDir() || path.Ext(file) != ".go" || strings.HasSuffix(file, "_test.go") {
				return err
			}
			text, err := fs.ReadFile(tree, file)
			if err != nil {
				return err
			}
			parsed, err := parser.ParseFile(token.NewFileSet(), file, text, 0)
			if err != nil {
				return err
			}
			ast.Inspect(parsed, func(n ast.Node) bool {
				if literal, ok := n.(*ast.BasicLit); ok && literal.Kind == token.STRING {
					if value, err := strconv.Unquote(literal.Value); err == nil {
						all[file] = append(all[file], value)
					}
				}
				return true
			})
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return all
}
