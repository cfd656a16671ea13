package main

import (
	"bytes"
	"context"
	"io"
	"net"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/rapport/rapport/shared/core/config"
)

// environment runs the command on free ports and keeps nothing.
func environment(more config.Env) config.Env {
	return config.Process().With(config.Env{"PORT": "0", "WS_PORT": "0", "DATA_DIR": ":memory:"}).With(more)
}

// endAfterLine ends the command when it has printed a line.
type endAfterLine struct {
	bytes.Buffer
	end context.CancelFunc
}

func (w *endAfterLine) Write(p []byte) (int, error) {
	defer w.end()
	return w.Buffer.Write(p)
}

func TestItPrintsOneLineWhenItServesAndEndsInOrder(t *testing.T) {
	ctx, end := context.WithCancel(t.Context())
	stdout := &endAfterLine{end: end}
	var stderr bytes.Buffer
	if code := run(ctx, environment(nil), stdout, &stderr); code != 0 {
		t.Errorf("exit code %d: %s", code, &stderr)
	}
	if !regexp.MustCompile(`^ready http://localhost:\d+\n$`).MatchString(stdout.String()) {
		t.Errorf("printed %q", stdout)
	}
	if strings.Contains(stderr.String(), "not in order") {
		t.Error(&stderr)
	}
}

func TestItSaysWhatIsWrong(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = taken.Close() })
	port := strconv.Itoa(taken.Addr().(*net.TCPAddr).Port)
	file := t.TempDir() + "/file"
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name string
		give config.Env
		want []string
	}{
		{"port taken", config.Env{"PORT": port}, []string{port, "PORT="}},
		{"websocket port taken", config.Env{"WS_PORT": port}, []string{port, "WS_PORT="}},
		{"no such engine", config.Env{"ENGINE": "made-up", "DYNAMODB_ENDPOINT": ""}, []string{"ENGINE", "dynoxide"}},
		{"engine doesn't run", config.Env{"DYNAMODB_ENDPOINT": "http://127.0.0.1:1"}, []string{"DYNAMODB_ENDPOINT"}},
		{"data directory is a file", config.Env{"DATA_DIR": file}, []string{file, "DATA_DIR"}},
		{"port out of range", config.Env{"PORT": "65536"}, []string{"PORT"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var stderr bytes.Buffer
			if code := run(t.Context(), environment(test.give), io.Discard, &stderr); code != 1 {
				t.Errorf("exit code %d", code)
			}
			for _, want := range test.want {
				if !strings.Contains(stderr.String(), want) {
					t.Errorf("%q doesn't say %s", &stderr, want)
				}
			}
		})
	}
}
