package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"time"
)

const (
	environmentName = "staging"
	stack           = "rapport-staging"
	// processor is what the templates say that functions run on.
	processor = "arm64"
	// upToDate is what `sam deploy` says where there is nothing to do.
	upToDate = "No changes to deploy. Stack " + stack + " is up to date"
	// deployLimit bounds each call of SAM.
	deployLimit = 5 * time.Minute
)

// deployment takes what `sam build` wrote to the emulator, by real `sam package`
// and `sam deploy` with the tree's samconfig.toml.
type deployment struct {
	bin  string // programs of the virtual environment that has SAM
	dir  string // where the rehearsal keeps its files
	to   *emulator
	env  map[string]string
	tree string
}

func newDeployment(tree, bin, dir string, to *emulator, issuerURL string) (*deployment, error) {
	d := &deployment{tree: tree, bin: bin, dir: dir, to: to, env: to.account()}
	maps.Copy(d.env, map[string]string{"HOME": dir, "SAM_CLI_TELEMETRY": "0"})
	config, err := os.ReadFile(filepath.Join(tree, "samconfig.toml"))
	if err != nil {
		return nil, err
	}
	text, err := withIssuer(string(config), issuerURL)
	if err != nil {
		return nil, fmt.Errorf("samconfig.toml: %w", err)
	}
	return d, os.WriteFile(d.file("samconfig.toml"), []byte(text), 0o600)
}

// Staging's issuer and its key set, as samconfig.toml names them.
const (
	stagingIssuer = "https://api.workos.com/user_management/client_staging"
	stagingKeys   = "https://api.workos.com/sso/jwks/client_staging"
)

// withIssuer puts another issuer in the place of staging's; all else of the
// configuration stays.
func withIssuer(config, issuerURL string) (string, error) {
	for from, to := range map[string]string{stagingIssuer: issuerURL, stagingKeys: issuerURL + "/jwks"} {
		if strings.Count(config, from) != 1 {
			return "", fmt.Errorf("must name %s once", from)
		}
		config = strings.Replace(config, from, to, 1)
	}
	return config, nil
}

func (d *deployment) file(name string) string { return filepath.Join(d.dir, name) }

func (d *deployment) run(ctx context.Context, program string, args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, deployLimit)
	defer cancel()
	return output(ctx, d.env, filepath.Join(d.bin, program), args...)
}

func (d *deployment) adapt(ctx context.Context, args ...string) error {
	_, err := d.run(ctx, "python", append([]string{filepath.Join(d.tree, "infra", "rehearsal", "adapt.py")}, args...)...)
	return err
}

// fillAccount makes what the account must have before the first deploy.
func (d *deployment) fillAccount(ctx context.Context) error {
	_, err := d.account(ctx, "secrets", "rapport/staging/workos-api-key="+apiKey, webhookSecretName+"="+webhookSecret)
	return err
}

// rotate gives a secret another value.
func (d *deployment) rotate(ctx context.Context, name, value string) error {
	_, err := d.account(ctx, "rotate", name+"="+value)
	return err
}

// logs are what all functions logged.
func (d *deployment) logs(ctx context.Context) (string, error) { return d.account(ctx, "logs") }

// keepLogs writes them to a file, and gives its name.
func (d *deployment) keepLogs(ctx context.Context) (string, error) {
	said, err := d.logs(ctx)
	return d.file("functions.log"), errors.Join(err, os.WriteFile(d.file("functions.log"), []byte(said), 0o600))
}

func (d *deployment) account(ctx context.Context, args ...string) (string, error) {
	return d.run(ctx, "python", append([]string{filepath.Join(d.tree, "infra", "rehearsal", "account.py")}, args...)...)
}

