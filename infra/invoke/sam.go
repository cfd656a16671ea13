package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"time"
	"unicode"

	"github.com/rapport/rapport/infra/local/pool"
	"github.com/rapport/rapport/infra/local/template"
	"github.com/rapport/rapport/shared/core/config"
)

// samLocal runs a function by `sam local invoke`, in the container of its runtime:
// one template with this function alone, under a name that no other has, and the
// event after its scene, with a token of the local issuer. The container shares this
// machine's network, where the tables, the queues and the issuer are.
//
// SAM gets what it runs from files, so this template has the environment that the
// templates give the function and that of this machine, and its binary is one for
// this machine's processor. SAM's own `--env-vars` can't do it: it replaces only what
// a template declares, which the addresses of this machine are not.
func (e *environment) samLocal(ctx context.Context, sam, folder, eventFile string, out, problems io.Writer) error {
	fn, ok := e.stack.Function(folder)
	if !ok {
		return fmt.Errorf("the templates have no function with the folder functions/%s", folder)
	}
	event, _, err := e.event(ctx, folder, eventFile)
	if err != nil {
		return err
	}
	b, err := bootstrap(ctx, e.root, folder, "linux")
	if err != nil {
		return err
	}
	environment := pool.Environment(fn, e.base)
	written, err := json.MarshalIndent(samTemplate(fn, b.path, environment), "", "  ")
	if err != nil {
		return err
	}
	dir := filepath.Join(e.root, ".build", "sam-local")
	templateFile, signedFile := filepath.Join(dir, "template.json"), filepath.Join(dir, "event.json")
	// The event holds a token, though one that only this machine takes.
	if err := errors.Join(os.MkdirAll(dir, 0o755), os.WriteFile(templateFile, written, 0o600), os.WriteFile(signedFile, event, 0o600)); err != nil {
		return err
	}
	command := exec.CommandContext(ctx, sam, "local", "invoke", samName(folder), "--template", templateFile, "--event", signedFile,
		"--docker-network", "host", "--region", environment["AWS_REGION"])
	command.Stdout, command.Stderr = out, problems
	command.Cancel = func() error { return command.Process.Signal(os.Interrupt) }
	command.WaitDelay = 10 * time.Second
	command.Env = os.Environ()
	for _, name := range []string{"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"} {
		command.Env = append(command.Env, name+"="+environment[name])
	}
	if err := command.Run(); err != nil {
		return fmt.Errorf("sam local invoke: %w", err)
	}
	return nil
}

// samTemplate is a template of one function. What Lambda itself sets is left to SAM.
func samTemplate(fn template.Function, bootstrap string, env config.Env) map[string]any {
	variables := maps.Clone(env)
	maps.DeleteFunc(variables, func(name, _ string) bool {
		return strings.HasPrefix(name, "AWS_") && !strings.HasPrefix(name, "AWS_ENDPOINT_URL_")
	})
	processor := map[string]string{"amd64": "x86_64"}[runtime.GOARCH]
	if processor == "" {
		processor = runtime.GOARCH
	}
	return map[string]any{
		"Transform": "AWS::Serverless-2016-10-31",
		"Resources": map[string]any{samName(fn.Folder): map[string]any{
			"Type": "AWS::Serverless::Function",
			"Properties": map[string]any{
				"Runtime": "provided.al2023", "Handler": "bootstrap", "Architectures": []string{processor},
				"CodeUri": filepath.Dir(bootstrap), "MemorySize": fn.MemoryMB, "Timeout": int(fn.Timeout / time.Second),
				"Environment": map[string]any{"Variables": variables},
			},
		}},
	}
}

// samName is a function's folder as a logical id: NotesAppend for notes/append.
func samName(folder string) string {
	var name strings.Builder
	for part := range strings.SplitSeq(folder, "/") {
		name.WriteRune(unicode.ToUpper(rune(part[0])))
		name.WriteString(part[1:])
	}
	return name.String()
}
