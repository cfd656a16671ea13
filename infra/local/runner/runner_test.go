package runner

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-lambda-go/lambda"
	"github.com/coder/websocket"

	"github.com/rapport/rapport/shared/core/config"
	"github.com/rapport/rapport/shared/core/endpoint"
)

// asChild makes the test binary a runner on a data directory until it is killed.
const asChild = "RUNNER_TEST_DATA_DIR"

// deadline bounds every wait of these tests; nothing is asserted about time.
const deadline = 30 * time.Second

func TestMain(m *testing.M) {
	if dir := os.Getenv(asChild); dir != "" {
		os.Exit(child(dir))
	}
	os.Exit(m.Run())
}

func child(dir string) int {
	c, err := testConfig()
	if err != nil {
		fmt.Println(err)
		return 1
	}
	c.DataDir = dir
	r, err := Start(context.Background(), c)
	if err != nil {
		fmt.Println(err)
		return 1
	}
	fmt.Println("ready", r.URL)
	select {}
}

type handlerFunc func(context.Context, []byte) ([]byte, error)

func (f handlerFunc) Invoke(ctx context.Context, payload []byte) ([]byte, error) {
	return f(ctx, payload)
}

// testConfig runs the project's own templates with functions that only tell
// what they were given.
func testConfig() (Config, error) {
	settings, err := FromEnvironment(config.Process().With(config.Env{"PORT": "0", "WS_PORT": "0", "DATA_DIR": Memory}))
	if err != nil {
		return Config{}, err
	}
	c := Config{Settings: settings, Log: slog.New(slog.DiscardHandler)}
	root, err := c.root()
	if err != nil {
		return c, err
	}
	stack, err := load(root)
	if err != nil {
		return c, err
	}
	for _, function := range stack.Functions {
		c.Functions = append(c.Functions, endpoint.FunctionSpec{Name: function.Folder, Open: telling(function.Folder)})
	}
	return c, nil
}

// logLines is what a function of these tests answers with.
type logLines struct {
	Function string
	Path     string
	Env      config.Env
	UserID   string `json:"userId"`
}

func telling(folder string) func(context.Context, config.Env, endpoint.Overrides) (lambda.Handler, error) {
	return func(_ context.Context, env config.Env, _ endpoint.Overrides) (lambda.Handler, error) {
		return handlerFunc(func(_ context.Context, payload []byte) ([]byte, error) {
			var event events.APIGatewayV2HTTPRequest
			if err := json.Unmarshal(payload, &event); err != nil {
				return nil, err
			}
			body, err := json.Marshal(logLines{folder, event.RawPath, env, "told by " + folder})
			if err != nil {
				return nil, err
			}
			return json.Marshal(events.APIGatewayV2HTTPResponse{StatusCode: 200, Body: string(body)})
		}), nil
	}
}

func start(t *testing.T, change func(*Config)) *Runner {
	t.Helper()
	c, err := testConfig()
	if err != nil {
		t.Fatal(err)
	}
	if change != nil {
		change(&c)
	}
	r, err := Start(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := r.Stop(); err != nil {
			t.Error(err)
		}
	})
	return r
}

func get(t *testing.T, url string, change func(*http.Request)) (int, string, http.Header) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	if change != nil {
		change(r)
	}
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(body), response.Header
}

func TestEverythingHasItsAddress(t *testing.T) {
	r := start(t, func(c *Config) {
		c.Console = fstest.MapFS{"index.html": {Data: []byte("<p>console")}, "assets/a-1.js": {Data: []byte("1")}}
	})
	for path, want := range map[string]string{
		"/healthz": "system/health", "/v1/me": "users/get", "/v1/meetings/m1/notes": "notes/get",
		"/nothing": "system/notfound", "/console": "system/notfound", "/favicon.ico": "system/notfound",
	} {
		_, body, _ := get(t, r.URL+path, nil)
		var got logLines
		if err := json.Unmarshal([]byte(body), &got); err != nil || got.Function != want || got.Path != path {
			t.Errorf("%s: %s (%s), want %s", path, got.Function, got.Path, want)
		}
	}
	for path, want := range map[string]string{
		"/": "<p>console", "/assets/a-1.js": "1", "/openapi.json": `"openapi"`,
		"/metrics": `rapport_function_invocations_total{function="notes/get"} 1`, "/dev/jwks": `"RS256"`, "/ops": "<p>console",
		"/dev/users": `"userId":"told by users/get"`,
	} {
		status, body, _ := get(t, r.URL+path, nil)
		if status != 200 || !strings.Contains(body, want) {
			t.Errorf("%s: %d %s", path, status, body)
		}
	}
	if status, _, _ := get(t, r.URL+"/assets/", nil); status != 404 {
		t.Errorf("a folder of assets: %d", status)
	}
	port := strings.TrimPrefix(r.URL, "http://localhost:")
	for _, host := range []string{"127.0.0.1", "localhost"} {
		if status, _, _ := get(t, "http://"+net.JoinHostPort(host, port)+"/healthz", nil); status != 200 {
			t.Errorf("%s: %d", host, status)
		}
	}
}

