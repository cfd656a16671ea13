package main

import (
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rapport/rapport/infra/local/template"
	"github.com/rapport/rapport/shared/core/config"
)

// Docker isn't everywhere, so a script stands in for SAM, and the test does with the
// files what SAM does with them: it runs the template's binary with the template's
// environment and SAM's credentials, and gives it the event.
func TestSAMGetsAFunctionThatWorks(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("the binary is for a container's Linux")
	}
	t.Parallel()
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	w, err := openEnvironment(t.Context(), root)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := w.close(); err != nil {
			t.Error(err)
		}
	})
	reported := filepath.Join(t.TempDir(), "told")
	sam := filepath.Join(t.TempDir(), "sam")
	script := "#!/bin/sh\nprintf '%s\\n' \"$AWS_ACCESS_KEY_ID\" \"$AWS_SECRET_ACCESS_KEY\" \"$AWS_SESSION_TOKEN\" \"$@\" >" + reported + "\n"
	if err := os.WriteFile(sam, []byte(script), 0o700); err != nil { //nolint:gosec // it is to be run
		t.Fatal(err)
	}
	if err := w.samLocal(t.Context(), sam, "notes/append", filepath.Join(root, "events", "notes", "append.json"), io.Discard, io.Discard); err != nil {
		t.Fatal(err)
	}
	raw, err := os.ReadFile(reported)
	if err != nil {
		t.Fatal(err)
	}
	words := strings.Split(strings.TrimSpace(string(raw)), "\n")
	credentials, arguments := words[:3], words[3:]
	if got := arguments[:3]; !slices.Equal(got, []string{"local", "invoke", "NotesAppend"}) {
		t.Errorf("sam %q, want sam local invoke NotesAppend", got)
	}
	given := func(option string) []byte {
		i := slices.Index(arguments, option)
		if i < 0 {
			t.Fatalf("SAM is not given %s: %q", option, arguments)
		}
		raw, err := os.ReadFile(arguments[i+1])
		if err != nil {
			t.Fatal(err)
		}
		return raw
	}
	var written struct {
		Resources map[string]struct {
			Properties struct {
				CodeURI     string `json:"CodeUri"`
				Environment struct{ Variables map[string]string }
			}
		}
	}
	if err := json.Unmarshal(given("--template"), &written); err != nil {
		t.Fatal(err)
	}
	function, ok := written.Resources["NotesAppend"]
	if !ok || len(written.Resources) != 1 {
		t.Fatalf("the template has %d resources, want NotesAppend alone", len(written.Resources))
	}
	env := config.Env(function.Properties.Environment.Variables).With(config.Env{
		"AWS_REGION": "us-east-1", "AWS_LAMBDA_FUNCTION_NAME": "NotesAppend",
		"AWS_ACCESS_KEY_ID": credentials[0], "AWS_SECRET_ACCESS_KEY": credentials[1], "AWS_SESSION_TOKEN": credentials[2],
	})
	b := binary{path: filepath.Join(function.Properties.CodeURI, "bootstrap")}
	got, err := runOnce(t.Context(), b, template.Function{Timeout: 10 * time.Second}, env, "request", given("--event"))
	if err != nil {
		t.Fatal(err)
	}
	if status := (result{Answer: got.answer}).status(); status != 201 && status != 200 {
		t.Errorf("it answers %s", got.answer)
	}
}

func TestSAMName(t *testing.T) {
	t.Parallel()
	if got := samName("meetings/listparticipants"); got != "MeetingsListparticipants" {
		t.Errorf("got %s", got)
	}
}
