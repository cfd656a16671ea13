package main

import (
	"path/filepath"
	"strings"

	"github.com/rapport/rapport/infra/load/cost"
	"github.com/rapport/rapport/infra/local/template"
)

const (
	// defaultMemoryMB is assumed of a function that the templates don't tell of.
	defaultMemoryMB = 256.0
	// logBytesPerCall is assumed of each invocation: our line with its metrics,
	// and Lambda's own report.
	logBytesPerCall = 1000
)

// countsOf are what AWS would count of the measured time.
func countsOf(o *outcome, server scraped, functions []FunctionSums) cost.Counts {
	c, t := o.fleet, o.fleet.tally
	minutes := o.measured.Minutes()
	counts := cost.Counts{
		MeetingHours:      float64(c.scenario.Meetings) * o.measured.Hours(),
		Requests:          float64(t.requests.measured.Load()),
		Messages:          float64(t.sent.measured.Load() + t.received.measured.Load()),
		ConnectionMinutes: float64(t.sockets.Load()) * minutes,
		BytesOut:          float64(t.bytesIn.measured.Load()),
		StreamReads:       server.sum("rapport_stream_batches_total", nil),
	}
	for _, f := range functions {
		counts.Invocations += f.Invocations
		counts.GBSeconds += f.GBSeconds
	}
	counts.LogBytes = counts.Invocations * logBytesPerCall
	counts.WriteUnits, counts.ReadUnits = capacity(server)
	return counts
}

// capacity finds the tables' request units among the server's counters.
func capacity(server scraped) (writes, reads float64) {
	for series, value := range server {
		name := strings.ReplaceAll(strings.ToLower(family(series)), "_", "")
		switch {
		case strings.Contains(name, "writeunits") && !strings.HasSuffix(name, "count"):
			writes += value
		case strings.Contains(name, "readunits") && !strings.HasSuffix(name, "count"):
			reads += value
		}
	}
	return writes, reads
}

// functionMemory is each function's memory by its folder, in MB, as the
// templates say; empty where they can't be read.
func functionMemory() map[string]float64 {
	memory := map[string]float64{}
	path, err := filepath.Abs("template.yaml")
	if err != nil {
		return memory
	}
	stack, err := template.Load(path, map[string]string{
		"Stage": "local", "Issuers": `[{"issuer":"https://issuer.invalid","jwksUrl":"https://issuer.invalid/jwks"}]`,
	})
	if err != nil {
		return memory
	}
	for _, f := range stack.Functions {
		memory[f.Folder] = float64(f.MemoryMB)
	}
	return memory
}
