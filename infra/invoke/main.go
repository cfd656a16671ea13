// Command invoke builds the `bootstrap` of a function as it is deployed, and
// runs it against a small Lambda Runtime API with one event, so that it is proved
// to start and to answer without Docker:
//
//	go run ./infra/invoke -fn meetings/create [-event events/meetings/create.json]
//	go run ./infra/invoke -all
//	go run ./infra/invoke -fn meetings/create -sam .build/venv/bin/sam
//
// With -sam it is `sam local invoke` that runs the function, in AWS's container.
// With -all it links one binary a domain, which serves each of its functions in a
// process of its own; a binary for each is what `make build` links.
//
// Around it stand an engine in memory with the templates' tables, queues, a local
// issuer and an endpoint that takes what is posted to sockets. The process gets the
// environment that the templates give the function, and nothing else. In an
// event, `Bearer local:ada` stands for an access token of the local user ada and
// `local` as a WorkOS-Signature for one that holds; what an event speaks of is
// made before, as package scene says.
//
// It prints what the function answered, what it posted, the time from the start
// of the process to its first request for an event, and the duration. The exit
// code is 1 where a function could not be built or started, failed, answered
// with a status of 500 or more, or refused its local token.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"

	"golang.org/x/sync/errgroup"

	"github.com/rapport/rapport/shared/testkit/scene"
)

// atOnce bounds the functions that -all builds and runs at the same time.
const atOnce = 2

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	problems := os.Stderr
	// The functions that set a scene log to os.Stderr, as on AWS; here their
	// lines would hide those that matter.
	if null, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0); err == nil {
		os.Stderr = null
	}
	code := run(ctx, os.Args[1:], os.Stdout, problems)
	stop()
	os.Exit(code)
}

func run(ctx context.Context, args []string, out, problems io.Writer) int {
	flags := flag.NewFlagSet("invoke", flag.ContinueOnError)
	flags.SetOutput(problems)
	folder := flags.String("fn", "", "the function's folder below functions/, such as meetings/create")
	event := flags.String("event", "", "the event's file; events/<fn>.json where it isn't given")
	all := flags.Bool("all", false, "run every function that has an event under events/")
	sam := flags.String("sam", "", "the program of AWS SAM, which is to run the function in a container")
	root := flags.String("root", ".", "the project's folder")
	if err := flags.Parse(args); err != nil {
		return 2
	}
	if (*folder == "") != *all || (*all && *sam != "") || flags.NArg() > 0 {
		fmt.Fprintln(problems, "invoke: say one function with -fn, or -all; -sam runs one")
		return 2
	}
	if err := invoke(ctx, options{root: *root, folder: *folder, event: *event, sam: *sam}, out, problems); err != nil {
		fmt.Fprintln(problems, "invoke:", err)
		return 1
	}
	return 0
}

// options say what to run: one function's folder with an event's file, or all where
// there is no folder; sam, where it isn't empty, runs it in a container.
type options struct{ root, folder, event, sam string }

func invoke(ctx context.Context, o options, out, problems io.Writer) (err error) {
	root, err := filepath.Abs(o.root)
	if err != nil {
		return err
	}
	w, err := openEnvironment(ctx, root)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, w.close()) }()
	if o.folder == "" {
		return invokeAll(ctx, w, out)
	}
	if o.event == "" {
		o.event = filepath.Join(root, "events", filepath.FromSlash(o.folder)+".json")
	}
	if o.sam != "" {
		return w.samLocal(ctx, o.sam, o.folder, o.event, out, problems)
	}
	b, err := bootstrap(ctx, root, o.folder, runtime.GOOS)
	if err != nil {
		return err
	}
	r, err := w.try(ctx, b, o.folder, o.event)
	if err != nil {
		return err
	}
	encoder := json.NewEncoder(out)
	encoder.SetIndent("", "  ")
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(r); err != nil {
		return err
	}
	return r.verdict()
}

// domainPrograms builds those of all domains that have events.
func domainPrograms(ctx context.Context, root string, events []string) (map[string]binary, error) {
	binaries := map[string]binary{}
	for _, event := range events {
		domain := filepath.Base(filepath.Dir(event))
		if _, built := binaries[domain]; built {
			continue
		}
		b, err := domainProgram(ctx, root, domain)
		if err != nil {
			return nil, err
		}
		binaries[domain] = b
	}
	return binaries, nil
}

// invokeAll runs every function that has an event, and prints a line for each.
func invokeAll(ctx context.Context, w *environment, out io.Writer) error {
	events, err := filepath.Glob(filepath.Join(w.root, "events", "*", "*.json"))
	if err != nil {
		return err
	}
	events = slices.DeleteFunc(events, func(file string) bool { return filepath.Base(file) == scene.File })
	if len(events) == 0 {
		return fmt.Errorf("no events under %s", filepath.Join(w.root, "events"))
	}
	slices.Sort(events)
	binaries, err := domainPrograms(ctx, w.root, events)
	if err != nil {
		return err
	}
	lines := make([]string, len(events))
	failed := make([]bool, len(events))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(atOnce)
	for i, event := range events {
		folder := filepath.ToSlash(strings.TrimSuffix(strings.TrimPrefix(event, filepath.Join(w.root, "events")+string(filepath.Separator)), ".json"))
		b := binaries[path.Dir(folder)]
		b.args = []string{folder}
		group.Go(func() error {
			r, err := w.try(ctx, b, folder, event)
			if err == nil {
				lines[i] = r.line()
				err = r.verdict()
			}
			if err != nil {
				failed[i] = true
				lines[i] = fmt.Sprintf("%-28s FAILED: %v", folder, err)
			}
			return ctx.Err()
		})
	}
	err = group.Wait()
	count := 0
	for i, line := range lines {
		fmt.Fprintln(out, line)
		if failed[i] {
			count++
		}
	}
	if err != nil {
		return err
	}
	if count > 0 {
		return fmt.Errorf("%d of %d functions failed", count, len(events))
	}
	fmt.Fprintf(out, "%d functions start and answer\n", len(events))
	return nil
}
