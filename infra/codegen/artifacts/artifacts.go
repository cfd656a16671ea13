// Package artifacts makes the files that follow from the declarations of the
// functions: the nested stacks, and the routes and stacks in template.yaml; of
// infra/journeys.yaml, the alarms, the dashboard and the page of objectives; the
// OpenAPI document, and the types and methods of the TypeScript client. The command
// codegen writes them; the checks compare them with what stands in the tree.
//
// What a function needs stands in its declaration. What the generator doesn't know is
// written by hand in infra/stacks/extra/<domain>.yaml, whose sections it includes.
package artifacts

import (
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/rapport/rapport/shared/core/endpoint"
)

// Where the files stand, from the root of the tree.
const (
	Template   = "template.yaml"
	OpenAPI    = "docs/openapi.json"
	TypeScript = "web/client/src/generated/api.gen.ts"
	Objectives = "docs/objectives.md"
)

// Artifact is a file as it should be.
type Artifact struct {
	// Path is relative to the root of the tree, with slashes.
	Path    string
	Content []byte
}

// All makes every artifact for the tree at root. Of template.yaml it rewrites
// the regions between its marks alone.
func All(root string, specs []endpoint.FunctionSpec) ([]Artifact, error) {
	all, err := templates(os.DirFS(root), specs)
	if err != nil {
		return nil, err
	}
	document, err := endpoint.OpenAPI(specs)
	if err != nil {
		return nil, fmt.Errorf("OpenAPI document: %w", err)
	}
	types, err := typeScript(document, clientNames())
	if err != nil {
		return nil, fmt.Errorf("TypeScript types: %w", err)
	}
	return append(all, Artifact{OpenAPI, document}, Artifact{TypeScript, types}), nil
}

// templates makes the nested stacks, the regions of template.yaml, and the page of
// objectives.
func templates(tree fs.FS, specs []endpoint.FunctionSpec) ([]Artifact, error) {
	ids, err := idsOf(tree, specs)
	if err != nil {
		return nil, err
	}
	queues := queuesOf(specs, ids)
	names := make([]string, 0, len(queues))
	for _, q := range queues {
		names = append(names, q.Name)
	}
	top, err := fs.ReadFile(tree, Template)
	if err != nil {
		return nil, err
	}
	watched, err := readJourneys(tree, specs, ids)
	if err != nil {
		return nil, err
	}
	known, err := parameters(top, names, lookedAt(watched, specs, ids))
	if err != nil {
		return nil, err
	}
	domains, err := domainsOf(tree, specs, ids, known, watched)
	if err != nil {
		return nil, err
	}
	var all []Artifact
	for _, d := range domains {
		text, err := d.text()
		if err != nil {
			return nil, fmt.Errorf("stack of %s: %w", d.Name, err)
		}
		all = append(all, Artifact{d.File(), []byte(text)})
	}
	kept, err := stateText(tree, queues)
	if err != nil {
		return nil, fmt.Errorf("stack of what is kept: %w", err)
	}
	alarms, needed, err := alarmsText(watched, known)
	if err != nil {
		return nil, fmt.Errorf("stack of alarms: %w", err)
	}
	page, err := objectives(watched)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", Objectives, err)
	}
	top, err = replace(top, []region{
		{"routes", routeLines(domains)}, {"socket routes", socketLines(domains)}, {"stacks", stackLines(domains, restored(), needed)},
	})
	if err != nil {
		return nil, fmt.Errorf("%s: %w", Template, err)
	}
	return append(all,
		Artifact{stackFile(stateName), []byte(kept)}, Artifact{stackFile(alarmsName), []byte(alarms)},
		Artifact{Template, top}, Artifact{Objectives, []byte(page)}), nil
}

// lookedAt are the parameters by which the stack of alarms is told functions' names.
func lookedAt(w watched, specs []endpoint.FunctionSpec, ids map[string]string) []parameter {
	var all []parameter
	for _, spec := range specs {
		if id := ids[spec.Name]; w.looksAt(spec.Name, id) {
			domain := path.Dir(spec.Name)
			all = append(all, parameter{nameParameter(spec.Name, id), "!GetAtt " + strings.ToUpper(domain[:1]) + domain[1:] + "Stack.Outputs." + id + "Name"})
		}
	}
	return all
}

// Stale reports whether the file in the tree differs from the artifact, or is
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
