package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"time"

	"github.com/rapport/rapport/infra/client"
	"github.com/rapport/rapport/infra/load/cost"
)

// Report is everything that a run found out.
type Report struct {
	Title    string    `json:"title"`
	At       time.Time `json:"at"`
	Scenario Scenario  `json:"scenario"`
	Machine  Machine   `json:"machine"`

	Verdicts []Verdict `json:"verdicts"`
	Findings Findings  `json:"findings"`
	// MeasuredSeconds is how long was measured, SettledSeconds how long clients
	// and the check took afterwards.
	MeasuredSeconds float64 `json:"measuredSeconds"`
	SettledSeconds  float64 `json:"settledSeconds"`

	// Latencies of the measured time by what they are of, in milliseconds.
	Latencies map[string]Latency `json:"latencies"`
	// Lateness is the driver's own, Waiting how long its goroutines waited for a
	// processor (p99): both in milliseconds.
	Lateness  Latency                  `json:"lateness"`
	Waiting   float64                  `json:"waitingMs"`
	Operation map[string]OperationSums `json:"operations"`
	// Processors are the means of the measured time, in cores.
	Processors Processors       `json:"processors"`
	Refused    int64            `json:"refused"`
	Errors     map[string]int64 `json:"errors,omitempty"`
	Frames     FrameSums        `json:"frames"`
	Sockets    SocketSums       `json:"sockets"`
	Functions  []FunctionSums   `json:"functions,omitempty"`
	Counts     cost.Counts      `json:"counts"`
	Cost       cost.Estimate    `json:"cost"`
	// Sections are what a mode adds.
	Sections []Section `json:"sections,omitempty"`
	Notes    []string  `json:"notes,omitempty"`
	Samples  []Sample  `json:"samples,omitempty"`
}

// Machine is where both sides ran.
type Machine struct {
	Cores     int    `json:"cores"`
	Processor string `json:"processor,omitempty"`
	Memory    int64  `json:"memory"`
	System    string `json:"system"`
	Go        string `json:"go"`
}

// OperationSums are what became of the operations of one kind, over the whole
// run; Delivered and Expected are of the measured time.
type OperationSums struct {
	Scheduled int64 `json:"scheduled"`
	Acked     int64 `json:"acked"`
	Refused   int64 `json:"refused"`
	Expected  int64 `json:"expected,omitempty"`
	Delivered int64 `json:"delivered,omitempty"`
}

// FrameSums are what clients saw.
type FrameSums struct {
	ByType map[string]int64 `json:"byType"`
	// Most is the most event and head frames that one client got for one topic in
	// any 5 s, MostTopic of which kind that topic was.
	Most       int    `json:"most"`
	MostTopic  string `json:"mostTopic,omitempty"`
	Duplicates int64  `json:"duplicates"`
	Early      int64  `json:"early"`
	Gaps       int64  `json:"gaps"`
	Replays    int64  `json:"replays"`
	Heads      int64  `json:"heads"`
}

// SocketSums are what became of sockets.
type SocketSums struct {
	Opened int64 `json:"opened"`
	Lost   int64 `json:"lost"`
	Moved  int64 `json:"moved"`
	Again  int64 `json:"framesSentAgain"`
	Open   int64 `json:"open"`
}

// Processors are how busy they were, in cores.
type Processors struct {
	Server float64 `json:"server"`
	Engine float64 `json:"engine"`
	Driver float64 `json:"driver"`
	Others float64 `json:"others"`
}

// FunctionSums are one function's in the measured time.
type FunctionSums struct {
	Name        string  `json:"name"`
	Invocations float64 `json:"invocations"`
	MeanMs      float64 `json:"meanMs"`
	MemoryMB    float64 `json:"memoryMb"`
	GBSeconds   float64 `json:"gbSeconds"`
	Errors      float64 `json:"errors"`
}

// Section is a table that a mode adds.
type Section struct {
	Title string     `json:"title"`
	Note  string     `json:"note,omitempty"`
	Head  []string   `json:"head"`
	Rows  [][]string `json:"rows"`
}

func machine() Machine {
	return Machine{Cores: runtime.NumCPU(), Processor: processor(), Memory: memory(), System: runtime.GOOS + "/" + runtime.GOARCH, Go: runtime.Version()}
}

