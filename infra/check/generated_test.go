package check

import (
	"flag"
	"testing"

	"github.com/rapport/rapport/functions"
	"github.com/rapport/rapport/infra/codegen/artifacts"
)

var update = flag.Bool("update", false, "rewrite the generated files")

// TestGeneratedFiles compares the stacks, the regions of template.yaml, the page of
// objectives, the OpenAPI document and the TypeScript types with what the declarations
// say.
func TestGeneratedFiles(t *testing.T) {
	root := root(t)
	all, err := artifacts.All(root, functions.All())
	if err != nil {
		t.Fatal(err)
	}
	for _, artifact := range all {
		if *update {
			if err := artifact.Write(root); err != nil {
				t.Fatal(err)
			}
		}
		stale, err := artifact.Stale(root)
		if err != nil {
			t.Fatal(err)
		}
		if stale {
			t.Errorf("%s is out of date: run `make codegen`", artifact.Path)
		}
	}
}
