package journey

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"text/tabwriter"
	"time"

	"github.com/rapport/rapport/infra/client"
)

// step is a part of the journey whose time is told.
type step struct {
	name string
	do   func(*Journey, context.Context) error
	// since, where set, is the step that a delivery's time begins with: how long it
	// took from there until the frame came.
	since func(*Journey) time.Time
	// pair is a step that needs two people.
	pair bool
}

func steps() []step {
	edited := func(j *Journey) time.Time { return j.sent }
	return []step{
		{name: "health", do: (*Journey).Health},
		{name: "profile", do: (*Journey).Profile},
		{name: "meeting made, started, read", do: (*Journey).Meet},
		{name: "two tickets", do: (*Journey).Tickets},
		{name: "two sockets", do: (*Journey).Connect},
		{name: "three subscriptions", do: (*Journey).Subscribe},
		{name: "presence, until it is seen", do: (*Journey).Presence},
		{name: "edit, until its ack", do: (*Journey).Edit},
		{name: "edit, until its express event", do: (*Journey).Express, since: edited},
		{name: "edit, until the durable head with its hash", do: (*Journey).Head, since: edited},
		{name: "transcript, received and listed", do: (*Journey).Transcript},
		{name: "new role, until role_changed holds", do: (*Journey).ChangeRole, pair: true},
		{name: "end, until meeting_ended; notes read", do: (*Journey).End},
	}
}

// Options say what is verified. Tokens are never printed.
type Options struct {
	// URL is the API's address, as the stack's output HttpUrl says it.
	URL string
	// Token is the host's; Guest's is another person's, or empty: then both sockets
	// are the host's, and no role is changed.
	Token, Guest string
	// Repeats is how often the journey is walked, at least once.
	Repeats int
}

// Verify walks the journey, one after the other, and writes how long each step took.
// It stops at the first that fails, whose error says the step; what it had made
// until then it ends. A table of the steps that were done is written all the same.
func Verify(ctx context.Context, o Options, to io.Writer) (err error) {
	if o.Repeats < 1 {
		return fmt.Errorf("%d repeats verify nothing", o.Repeats)
	}
	server := client.NewServer(o.URL)
	defer server.Close()
	host, err := server.Bearer(ctx, o.Token)
	if err != nil {
		return fmt.Errorf("TOKEN: %w", err)
	}
	var guest *client.Client
	if o.Guest != "" {
		if guest, err = server.Bearer(ctx, o.Guest); err != nil {
			return fmt.Errorf("TOKEN2: %w", err)
		}
		if guest.UserID == host.UserID {
			return errors.New("TOKEN2 is of the same person as TOKEN")
		}
	}
	took := map[string][]time.Duration{}
	defer func() { err = errors.Join(err, table(to, took)) }()
	for walk := range o.Repeats {
		if err := verifyOnce(ctx, New(server, host, guest), took); err != nil {
			return fmt.Errorf("walk %d of %d: %w", walk+1, o.Repeats, err)
		}
	}
	return nil
}

func verifyOnce(ctx context.Context, j *Journey, took map[string][]time.Duration) (err error) {
	defer func() { err = errors.Join(err, j.Clean(ctx)) }()
	for _, s := range steps() {
		if s.pair && j.alone() {
			continue
		}
		begun := time.Now()
		if err := s.do(j, ctx); err != nil {
			return fmt.Errorf("%s: %w", s.name, err)
		}
		lasted := time.Since(begun)
		if s.since != nil {
			lasted = j.received.Sub(s.since(j))
		}
		took[s.name] = append(took[s.name], lasted)
	}
	return nil
}

// table says of each step that was done its median and its worst, in milliseconds.
func table(to io.Writer, took map[string][]time.Duration) error {
	rows := tabwriter.NewWriter(to, 0, 0, 2, ' ', tabwriter.AlignRight)
	_, err := fmt.Fprintln(rows, "p50 ms\tmax ms\ttimes\t  step")
	for _, s := range steps() {
		times := took[s.name]
		if len(times) == 0 {
			continue
		}
		slices.Sort(times)
		_, failed := fmt.Fprintf(rows, "%d\t%d\t%d\t  %s\n", median(times).Milliseconds(), times[len(times)-1].Milliseconds(), len(times), s.name)
		err = cmp.Or(err, failed)
	}
	return cmp.Or(err, rows.Flush())
}

// median is the middle of what is sorted; of an even number the lower of the two.
func median(sorted []time.Duration) time.Duration { return sorted[(len(sorted)-1)/2] }
