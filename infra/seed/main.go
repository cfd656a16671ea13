// Command seed puts a few people, meetings, notes and a transcript into a local
// runner that is running, through its public API. It can be run again: every call
// carries an Idempotency-Key, so for as long as the runner remembers them nothing
// is made twice.
//
// BASE_URL names the runner, http://localhost:3000 without it.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"time"
)

const patience = 30 * time.Second

func main() {
	if err := run(os.Getenv("BASE_URL")); err != nil {
		fmt.Fprintln(os.Stderr, "seed:", err)
		os.Exit(1)
	}
}

func run(base string) error {
	if base == "" {
		base = "http://localhost:3000"
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	if err := seed(ctx, newAPI(base)); err != nil {
		return err
	}
	fmt.Println("open", base)
	return nil
}

// seed makes what the story tells.
func seed(ctx context.Context, api *api) error {
	people := map[string]person{}
	for _, name := range []string{"ada", "grace", "alan", "katherine"} {
		p, err := api.signIn(ctx, name)
		if err != nil {
			return err
		}
		people[name] = p
		fmt.Println("person ", name)
	}
	for _, m := range story() {
		if err := m.create(ctx, api, people); err != nil {
			return fmt.Errorf("meeting %q: %w", m.title, err)
		}
		fmt.Println("meeting", m.title)
	}
	return nil
}