func TestOnlyThisMachineAndItsPagesAreAnswered(t *testing.T) {
	r := start(t, nil)
	foreignHost := func(request *http.Request) { request.Host = "evil.example" }
	foreignPage := func(request *http.Request) { request.Header.Set("Origin", "https://evil.example") }
	socketHTTP := "http" + strings.TrimPrefix(r.SocketURL, "ws")
	for _, test := range []struct {
		url    string
		change func(*http.Request)
		want   int
	}{
		{r.URL + "/healthz", foreignHost, 403},
		{r.URL + "/", foreignHost, 403},
		{r.URL + "/dev/users", foreignHost, 403},
		{socketHTTP + "/", foreignHost, 403},
		{r.URL + "/dev/users", foreignPage, 403},
		{r.URL + "/dev", foreignPage, 403},
		{r.URL + "/healthz", foreignPage, 200},
	} {
		if status, body, _ := get(t, test.url, test.change); status != test.want {
			t.Errorf("%s: %d %s, want %d", test.url, status, body, test.want)
		}
	}
}

func TestFunctionsGetTheAddressesOfThisMachine(t *testing.T) {
	r := start(t, nil)
	_, body, _ := get(t, r.URL+"/v1/me", nil)
	var got logLines
	if err := json.Unmarshal([]byte(body), &got); err != nil {
		t.Fatal(err)
	}
	port := strings.TrimPrefix(r.URL, "http://localhost:")
	socketPort := strings.TrimPrefix(r.SocketURL, "ws://localhost:")
	for name, want := range map[string]string{
		"STAGE":                     "local",
		"DATA_TABLE":                "rapport-StateStack-Data",
		"AWS_ENDPOINT_URL_DYNAMODB": tablesEndpoint,
		"AWS_ENDPOINT_URL_APIGATEWAYMANAGEMENTAPI": "http://127.0.0.1:" + socketPort,
		"WORKOS_ENDPOINT":                          "http://127.0.0.1:" + port + "/dev/workos",
		"AWS_ENDPOINT_URL_SECRETS_MANAGER":         secretsEndpoint,
		"WORKOS_API_KEY_SECRET_ID":                 apiKeySecret,
		"ISSUERS":                                  `[{"issuer":"` + r.URL + `/dev","jwksUrl":"http://127.0.0.1:` + port + `/dev/jwks"}]`,
	} {
		if got.Env[name] != want {
			t.Errorf("%s is %q, want %q", name, got.Env[name], want)
		}
	}
	ticket, ok := r.Stack.Function("users/ticket")
	if want := "ws://localhost:" + socketPort + "/"; !ok || ticket.Env["WS_URL"] != want {
		t.Errorf("WS_URL is %q, want %q", ticket.Env["WS_URL"], want)
	}
	root, err := r.config.root()
	if err != nil {
		t.Fatal(err)
	}
	deployed, err := load(root)
	if err != nil {
		t.Fatal(err)
	}
	for _, function := range deployed.Functions {
		here, _ := r.Stack.Function(function.Folder)
		for name := range here.Env {
			if _, given := function.Env[name]; !given {
				t.Errorf("%s has %s, which its template doesn't give it", function.Folder, name)
			}
		}
	}
}

func TestStopClosesSocketsAndPorts(t *testing.T) {
	r := start(t, nil)
	conn, _, err := websocket.Dial(t.Context(), r.SocketURL, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.CloseNow() }()
	closed := make(chan error, 1)
	go func() {
		ctx, cancel := context.WithTimeout(context.Background(), deadline)
		defer cancel()
		_, _, err := conn.Read(ctx)
		closed <- err
	}()
	if err := r.Stop(); err != nil {
		t.Fatal(err)
	}
	if err := <-closed; websocket.CloseStatus(err) != websocket.StatusGoingAway {
		t.Errorf("the socket ended with %v", err)
	}
	for _, url := range []string{r.URL, r.SocketURL} {
		address := strings.TrimPrefix(url[strings.Index(url, "/"):], "//")
		if conn, err := net.Dial("tcp", address); err == nil {
			t.Errorf("%s still listens", address)
			_ = conn.Close()
		}
	}
	select {
	case err := <-r.Failed():
		t.Errorf("an orderly end is a failure: %v", err)
	default:
	}
}

