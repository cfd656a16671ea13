// Command rehearsal deploys the staging configuration to an emulator of AWS that
// enforces IAM, by real `sam package` and `sam deploy`, and holds a meeting there
// through the real binaries. Then it deploys again, which must change nothing, and
// without some grants, which must make the functions fail that need them. `make
// deploy-rehearsal` runs it; docs/deploy.md says what it proves and what not.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"time"
)

// limit bounds the whole rehearsal, which takes a minute on two idle cores.
const limit = 10 * time.Minute

// logsLimit bounds the reading of logs after it.
const logsLimit = 20 * time.Second

func main() { os.Exit(run(os.Args[1:])) }

// run gives the exit code.
func run(args []string) int {
	flags := flag.NewFlagSet("rehearsal", flag.ContinueOnError)
	samBin := flags.String("sam", ".build/venv/bin", "programs of the virtual environment that has SAM")
	emulatorBin := flags.String("emulator", ".build/emulator/bin", "programs of the virtual environment that has the emulator")
	if err := flags.Parse(args); err != nil {
		return 2
	}
	ctx, forget := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer forget()
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	if err := rehearse(ctx, *samBin, *emulatorBin); err != nil {
		fmt.Fprintf(os.Stderr, "deploy-rehearsal: %v\n", err)
		return 1
	}
	return 0
}

// stage does a part of the rehearsal and says how long it took.
func stage(name string, do func() error) error {
	begun := time.Now()
	if err := do(); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	fmt.Printf("%6.1f s  %s\n", time.Since(begun).Seconds(), name)
	return nil
}

func rehearse(ctx context.Context, samBin, emulatorBin string) (err error) {
	tree, err := os.Getwd()
	if err != nil {
		return err
	}
	for _, bin := range []*string{&samBin, &emulatorBin} {
		if *bin, err = filepath.Abs(*bin); err != nil {
			return err
		}
	}
	dir := filepath.Join(tree, ".build", "rehearsal")
	if err := errors.Join(os.RemoveAll(dir), os.MkdirAll(dir, 0o755)); err != nil {
		return err
	}
	identity, err := newIdentityProvider(ctx, dir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, identity.stop()) }()

	var account *emulator
	if err := stage("an empty account, with IAM enforced", func() (err error) {
		account, err = startEmulator(ctx, filepath.Join(emulatorBin, "python"), tree, dir, identity.environment())
		return err
	}); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, account.stop()) }()

	d, err := newDeployment(tree, samBin, dir, account, identity.url)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, showLogs(d))
		}
	}()
	if err := firstDeploy(ctx, d); err != nil {
		return err
	}
	api, err := d.address(ctx)
	if err != nil {
		return err
	}
	if err := identity.serve(api, slog.New(slog.NewTextHandler(os.Stderr, nil))); err != nil {
		return err
	}
	begin := func() *rehearsed {
		return newRehearsed(api, identity.plain, func(ctx context.Context, user string) error {
			_, err := identity.issuer.Revoke(ctx, user)
			return err
		})
	}
	if err := walk(ctx, begin()); err != nil {
		return err
	}
	if err := rotation(ctx, d, identity, begin()); err != nil {
		return err
	}
	if err := secondDeploy(ctx, d); err != nil {
		return err
	}
	if err := oldVersions(ctx, d, begin()); err != nil {
		return err
	}
	return withoutGrants(ctx, d, begin())
}

// showLogs says where the logs of a failed rehearsal's functions are.
func showLogs(d *deployment) error {
	ctx, cancel := context.WithTimeout(context.Background(), logsLimit)
	defer cancel()
	file, err := d.keepLogs(ctx)
	if err == nil {
		err = errors.New("what the functions logged is in " + file)
	}
	return err
}

func firstDeploy(ctx context.Context, d *deployment) error {
	if err := stage("the secrets that staging names", func() error { return d.fillAccount(ctx) }); err != nil {
		return err
	}
	if err := stage("binaries for "+runtime.GOARCH, func() error { return d.link(ctx) }); err != nil {
		return err
	}
	if err := stage("sam package", func() error { return d.upload(ctx) }); err != nil {
		return err
	}
	return stage("sam deploy --config-env "+environmentName, func() error {
		_, err := d.deploy(ctx)
		return err
	})
}

// walk goes the whole journey.
func walk(ctx context.Context, j *rehearsed) error {
	defer j.close()
	for _, s := range steps() {
		if err := stage(s.name, func() error { return s.do(j, ctx) }); err != nil {
			return err
		}
	}
	return nil
}

// rotation gives webhooks another secret, which the running function takes without a
// deploy: the next one finds no changes.
func rotation(ctx context.Context, d *deployment, identity *identityProvider, j *rehearsed) error {
	defer j.close()
	return stage("a webhook by a rotated secret is taken", func() error {
		if err := j.signIn(ctx); err != nil {
			return err
		}
		if err := d.rotate(ctx, webhookSecretName, nextWebhookSecret); err != nil {
			return err
		}
		identity.issuer.SignWith(nextWebhookSecret)
		return j.revoke(ctx, "grace")
	})
}

func secondDeploy(ctx context.Context, d *deployment) error {
	return stage("a second deploy finds no changes", func() error {
		said, err := d.deploy(ctx)
		if err == nil && !strings.Contains(said, upToDate) {
			err = fmt.Errorf("SAM does not say %q:\n%s", upToDate, said)
		}
		return err
	})
}

// oldVersions has versions 1 to 7 of a function, of which 1 is live, and keeps three
// beside it.
func oldVersions(ctx context.Context, d *deployment, j *rehearsed) error {
	defer j.close()
	return stage("old versions go, the live one stays", func() error {
		deleted, err := d.prune(ctx, 6, 3)
		if err == nil && deleted != 3 {
			err = fmt.Errorf("%d versions were deleted, want 3", deleted)
		}
		if err != nil {
			return err
		}
		return j.Health(ctx)
	})
}

// withoutGrants goes the journey as far as a meeting is under way, then takes
// grants away: what needs them must fail, and what doesn't must go on.
func withoutGrants(ctx context.Context, d *deployment, j *rehearsed) error {
	defer j.close()
	for _, do := range []func(*rehearsed, context.Context) error{
		(*rehearsed).signIn, (*rehearsed).Meet, (*rehearsed).connect, (*rehearsed).Presence, (*rehearsed).edit,
	} {
		if err := do(j, ctx); err != nil {
			return fmt.Errorf("before grants are taken away: %w", err)
		}
	}
	taken := lostGrants()
	if err := stage(fmt.Sprintf("a deploy without %d grants", len(taken)), func() error {
		var grants []string
		for _, l := range taken {
			grants = append(grants, l.grant())
		}
		_, err := d.deploy(ctx, grants...)
		return err
	}); err != nil {
		return err
	}
	for _, l := range taken {
		if err := stage("no use of "+l.grant(), func() error { return l.use(ctx, j) }); err != nil {
			return err
		}
	}
	if err := stage("each is denied in the logs", func() error { return denied(ctx, taken, d.logs) }); err != nil {
		return err
	}
	return stage("what needs none of them goes on", func() error { return j.ChangeRole(ctx) })
}
