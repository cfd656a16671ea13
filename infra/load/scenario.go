package main

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/rapport/rapport/shared/core/config"
)

// Scenario is what the environment asks for. The defaults are the scenario of
// the service's objective.
type Scenario struct {
	// Mode is slo, ceiling, reconnect or hot.
	Mode string `env:"MODE" envDefault:"slo" json:"mode"`
	// URL names a runner that runs already; without it one is started from
	// Runner, and ended.
	URL    string `env:"URL" json:"url,omitempty"`
	Runner string `env:"RUNNER" envDefault:".build/bin/rapport" json:"-"`

	// Meetings have Clients people each, everybody with one socket.
	Meetings int `env:"MEETINGS" envDefault:"1000" json:"meetings"`
	Clients  int `env:"CLIENTS" envDefault:"5" json:"clients"`
	// Rate is note operations, Transcripts are chunks, Queries are reads over
	// HTTP: all in total, a second.
	Rate        float64 `env:"RATE" envDefault:"100" json:"rate"`
	Transcripts float64 `env:"TRANSCRIPTS" envDefault:"50" json:"transcripts"`
	Queries     float64 `env:"QUERIES" envDefault:"20" json:"queries"`
	// Seconds are measured, after a Ramp in which sockets open and rates climb.
	Seconds int           `env:"LOAD_SECONDS" envDefault:"120" json:"seconds"`
	Ramp    time.Duration `env:"RAMP" envDefault:"60s" json:"rampNs"`
	// Heartbeats is how often every client says that it is there; 0 never.
	Heartbeats time.Duration `env:"HEARTBEATS" envDefault:"0s" json:"heartbeatsNs"`
	// Arrivals is poisson or fixed.
	Arrivals string `env:"ARRIVALS" envDefault:"poisson" json:"arrivals"`
	// Seed decides the schedule and what is written; 0 takes a new one.
	Seed uint64 `env:"SEED" envDefault:"0" json:"seed"`
	// SLO is fail, or report: then misses are told but don't fail.
	SLO string `env:"SLO" envDefault:"fail" json:"slo"`
	// Texts is in how many meetings a session rebuilds the whole text.
	Texts int `env:"TEXTS" envDefault:"20" json:"texts"`
	// Settle is how long clients may take to catch up at the end.
	Settle time.Duration `env:"SETTLE" envDefault:"60s" json:"settleNs"`
	// Jitter is over how long sockets come back in mode reconnect.
	Jitter time.Duration `env:"JITTER" envDefault:"90s" json:"jitterNs,omitempty"`
	// Out is where reports go.
	Out string `env:"OUT" envDefault:".build/load" json:"-"`

	// What the runner that is started gets, for the report.
	Profile        string `env:"PROFILE" json:"profile,omitempty"`
	Faults         string `env:"FAULTS" json:"faults,omitempty"`
	SocketLifetime string `env:"SOCKET_LIFETIME" json:"socketLifetime,omitempty"`
}

// most people that one driver stands for.
const maxPeople = 20_000

// fromEnvironment reads a scenario; what is empty is as if it were not set.
func fromEnvironment(env config.Env) (Scenario, error) {
	set := modeDefaults(env["MODE"])
	for name, value := range env {
		if value != "" {
			set[name] = value
		}
	}
	s, err := config.Parse[Scenario](set)
	if err != nil {
		return s, err
	}
	if s.Seed == 0 {
		s.Seed = rand.Uint64() >> 12 // short enough for JSON's numbers
	}
	return s, s.check()
}

// modeDefaults are those that a mode has of its own.
func modeDefaults(mode string) config.Env {
	switch mode {
	case "hot":
		return config.Env{"MEETINGS": "1", "CLIENTS": "50", "RATE": "50", "TRANSCRIPTS": "0", "QUERIES": "0", "RAMP": "10s", "LOAD_SECONDS": "60", "HEARTBEATS": "0"}
	case "ceiling":
		return config.Env{"MEETINGS": "20", "RATE": "50", "LOAD_SECONDS": "15", "RAMP": "10s", "HEARTBEATS": "0"}
	case "reconnect":
		return config.Env{"RATE": "20", "TRANSCRIPTS": "10", "QUERIES": "5", "LOAD_SECONDS": "60"}
	}
	return config.Env{}
}

func (s Scenario) check() error {
	var errs []error
	need := func(ok bool, format string, args ...any) {
		if !ok {
			errs = append(errs, fmt.Errorf(format, args...))
		}
	}
	need(s.Mode == "slo" || s.Mode == "ceiling" || s.Mode == "reconnect" || s.Mode == "hot", "MODE is %q; want slo, ceiling, reconnect or hot", s.Mode)
	need(s.Meetings >= 1 && s.Clients >= 1, "MEETINGS and CLIENTS must be at least 1")
	need(s.Clients <= 101, "CLIENTS is %d; a meeting has at most 101 people", s.Clients)
	need(s.Meetings*s.Clients <= maxPeople, "MEETINGS x CLIENTS is above %d people", maxPeople)
	need(s.Rate >= 0 && s.Transcripts >= 0 && s.Queries >= 0, "RATE, TRANSCRIPTS and QUERIES can't be negative")
	need(s.Seconds >= 1 && s.Seconds <= 3600, "SECONDS is %d; want 1 to 3600", s.Seconds)
	need(s.Ramp >= 0 && s.Ramp <= time.Hour, "RAMP is %v; want 0s to 1h", s.Ramp)
	need(s.Heartbeats == 0 || s.Heartbeats >= time.Second, "HEARTBEATS is %v; want 0 or at least 1s", s.Heartbeats)
	need(s.Arrivals == "poisson" || s.Arrivals == "fixed", "ARRIVALS is %q; want poisson or fixed", s.Arrivals)
	need(s.SLO == "fail" || s.SLO == "report", "SLO is %q; want fail or report", s.SLO)
	need(s.Texts >= 0, "TEXTS can't be negative")
	return errors.Join(errs...)
}

func (s Scenario) String() string {
	return fmt.Sprintf("%d meetings x %d people, %g notes/s, %g transcript chunks/s, %g queries/s, %d s after a ramp of %v, seed %d",
		s.Meetings, s.Clients, s.Rate, s.Transcripts, s.Queries, s.Seconds, s.Ramp, s.Seed)
}