func TestAnEngineThatEndsIsAFailure(t *testing.T) {
	r := start(t, nil)
	if r.Engine.PID == 0 {
		t.Skip("the engine was running before, so it isn't ours to kill")
	}
	process, err := os.FindProcess(r.Engine.PID)
	if err != nil {
		t.Fatal(err)
	}
	if err := process.Kill(); err != nil {
		t.Fatal(err)
	}
	select {
	case err := <-r.Failed():
		if !strings.Contains(err.Error(), "table engine ended") {
			t.Error(err)
		}
	case <-time.After(deadline):
		t.Fatal("nobody noticed")
	}
}

func TestTwoRunnersOnOneDataDirectory(t *testing.T) {
	dir := t.TempDir()
	first := start(t, func(c *Config) { c.DataDir = dir })
	c, err := testConfig()
	if err != nil {
		t.Fatal(err)
	}
	c.DataDir = dir
	_, err = Start(t.Context(), c)
	if locked, ok := errors.AsType[*Locked](err); !ok || locked.PID != strconv.Itoa(os.Getpid()) || !strings.Contains(err.Error(), dir) {
		t.Fatalf("second runner: %v", err)
	}
	if err := first.Stop(); err != nil {
		t.Fatal(err)
	}
	start(t, func(c *Config) { c.DataDir = dir })
}

func TestAKilledRunnerLeavesItsDataDirectoryFree(t *testing.T) {
	dir := t.TempDir()
	binary, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	command := exec.Command(binary)
	command.Env = append(os.Environ(), asChild+"="+dir)
	output, err := command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(output).ReadString('\n')
	killed := command.Process.Kill()
	waited := command.Wait()
	if err != nil || killed != nil || !strings.HasPrefix(line, "ready http://localhost:") {
		t.Fatalf("%q, %v, %v, %v", line, err, killed, waited)
	}
	key, err := os.ReadFile(filepath.Join(dir, "issuer", "issuer-key.pem"))
	if err != nil {
		t.Fatal(err)
	}
	start(t, func(c *Config) { c.DataDir = dir })
	if again, err := os.ReadFile(filepath.Join(dir, "issuer", "issuer-key.pem")); err != nil || string(again) != string(key) {
		t.Errorf("the key has changed: %v", err)
	}
}

func TestAPortThatIsTaken(t *testing.T) {
	for _, address := range []string{"127.0.0.1:0", "[::1]:0"} {
		taken, err := net.Listen("tcp", address)
		if err != nil {
			t.Logf("this machine has no %s: %v", address, err)
			continue
		}
		t.Cleanup(func() { _ = taken.Close() })
		port := taken.Addr().(*net.TCPAddr).Port
		for variable, change := range map[string]func(*Config){
			"PORT":    func(c *Config) { c.Port = port },
			"WS_PORT": func(c *Config) { c.SocketPort = port },
		} {
			c, err := testConfig()
			if err != nil {
				t.Fatal(err)
			}
			change(&c)
			_, err = Start(t.Context(), c)
			var problem *PortTaken
			if !errors.As(err, &problem) || problem.Variable != variable || !strings.Contains(err.Error(), taken.Addr().String()) {
				t.Errorf("%s on %s: %v", variable, address, err)
			}
		}
	}
}

func TestSettingsThatMakeNoSense(t *testing.T) {
	for name, env := range map[string]config.Env{
		"PORT":                           {"PORT": "70000"},
		"malformed":                      {"WS_PORT": "x"},
		"PORT and WS_PORT are both 3000": {"WS_PORT": "3000"},
		"SOCKET_LIFETIME":                {"SOCKET_LIFETIME": "-1s"},
		`PROFILE is "azure"; want aws`:   {"PROFILE": "azure"},
		"LogEpoch is malformed":          {"LOG_EPOCH": "of today"},
	} {
		if _, err := FromEnvironment(env); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%v: %v", env, err)
		}
	}
	settings, err := FromEnvironment(config.Env{})
	if err != nil || settings.Port != 3000 || settings.SocketPort != 3001 || settings.DataDir != ".local" || settings.SocketLifetime != 2*time.Hour {
		t.Errorf("defaults %+v, %v", settings, err)
	}
}

func TestWhatIsMissingIsNamed(t *testing.T) {
	c, err := testConfig()
	if err != nil {
		t.Fatal(err)
	}
	missing := c.Functions[0].Name
	c.Functions = c.Functions[1:]
	if _, err := Start(t.Context(), c); err == nil || !strings.Contains(err.Error(), missing) {
		t.Errorf("a function without code: %v", err)
	}
	c.Root = t.TempDir()
	if _, err := Start(t.Context(), c); err == nil || !strings.Contains(err.Error(), templateFile) {
		t.Errorf("a folder without templates: %v", err)
	}
	if err := os.WriteFile(filepath.Join(c.Root, templateFile), []byte("Resources: {}"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Start(t.Context(), c); err == nil || !strings.Contains(err.Error(), "not understood") {
		t.Errorf("a template that is not understood: %v", err)
	}
}
