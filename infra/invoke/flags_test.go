package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// What make invoke runs is built as what make build and make package deploy.
func TestFlagsAreThoseOfTheMakefile(t *testing.T) {
	t.Parallel()
	makefile, err := os.ReadFile(filepath.Join("..", "..", "Makefile"))
	if err != nil {
		t.Fatal(err)
	}
	_, after, found := strings.Cut(string(makefile), "\nLAMBDA_FLAGS := ")
	if !found {
		t.Fatal("the Makefile has no LAMBDA_FLAGS")
	}
	line, _, _ := strings.Cut(after, "\n")
	quoted := make([]string, len(deployedFlags))
	for i, flag := range deployedFlags {
		if quoted[i] = flag; strings.Contains(flag, " ") {
			quoted[i] = "'" + flag + "'"
		}
	}
	if want := strings.Join(quoted, " "); line != want {
		t.Errorf("LAMBDA_FLAGS is %s; infra/invoke builds with %s", line, want)
	}
}
