// Command codegen rewrites what follows from the declarations of the functions and
// from infra/journeys.yaml: infra/stacks, the routes and stacks in template.yaml,
// docs/objectives.md, docs/openapi.json and web/client/src/generated/api.gen.ts.
// With -check it only says which of them are out of date, and fails if any is.
package main

import (
	"flag"
	"fmt"
	"os"

	"github.com/rapport/rapport/functions"
	"github.com/rapport/rapport/infra/codegen/artifacts"
)

func main() {
	root := flag.String("root", ".", "the root of the tree")
	check := flag.Bool("check", false, "write nothing; fail if something is out of date")
	flag.Parse()
	stale, err := run(*root, *check)
	if err != nil {
		fmt.Fprintln(os.Stderr, "codegen:", err)
		os.Exit(1)
	}
	if *check && stale > 0 {
		os.Exit(1)
	}
}

// run writes what is stale, or only names it, and says how many were.
func run(root string, check bool) (stale int, err error) {
	all, err := artifacts.All(root, functions.All())
	if err != nil {
		return 0, err
	}
	for _, artifact := range all {
		differs, err := artifact.Stale(root)
		if err != nil {
			return stale, err
		}
		if !differs {
			continue
		}
		stale++
		if check {
			fmt.Printf("%s is out of date: run `make codegen`\n", artifact.Path)
			continue
		}
		if err := artifact.Write(root); err != nil {
			return stale, err
		}
		fmt.Println("wrote", artifact.Path)
	}
	return stale, nil
}
