// Package check holds tests over the whole tree: that every declared function
// has its folder, event, template row and route, and nothing else has one; that
// imports go in the directions that the design names; that keys are built in
// schema files alone; that policies grant what they may; and that generated
// files are as their sources say. Each failure names what lacks what.
//
// `go test ./infra/check -update` rewrites the generated files.
package check

import (
	"os"
	"path/filepath"
)

// module is this module's path.
const module = "github.com/rapport/rapport"

// Root finds the root of the tree from the working directory: the folder that
// holds go.mod.
func Root() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir, nil
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return "", os.ErrNotExist
		}
		dir = parent
	}
}
