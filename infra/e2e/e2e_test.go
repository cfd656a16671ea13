// Package e2e tests the whole of Rapport as a person uses it: the runner as a
// process of its own, clients over HTTP and WebSocket.
package e2e

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rapport/rapport/infra/client"
)

// binary builds the runner once for all tests.
var binary = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "rapport-e2e-")
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, "rapport")
	build := exec.Command("go", "build", "-o", path, "./infra/local")
	build.Dir = root()
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build the runner: %w\n%s", err, out)
	}
	return path, nil
})

func TestMain(m *testing.M) {
	code := m.Run()
	if path, err := binary(); err == nil {
		_ = os.RemoveAll(filepath.Dir(path))
	}
	os.Exit(code)
}

func root() string {
	_, file, _, _ := runtime.Caller(0)
	return filepath.Join(filepath.Dir(file), "..", "..")
}

// suite is a runner on ports of its own, which stay when it is restarted.
type suite struct {
	t       testing.TB
	dataDir string
	port    int
	socket  int
	// env is what the runner's environment has beside.
	env     []string
	command *exec.Cmd
	stderr  string
}

func start(t testing.TB, dataDir string, env ...string) *suite {
	t.Helper()
	r := &suite{t: t, dataDir: dataDir, env: env, port: freePort(t), socket: freePort(t), stderr: filepath.Join(t.TempDir(), "stderr")}
	r.run()
	t.Cleanup(func() {
		r.kill()
		if t.Failed() {
			if tail, err := os.ReadFile(r.stderr); err == nil {
				t.Logf("the runner said at the end:\n%s", tail[max(0, len(tail)-4000):])
			}
		}
	})
	return r
}

func (r *suite) base() string { return "http://localhost:" + strconv.Itoa(r.port) }

// run starts the process and waits until it is ready.
func (r *suite) run() {
	r.t.Helper()
	path, err := binary()
	if err != nil {
		r.t.Fatal(err)
	}
	r.command = exec.Command(path)
	r.command.Dir = root()
	r.command.Env = append(os.Environ(), "PORT="+strconv.Itoa(r.port), "WS_PORT="+strconv.Itoa(r.socket), "DATA_DIR="+r.dataDir)
	r.command.Env = append(r.command.Env, r.env...)
	stderr, err := os.OpenFile(r.stderr, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		r.t.Fatal(err)
	}
	defer stderr.Close() //nolint:errcheck // the child has its own descriptor
	r.command.Stderr = stderr
	stdout, err := r.command.StdoutPipe()
	if err != nil {
		r.t.Fatal(err)
	}
	if err := r.command.Start(); err != nil {
		r.t.Fatal(err)
	}
	line, err := bufio.NewReader(stdout).ReadString('\n')
	if err != nil || !strings.HasPrefix(line, "ready ") {
		said, _ := os.ReadFile(r.stderr)
		r.t.Fatalf("the runner did not get ready: %q %v\n%s", line, err, said)
	}
}

// kill ends the process as a power cut would: kill -9.
func (r *suite) kill() {
	if r.command == nil || r.command.Process == nil {
		return
	}
	_ = r.command.Process.Kill()
	_ = r.command.Wait()
	r.command = nil
}

func freePort(t testing.TB) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close() //nolint:errcheck // only its number is wanted
	return l.Addr().(*net.TCPAddr).Port
}

func signIn(ctx context.Context, t testing.TB, r *suite, user string) *client.Client {
	t.Helper()
	c, err := client.SignIn(ctx, r.base(), user)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// meeting creates a started meeting of a host and others.
func meeting(ctx context.Context, t testing.TB, host *client.Client, others ...*client.Client) string {
	t.Helper()
	invited := []map[string]string{}
	for _, other := range others {
		invited = append(invited, map[string]string{"userId": other.UserID, "role": "participant"})
	}
	var created struct {
		MeetingID string `json:"meetingId"`
	}
	in := map[string]any{"title": "Planning", "participants": invited}
	if err := host.Do(ctx, http.MethodPost, "/v1/meetings", in, &created); err != nil {
		t.Fatal(err)
	}
	if err := host.Do(ctx, http.MethodPost, "/v1/meetings/"+created.MeetingID+"/start", nil, nil); err != nil {
		t.Fatal(err)
	}
	return created.MeetingID
}

// eventually waits for a condition, which a slow machine may take long to meet.
func eventually(t testing.TB, what string, holds func() bool) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if holds() {
			return
		}
	}
	t.Fatalf("timed out waiting for: %s", what)
}
