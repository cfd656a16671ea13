package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
)

// binary is a program that runs a function: its bootstrap, or that of its whole
// domain with the function's name as argument.
type binary struct {
	path string
	args []string
}

// size is the program's, in bytes.
func (b binary) size() (int64, error) {
	info, err := os.Stat(b.path)
	if err != nil {
		return 0, fmt.Errorf("binary: %w", err)
	}
	return info.Size(), nil
}

// deployedFlags are those of every function that is deployed: LAMBDA_FLAGS of the
// Makefile.
var deployedFlags = []string{"-trimpath", "-buildvcs=false", "-tags=lambda.norpc", "-ldflags=-s -w"}

// bootstrap builds a function as it is deployed, for this machine's processor and a
// system: runtime.GOOS where this machine itself is to run it, linux for a container.
func bootstrap(ctx context.Context, root, folder, system string) (binary, error) {
	b := binary{path: filepath.Join(root, ".build", "invoke", "functions", filepath.FromSlash(folder), "bootstrap")}
	return b, build(ctx, root, append(slices.Clone(deployedFlags), "-o", b.path, "./functions/"+folder),
		"CGO_ENABLED=0", "GOOS="+system, "GOARCH="+runtime.GOARCH, "GOFLAGS=")
}

// domainMain is the program of all functions of a domain. It serves the one that
// its argument names, as the function's own main.go does: package check holds
// that each of those serves the declaration that the domain lists under its
// folder.
const domainMain = `// Command %[1]s serves one function of its domain: the one that its argument names.
package main

import (
	"context"
	"log"
	"os"

	"github.com/aws/aws-lambda-go/lambda"

	"github.com/rapport/rapport/functions/%[1]s"
	"github.com/rapport/rapport/shared/core/config"
	"github.com/rapport/rapport/shared/core/endpoint"
)

func main() {
	for _, function := range %[1]s.Functions() {
		if function.Name != os.Args[1] {
			continue
		}
		handler, err := function.Open(context.Background(), config.Process(), endpoint.Overrides{})
		if err != nil {
			log.Fatal(err)
		}
		lambda.Start(handler)
	}
	log.Fatalf("the domain has no function %%s", os.Args[1])
}
`

// domainProgram builds one program for a whole domain: to link one is much
// quicker than to link each of its functions. It has the flags of the tests, so
// that it shares what they have compiled.
func domainProgram(ctx context.Context, root, domain string) (binary, error) {
	dir := filepath.Join(root, ".build", "invoke", "domains", domain)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return binary{}, fmt.Errorf("build %s: %w", domain, err)
	}
	source := filepath.Join(dir, "main.go")
	if err := os.WriteFile(source, fmt.Appendf(nil, domainMain, domain), 0o600); err != nil {
		return binary{}, fmt.Errorf("build %s: %w", domain, err)
	}
	b := binary{path: filepath.Join(dir, domain)}
	return b, build(ctx, root, []string{"-ldflags", "-s -w", "-o", b.path, source})
}

func build(ctx context.Context, root string, args []string, env ...string) error {
	compile := exec.CommandContext(ctx, "go", append([]string{"build"}, args...)...)
	compile.Dir = root
	compile.Env = append(os.Environ(), env...)
	if text, err := compile.CombinedOutput(); err != nil {
		return fmt.Errorf("go build %s: %w\n%s", strings.Join(args, " "), err, text)
	}
	return nil
}
