package runner

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/rapport/rapport/infra/local/proxy"
	"github.com/rapport/rapport/infra/local/template"
	"github.com/rapport/rapport/shared/core/config"
	"github.com/rapport/rapport/shared/core/endpoint"
	"github.com/rapport/rapport/shared/core/epoch"
)

// Memory as DATA_DIR keeps nothing.
const Memory = ":memory:"

// Settings are what the environment says; docs/guide.md describes them.
type Settings struct {
	// Port and SocketPort are where HTTP and WebSocket are served; 0 is any free
	// one.
	Port       int `env:"PORT" envDefault:"3000"`
	SocketPort int `env:"WS_PORT" envDefault:"3001"`
	// DataDir keeps what must survive a restart; Memory keeps nothing.
	DataDir string `env:"DATA_DIR" envDefault:".local"`
	// Engine is the kind of table engine, Endpoint one that already runs.
	Engine   string `env:"ENGINE" envDefault:"dynoxide"`
	Endpoint string `env:"DYNAMODB_ENDPOINT"`
	// Profile is empty, or ProfileAWS.
	Profile string `env:"PROFILE"`
	// Faults is empty, or what faults.Parse reads.
	Faults string `env:"FAULTS"`
	// OperatorOrgID is the organisation whose admins operate the suite; without it
	// those are admins of none.
	OperatorOrgID string `env:"OPERATOR_ORG_ID"`
	// WebhookSecret is what webhooks are signed with at the start; the functions find it
	// in Secrets Manager.
	WebhookSecret string `env:"WORKOS_WEBHOOK_SECRET" envDefault:"local-workos-webhook-secret"`
	// LogEpoch is what positions belong to: to be another name whenever an older copy
	// of DataDir is put back.
	LogEpoch epoch.Epoch `env:"LOG_EPOCH" envDefault:"1"`
	// SocketLifetime is how long a WebSocket may live.
	SocketLifetime time.Duration `env:"SOCKET_LIFETIME" envDefault:"2h"`
}

// Config is all that a runner is made from.
type Config struct {
	Settings
	// Root is the project's folder, with template.yaml; empty means the nearest
	// one at or above the working directory.
	Root string
	// Functions are the functions that can run; the templates say which of them do.
	Functions []endpoint.FunctionSpec
	// Calls stand before everything that the functions call, and before the
	// runner's own steps: for tests that watch or change the calls.
	Calls []proxy.Middleware
	// Change may change what the templates say, before anything is started: for
	// tests.
	Change func(*template.Stack)
	// Console is what is served at `/`.
	Console fs.FS
	Log     *slog.Logger
}

// FromEnvironment reads the settings and checks them.
func FromEnvironment(env config.Env) (Settings, error) {
	s, err := config.Parse[Settings](env)
	if err != nil {
		return s, err
	}
	for name, port := range map[string]int{"PORT": s.Port, "WS_PORT": s.SocketPort} {
		if port < 0 || port > 65535 {
			return s, fmt.Errorf("environment: %s is %d; want 0 to 65535", name, port)
		}
	}
	if s.Port != 0 && s.Port == s.SocketPort {
		return s, fmt.Errorf("environment: PORT and WS_PORT are both %d; they must differ", s.Port)
	}
	if s.SocketLifetime <= 0 {
		return s, fmt.Errorf("environment: SOCKET_LIFETIME is %v; want a positive duration such as 2h", s.SocketLifetime)
	}
	if _, err := newProfile(s.Profile, nil); err != nil {
		return s, err
	}
	if _, err := faultSettings(s.Faults); err != nil {
		return s, err
	}
	if s.WebhookSecret == "" {
		return s, errors.New("environment: WORKOS_WEBHOOK_SECRET is empty; want any text, or leave it out")
	}
	if s.DataDir == "" {
		return s, fmt.Errorf("environment: DATA_DIR is empty; want a folder or %s", Memory)
	}
	return s, nil
}

// dir is a folder of the data directory, made where it is missing, or empty
// where nothing is kept.
func (s Settings) dir(name string) (string, error) {
	if s.DataDir == Memory {
		return "", nil
	}
	path := filepath.Join(s.DataDir, name)
	if err := os.MkdirAll(path, 0o700); err != nil {
		return "", fmt.Errorf("data directory: %w; set DATA_DIR to a folder that can be written", err)
	}
	return path, nil
}

// root finds template.yaml.
func (c Config) root() (string, error) {
	if c.Root != "" {
		return filepath.Abs(c.Root)
	}
	working, err := os.Getwd()
	if err != nil {
		return "", fmt.Errorf("working directory: %w", err)
	}
	for dir := working; ; dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, templateFile)); err == nil {
			return dir, nil
		}
		if dir == filepath.Dir(dir) {
			return "", fmt.Errorf("there is no %s in %s or above it: run this inside the project", templateFile, working)
		}
	}
}