// upload takes the functions and the nested templates to the account's bucket.
func (d *deployment) upload(ctx context.Context) error {
	built := filepath.Join(d.tree, ".aws-sam", "build")
	if _, err := os.Stat(filepath.Join(built, "template.yaml")); err != nil {
		return fmt.Errorf("`make package` comes first: %w", err)
	}
	if runtime.GOARCH != processor {
		if err := d.adapt(ctx, "binaries", "--built", built, "--binaries", d.file("linked"), "--to", d.file("built")); err != nil {
			return err
		}
		built = d.file("built")
	}
	_, err := d.run(ctx, "sam", "package", "--config-file", d.file("samconfig.toml"), "--config-env", environmentName,
		"--template-file", filepath.Join(built, "template.yaml"), "--output-template-file", d.file("packaged.yaml"),
		"--resolve-s3", "--s3-prefix", stack)
	return err
}

// link builds the functions for this machine's processor, where that isn't theirs,
// with the flags of the tests, so that it shares what they have compiled. A call of go has one domain:
// functions of two domains may have one name.
func (d *deployment) link(ctx context.Context) error {
	if runtime.GOARCH == processor {
		return nil
	}
	domains, err := os.ReadDir(filepath.Join(d.tree, "functions"))
	if err != nil {
		return err
	}
	for _, domain := range domains {
		mains, err := filepath.Glob(filepath.Join(d.tree, "functions", domain.Name(), "*", "main.go"))
		if err != nil {
			return err
		}
		if len(mains) == 0 {
			continue
		}
		args := []string{"build", "-ldflags", "-s -w", "-o", d.file("linked/"+domain.Name()) + string(filepath.Separator)}
		for _, main := range mains {
			args = append(args, filepath.Dir(main))
		}
		build := exec.CommandContext(ctx, "go", args...)
		build.Dir = d.tree
		if said, err := build.CombinedOutput(); err != nil {
			return fmt.Errorf("go build the functions of %s: %w\n%s", domain.Name(), err, said)
		}
	}
	return nil
}

// deploy brings the stack to what was uploaded, without some grants, and gives what
// SAM said.
func (d *deployment) deploy(ctx context.Context, without ...string) (string, error) {
	args := []string{"templates", "--packaged", d.file("packaged.yaml"), "--emulator", d.to.url, "--to", d.file("template.json")}
	for _, grant := range without {
		args = append(args, "--without", grant)
	}
	if err := d.adapt(ctx, args...); err != nil {
		return "", err
	}
	return d.run(ctx, "sam", "deploy", "--config-file", d.file("samconfig.toml"), "--config-env", environmentName,
		"--template-file", d.file("template.json"))
}

// prune publishes versions of one function and deletes all but a few, and gives how
// many were deleted.
func (d *deployment) prune(ctx context.Context, publish, keep int) (deleted int, err error) {
	if _, err := d.account(ctx, "publish", stack, strconv.Itoa(publish)); err != nil {
		return 0, err
	}
	said, err := d.run(ctx, "python", filepath.Join(d.tree, "infra", "versions", "prune.py"), "--stack", stack, "--keep", strconv.Itoa(keep))
	if err != nil {
		return 0, err
	}
	lines := strings.Split(strings.TrimSpace(said), "\n")
	_, err = fmt.Sscanf(lines[len(lines)-1], "%d versions deleted", &deleted)
	return deleted, err
}

// address is the HTTP API's, from the stack's outputs.
func (d *deployment) address(ctx context.Context) (string, error) {
	said, err := d.run(ctx, "sam", "list", "stack-outputs", "--stack-name", stack, "--region", region, "--output", "json")
	if err != nil {
		return "", err
	}
	var outputs []struct{ OutputKey, OutputValue string }
	if err := json.Unmarshal([]byte(said[max(0, strings.Index(said, "[")):]), &outputs); err != nil {
		return "", fmt.Errorf("outputs of %s: %w", stack, err)
	}
	for _, output := range outputs {
		if output.OutputKey == "HttpUrl" {
			return output.OutputValue, nil
		}
	}
	return "", errors.New("the stack has no output HttpUrl")
}
