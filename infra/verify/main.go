// Command verify holds a meeting at a deployed suite from outside, and exits with 1
// where a step fails: `make verify URL=... TOKEN=...`. Tokens come by the environment,
// TOKEN and perhaps TOKEN2, so that no list of processes shows them.
package main

import (
	"context"
	"flag"
	"fmt"
	"net/url"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/rapport/rapport/infra/journey"
)

// walkLimit bounds each walk: cold functions take some seconds in all, and frames
// that never come are waited for.
const walkLimit = 2 * time.Minute

func main() { os.Exit(run(os.Args[1:])) }

// run gives the exit code: 2 for what can't be tried.
func run(args []string) int {
	flags := flag.NewFlagSet("verify", flag.ContinueOnError)
	address := flags.String("url", "", "the API's address: the stack's output HttpUrl")
	repeats := flags.Int("repeats", 3, "how often the journey is walked")
	if err := flags.Parse(args); err != nil {
		return 2
	}
	o := journey.Options{URL: strings.TrimSuffix(*address, "/"), Token: os.Getenv("TOKEN"), Guest: os.Getenv("TOKEN2"), Repeats: *repeats}
	if u, err := url.Parse(o.URL); err != nil || u.Host == "" || o.Token == "" || o.Repeats < 1 {
		fmt.Fprintln(os.Stderr, "verify: wants the API's address and an access token: make verify URL=https://... TOKEN=... [TOKEN2=...] [REPEATS=3]")
		return 2
	}
	ctx, forget := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer forget()
	ctx, cancel := context.WithTimeout(ctx, time.Duration(o.Repeats)*walkLimit)
	defer cancel()
	if err := journey.Verify(ctx, o, os.Stdout); err != nil {
		fmt.Fprintf(os.Stderr, "verify: %v\n", err)
		return 1
	}
	return 0
}