// reportOf puts together what a run found out.
func reportOf(title string, o *outcome) *Report {
	c, t := o.fleet, o.fleet.tally
	o.sampler.mu.Lock()
	samples := slices.Clone(o.sampler.samples)
	server := o.sampler.last.minus(o.sampler.first)
	o.sampler.mu.Unlock()
	r := &Report{
		Title: title, At: time.Now().UTC(), Scenario: c.scenario, Machine: machine(), Findings: o.findings,
		MeasuredSeconds: o.measured.Seconds(), SettledSeconds: o.settled.Seconds(),
		Latencies: map[string]Latency{
			"noteAck": t.noteAck.measured(), "noteAnswer": t.noteAnswer.measured(), "noteDelivery": t.noteDelivery.measured(),
			"transcriptAck": t.transcriptAck.measured(), "transcriptDelivery": t.transcriptDelivery.measured(),
			"opening": t.opening.measured(), "subscribing": t.subscribing.measured(),
		},
		Lateness: t.lateness.measured(), Waiting: waiting(),
		Operation: map[string]OperationSums{}, Errors: t.failures(), Frames: frameSums(c), Samples: samples, Notes: slices.Clone(c.reports),
		Sockets: SocketSums{Opened: t.opened.Load(), Lost: t.lost.Load(), Moved: t.moved.Load(), Again: t.again.Load(), Open: t.sockets.Load()},
	}
	var queries []*meter
	for name, m := range t.queries {
		queries = append(queries, m)
		r.Latencies["query."+name] = m.measured()
	}
	r.Latencies["queries"] = merged(queries...)
	for k, name := range map[kind]string{noteOp: "notes", transcriptOp: "transcripts", queryOp: "queries"} {
		sums := OperationSums{
			Scheduled: t.scheduled[k].Load(), Acked: t.acked[k].Load(), Refused: t.refused[k].Load(),
			Expected: t.expected[k].Load(), Delivered: t.delivered[k].Load(),
		}
		r.Operation[name] = sums
		r.Refused += sums.Refused
	}
	r.Functions = functionSums(server, functionMemory())
	r.Counts = countsOf(o, server, r.Functions)
	r.Cost = cost.PerThousandHours(r.Counts)
	if c.unsaid > 0 {
		r.Notes = append(r.Notes, fmt.Sprintf("… and %d more", c.unsaid))
	}
	measured := slices.DeleteFunc(slices.Clone(samples), func(s Sample) bool { return !s.Measured })
	r.Processors = Processors{
		Server: meanOf(measured, func(s Sample) float64 { return s.ServerCPU }), Engine: meanOf(measured, func(s Sample) float64 { return s.EngineCPU }),
		Driver: meanOf(measured, func(s Sample) float64 { return s.DriverCPU }), Others: meanOf(measured, func(s Sample) float64 { return s.OthersCPU }),
	}
	if r.Processors.Others > othersTell {
		r.Notes = append(r.Notes, fmt.Sprintf("Other programs used %.2f of %d cores in the measured time: on a machine of its own the figures would be better.", r.Processors.Others, r.Machine.Cores))
	}
	if r.Lateness.P99 > maxLateness {
		r.Notes = append(r.Notes, fmt.Sprintf("The driver was late itself (p99 %s): the latencies include its lag.", ms(r.Lateness.P99)))
	}
	r.Verdicts = verdicts(r)
	return r
}

// othersTell is from how many cores of other programs on the report says so.
const othersTell = 0.2

func frameSums(c *fleet) FrameSums {
	sums := FrameSums{ByType: c.tally.frameCounts()}
	most := func(w *frameWindow, topic string) {
		if w.most > sums.Most {
			sums.Most, sums.MostTopic = w.most, topic
		}
	}
	for _, p := range c.people {
		p.mu.Lock()
		most(&p.noteFrames, "notes")
		most(&p.chunkFrames, "transcript")
		most(&p.stateFrames, "meeting")
		p.mu.Unlock()
		for _, f := range []*client.Follow{p.notes, p.speech} {
			if f == nil {
				continue
			}
			n := f.Counts()
			sums.Duplicates += n.Duplicates
			sums.Early += n.Early
			sums.Gaps += n.Gaps
			sums.Replays += n.Replays
			sums.Heads += n.Heads
		}
	}
	return sums
}

// functionSums are what each function did, the busiest first.
func functionSums(server scraped, memoryMB map[string]float64) []FunctionSums {
	by := map[string]*FunctionSums{}
	for series, value := range server {
		name := label(series, "function")
		if name == "" || value == 0 {
			continue
		}
		one := by[name]
		if one == nil {
			one = &FunctionSums{Name: name, MemoryMB: cmp.Or(memoryMB[name], defaultMemoryMB)}
			by[name] = one
		}
		switch family(series) {
		case "rapport_function_invocations_total":
			one.Invocations = value
		case "rapport_function_duration_seconds_sum":
			one.GBSeconds = value
		case "rapport_function_errors_total":
			one.Errors = value
		}
	}
	var all []FunctionSums
	for _, one := range by {
		if one.Invocations == 0 {
			continue
		}
		seconds := one.GBSeconds
		one.MeanMs = seconds / one.Invocations * 1000
		// Each invocation is rounded up to a millisecond: half of one on average.
		one.GBSeconds = (seconds + one.Invocations*0.0005) * one.MemoryMB / 1024
		all = append(all, *one)
	}
	slices.SortFunc(all, func(a, b FunctionSums) int {
		return cmp.Or(cmp.Compare(b.Invocations, a.Invocations), cmp.Compare(a.Name, b.Name))
	})
	return all
}

// save writes the report as JSON and HTML, and has `latest` point to it.
func (r *Report) save(dir string) error {
	raw, err := json.MarshalIndent(r, "", " ")
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(dir, "report.json"), raw, 0o644); err != nil { //nolint:gosec // for everybody who may see the folder
		return err
	}
	page, err := r.page()
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(dir, "report.html"), page, 0o644); err != nil { //nolint:gosec // as above
		return err
	}
	latest := filepath.Join(filepath.Dir(dir), "latest")
	// It is a link to an earlier run, or isn't there.
	_ = os.Remove(latest)
	return os.Symlink(filepath.Base(dir), latest)
}
