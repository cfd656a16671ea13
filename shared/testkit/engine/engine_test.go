//go:build unix

package engine_test

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/rapport/rapport/shared/core/config"
	"github.com/rapport/rapport/shared/core/table"
	"github.com/rapport/rapport/shared/testkit/engine"
)

// asParent makes the test binary start an engine and wait to be killed.
const asParent = "ENGINE_TEST_PARENT"

func TestMain(m *testing.M) {
	if os.Getenv(asParent) != "" {
		e, err := engine.Start(context.Background(), options())
		if err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		fmt.Println(e.PID, e.Endpoint)
		select {}
	}
	os.Exit(m.Run())
}

func options() engine.Options {
	o, err := config.Parse[engine.Options](config.Process())
	if err != nil {
		panic(err)
	}
	o.Endpoint = ""
	return o
}

func TestStartAndStop(t *testing.T) {
	e, err := engine.Start(t.Context(), options())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := e.Client().ListTables(t.Context(), &dynamodb.ListTablesInput{}); err != nil {
		t.Error(err)
	}
	for range 2 {
		if err := e.Stop(); err != nil {
			t.Fatal(err)
		}
	}
	waitGone(t, e.PID)
	if _, err := net.Dial("tcp", strings.TrimPrefix(e.Endpoint, "http://")); err == nil {
		t.Error("it still listens")
	}
}

func TestNamedEngineIsLeftRunning(t *testing.T) {
	first, err := engine.Start(t.Context(), options())
	if err != nil {
		t.Fatal(err)
	}
	defer stop(t, first)
	second, err := engine.Start(t.Context(), engine.Options{Endpoint: first.Endpoint})
	if err != nil {
		t.Fatal(err)
	}
	stop(t, second)
	if _, err := first.Client().ListTables(t.Context(), &dynamodb.ListTablesInput{}); err != nil {
		t.Error(err)
	}
}

func TestStartSaysWhatIsWrong(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := taken.Close(); err != nil {
			t.Error(err)
		}
	}()
	port := taken.Addr().(*net.TCPAddr).Port
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	nobody := "http://" + free.Addr().String()
	if err := free.Close(); err != nil {
		t.Fatal(err)
	}
	notSQLite := t.TempDir()
	if err := os.WriteFile(filepath.Join(notSQLite, "tables.sqlite"), []byte(strings.Repeat("no database", 1000)), 0o600); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name string
		give engine.Options
		want string
	}{
		{"port taken", engine.Options{Port: port}, fmt.Sprintf("port %d is taken", port)},
		{"not set up", engine.Options{Root: t.TempDir()}, "run `make setup`"},
		{"Java engine not set up", engine.Options{Kind: engine.DynamoDBLocal, Root: t.TempDir()}, "run `make setup ENGINE=dynamodb-local`"},
		{"unknown kind", engine.Options{Kind: "sqlite"}, "ENGINE is dynoxide or dynamodb-local"},
		{"nobody at the endpoint", engine.Options{Endpoint: nobody}, "no table engine answers at DYNAMODB_ENDPOINT " + nobody},
		{"data unreadable", engine.Options{Dir: notSQLite}, "it ended early; its last words:"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			e, err := engine.Start(t.Context(), test.give)
			if err == nil {
				stop(t, e)
				t.Fatal("it started")
			}
			if !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %q, want %q in it", err, test.want)
			}
		})
	}
}

// After kill -9 of its parent the engine is gone too.
func TestEngineDiesWithItsParent(t *testing.T) {
	parent := exec.Command(os.Args[0])
	parent.Env = append(os.Environ(), asParent+"=1")
	out, err := parent.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := parent.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	id, _, _ := strings.Cut(line, " ")
	pid, err := strconv.Atoi(id)
	if err != nil {
		t.Fatalf("the parent says %q", line)
	}
	if err := syscall.Kill(pid, 0); err != nil {
		t.Fatalf("the engine does not run: %v", err)
	}
	if group, err := syscall.Getpgid(pid); err != nil || group == parent.Process.Pid || group == syscall.Getpgrp() {
		t.Errorf("the engine is in group %d (%v), not in its own", group, err)
	}
	if err := parent.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = parent.Wait() // it was killed
	waitGone(t, pid)
}

// What was acknowledged survives kill -9 of the engine, and the tables that are
// there are used again, unless they should look otherwise now.
func TestDataSurvivesTheEngine(t *testing.T) {
	o := options()
	o.Dir = t.TempDir()
	first, err := engine.Start(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	spec := engine.TableSpec{
		Name: "Kept", Key: engine.KeySpec{Partition: "PK", Sort: "SK"}, Stream: "NEW_IMAGE", TTL: "ttl",
		Indexes: []engine.IndexSpec{{Name: "GSI1", Key: engine.KeySpec{Partition: "GSI1PK", Sort: "GSI1SK"}, Projection: "ALL"}},
	}
	if err := engine.CreateTables(t.Context(), first.Client(), []engine.TableSpec{spec}); err != nil {
		t.Fatal(err)
	}
	kept, key := table.New(first.Client(), spec.Name), table.Key{PK: "a", SK: "b"}
	for n := range 50 {
		if err := kept.Put(t.Context(), key, map[string]int{"n": n}); err != nil {
			t.Fatal(err)
		}
	}
	if err := syscall.Kill(first.PID, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	<-first.Done()
	if !strings.Contains(first.LastWords(), "killed") {
		t.Errorf("its last words are %q", first.LastWords())
	}
	stop(t, first)

	second, err := engine.Start(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	defer stop(t, second)
	if err := engine.CreateTables(t.Context(), second.Client(), []engine.TableSpec{spec}); err != nil {
		t.Errorf("tables that are there: %v", err)
	}
	got, err := table.Get[map[string]any](t.Context(), table.New(second.Client(), spec.Name), key)
	if err != nil || got["n"] != 49.0 {
		t.Errorf("kept is %v, %v", got, err)
	}
	for _, change := range []func(*engine.TableSpec){
		func(s *engine.TableSpec) { s.Key.Sort = "Other" },
		func(s *engine.TableSpec) { s.Indexes = nil },
		func(s *engine.TableSpec) { s.Stream = "" },
	} {
		other := spec
		change(&other)
		err := engine.CreateTables(t.Context(), second.Client(), []engine.TableSpec{other})
		if err == nil || !strings.Contains(err.Error(), "is there already") {
			t.Errorf("%+v: %v", other, err)
		}
	}
}

func stop(t *testing.T, e *engine.Engine) {
	t.Helper()
	if err := e.Stop(); err != nil {
		t.Error(err)
	}
}

// waitGone fails when the process is still there after a generous while.
func waitGone(t *testing.T, pid int) {
	t.Helper()
	for range 1000 {
		if gone(pid) {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Errorf("process %d is still there", pid)
}

// gone counts a zombie as gone: whoever adopted it has yet to look.
func gone(pid int) bool {
	if syscall.Kill(pid, 0) != nil {
		return true
	}
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	return err == nil && strings.Contains(string(stat), ") Z ")
}
