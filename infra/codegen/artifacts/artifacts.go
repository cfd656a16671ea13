// Package artifacts makes the files that follow from the declarations of the
// functions: the routes in template.yaml, the OpenAPI document and the types and
// methods of the TypeScript client. The command codegen writes them; the checks
// compare them with what stands in the tree.
package artifacts

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"

	"github.com/rapport/rapport/shared/core/endpoint"
)

// Where the files stand, from the root of the tree.
const (
	Template   = "template.yaml"
	OpenAPI    = "docs/openapi.json"
	TypeScript = "web/client/src/generated/api.gen.ts"
)

// Artifact is a file as it should be.
type Artifact struct {
	// Path is relative to the root of the tree, with slashes.
	Path    string
	Content []byte
}

// All makes every artifact for the tree at root. Of template.yaml it rewrites
// the routes alone.
func All(root string, units []endpoint.FunctionSpec) ([]Artifact, error) {
	template, err := routes(os.DirFS(root), units)
	if err != nil {
		return nil, fmt.Errorf("routes of %s: %w", Template, err)
	}
	document, err := endpoint.OpenAPI(units)
	if err != nil {
		return nil, fmt.Errorf("OpenAPI document: %w", err)
	}
	types, err := typeScript(document, clientNames())
	if err != nil {
		return nil, fmt.Errorf("TypeScript types: %w", err)
	}
	return []Artifact{{Template, template}, {OpenAPI, document}, {TypeScript, types}}, nil
}

// Stale tells whether the file in the tree differs from the artifact, or is
// missing.
func (a Artifact) Stale(root string) (bool, error) {
	have, err := os.ReadFile(a.file(root))
	if os.IsNotExist(err) {
		return true, nil
	}
	return !bytes.Equal(have, a.Content), err
}

// Write puts the artifact into the tree.
func (a Artifact) Write(root string) error {
	file := a.file(root)
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return err
	}
	return os.WriteFile(file, a.Content, 0o644)
}

func (a Artifact) file(root string) string { return filepath.Join(root, filepath.FromSlash(a.Path)) }
