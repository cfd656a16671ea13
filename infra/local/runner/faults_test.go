package runner

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/rapport/rapport/functions"
	"github.com/rapport/rapport/infra/client"
	"github.com/rapport/rapport/shared/core/config"
	"github.com/rapport/rapport/shared/core/ot"
)

func TestFaultsAreUnderstoodOrRefused(t *testing.T) {
	t.Parallel()
	for give, want := range map[string]string{
		"": "", "seed=7,rate=0.02": "",
		"seed=7":          "environment: FAULTS: rate is missing",
		"seed=7,rate=2":   `environment: FAULTS: rate is "2"`,
		"rate=0.1,kind=x": `environment: FAULTS: "kind" is not known`,
	} {
		_, err := FromEnvironment(config.Env{"FAULTS": give})
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%q: %v, want %q", give, err, want)
		}
	}
}

// insist calls again until the answer is no failure: that is what clients do.
func insist(ctx context.Context, c *client.Client, request string, key uint64, in, out any) error {
	method, path, _ := strings.Cut(request, " ")
	for {
		err := c.DoOnce(ctx, method, path, key, in, out)
		problem, refused := errors.AsType[*client.Problem](err)
		underWay := refused && problem.Status == http.StatusConflict && strings.Contains(problem.Detail, "under way")
		if err == nil || refused && !problem.Again() && !underWay {
			return err
		}
		select {
		case <-ctx.Done():
			return errors.Join(err, ctx.Err())
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// People write while everything goes wrong that FAULTS asks for: nothing is lost,
// all agree, and the faults are counted.
func TestPeopleWriteThroughFaults(t *testing.T) {
	t.Parallel()
	r := start(t, func(c *Config) { c.Functions, c.Faults = functions.All(), "seed=7,rate=0.05" })
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	var people []*client.Client
	for i := range 2 {
		c, err := client.SignIn(ctx, r.URL, "writer"+strconv.Itoa(i))
		if err != nil {
			t.Fatal(err)
		}
		people = append(people, c)
	}
	var made struct{ MeetingID string }
	participants := []map[string]string{{"userId": people[1].UserID, "role": "participant"}}
	if err := insist(ctx, people[0], "POST /v1/meetings", 1, map[string]any{"title": "Faulty", "participants": participants}, &made); err != nil {
		t.Fatal(err)
	}
	if err := insist(ctx, people[0], "POST /v1/meetings/"+made.MeetingID+"/start", 2, nil, nil); err != nil {
		t.Fatal(err)
	}
	var all []*client.Notes
	for _, c := range people {
		all = append(all, openNotes(ctx, t, c, made.MeetingID))
	}
	write := func(n int, text string) {
		err := all[n].Edit(func(before string) ot.Change {
			return ot.Change{{Type: ot.Insert, Position: utf8.RuneCountInString(before), Content: text}}
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	const each = 20
	for i := range each {
		for n := range all {
			write(n, fmt.Sprintf("%d.%d ", n, i))
		}
		time.Sleep(20 * time.Millisecond)
	}
	agreed := func() bool {
		first, version, settled := all[0].State()
		second, other, settledToo := all[1].State()
		return settled && settledToo && first == second && version == other
	}
	// Whoever missed a change, and its head, learns of it with the next one.
	for !agreed() {
		write(0, ". ")
		for range 40 {
			if time.Sleep(50 * time.Millisecond); agreed() {
				break
			}
		}
		if ctx.Err() != nil {
			t.Fatal("they don't agree")
		}
	}
	text, _, _ := all[0].State()
	for n := range all {
		for i := range each {
			if word := fmt.Sprintf("%d.%d ", n, i); strings.Count(" "+text, " "+word) != 1 {
				t.Errorf("%q stands %d times in %q", word, strings.Count(" "+text, " "+word), text)
			}
		}
	}
	_, page, _ := get(t, r.URL+"/metrics", nil)
	injected := 0
	for _, found := range regexp.MustCompile(`(?m)^rapport_faults_total\{kind="\w+"\} (\d+)$`).FindAllStringSubmatch(page, -1) {
		n, err := strconv.Atoi(found[1])
		if err != nil {
			t.Fatal(err)
		}
		injected += n
	}
	if injected < 10 {
		t.Errorf("%d faults are counted at /metrics", injected)
	}
}

// openNotes opens a session of notes, as often as it takes.
func openNotes(ctx context.Context, t *testing.T, c *client.Client, meetingID string) *client.Notes {
	t.Helper()
	for ctx.Err() == nil {
		notes, err := c.OpenNotes(ctx, meetingID, func(err error) {
			if ctx.Err() == nil {
				t.Errorf("refused: %v", err)
			}
		})
		if err == nil {
			return notes
		}
	}
	t.Fatal("the notes can't be opened")
	return nil
}
