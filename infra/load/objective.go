package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"
)

// program is one call of the driver: a server, and where things are told.
type program struct {
	scenario Scenario
	server   *server
	dir      string
	out      io.Writer
	began    time.Time
}

// newFolder makes a folder for a run's report.
func newFolder(out string) (string, error) {
	dir := filepath.Join(out, time.Now().UTC().Format("20060102-150405"))
	return dir, os.MkdirAll(dir, 0o755) //nolint:gosec // for everybody who may see the folder above
}

func (p *program) printf(format string, args ...any) {
	fmt.Fprintf(p.out, "%5.0f s  %s\n", time.Since(p.began).Seconds(), fmt.Sprintf(format, args...))
}

func (p *program) show(c *fleet, sample Sample) { p.printf("%s", line(c, sample)) }

// objective runs the scenario once, as the service's objective has it.
func (p *program) objective(ctx context.Context) error {
	o, running, err := stage(ctx, p.scenario, p.server, p.show, p.printf)
	defer o.close()
	if err != nil {
		return p.interrupted(o, err)
	}
	p.printf("everybody is there: measuring for %d s", p.scenario.Seconds)
	o.measured = o.fleet.measure(running, o.sampler, p.scenario.rates(), time.Duration(p.scenario.Seconds)*time.Second, 200)
	if err := o.finish(running); err != nil {
		return p.interrupted(o, err)
	}
	r := reportOf("Rapport under load", o)
	if p.scenario.Mode == "hot" {
		r.Title = "One hot topic"
		r.Sections = append(r.Sections, hotSection(o))
	}
	return p.conclude(r)
}

// conclude tells and keeps a report, and judges it.
func (p *program) conclude(r *Report) error {
	if err := r.save(p.dir); err != nil {
		return err
	}
	r.print(p.out)
	fmt.Fprintln(p.out, "\nreport:", filepath.Join(filepath.Dir(p.dir), "latest", "report.html"))
	if failed(r.Verdicts, p.scenario.SLO == "fail") {
		return errWrong
	}
	return nil
}

// interrupted says what went wrong in a run that came to no report.
func (p *program) interrupted(o *outcome, err error) error {
	for name, n := range o.fleet.tally.failures() {
		p.printf("until then: %s, %d times", name, n)
	}
	return err
}

// line is what is shown of a second: percentiles are p50/p95/p99 of delivery so
// far, in milliseconds.
func line(c *fleet, sample Sample) string {
	t := c.tally
	notes, speech := t.noteDelivery.measured(), t.transcriptDelivery.measured()
	late := t.lateness.measured()
	if notes.Count == 0 {
		notes, speech, late = sample.Latencies["noteDelivery"], sample.Latencies["transcriptDelivery"], sample.Lateness
	}
	text := fmt.Sprintf("sockets %d  notes %.0f/s %.0f/%.0f/%.0f ms", sample.Sockets, sample.Acked[noteOp], notes.P50, notes.P95, notes.P99)
	if c.scenario.Transcripts > 0 {
		text += fmt.Sprintf("  speech %.0f/s %.0f/%.0f/%.0f ms", sample.Acked[transcriptOp], speech.P50, speech.P95, speech.P99)
	}
	if c.scenario.Queries > 0 {
		text += fmt.Sprintf("  queries %.0f/s p95 %.0f ms", sample.Acked[queryOp], sample.Latencies["queries"].P95)
	}
	text += fmt.Sprintf("  late %.1f ms  cpu server %.2f engine %.2f driver %.2f others %.2f", late.P99, sample.ServerCPU, sample.EngineCPU, sample.DriverCPU, sample.OthersCPU)
	if sample.Errors > 0 {
		text += fmt.Sprintf("  errors %.0f/s", sample.Errors)
	}
	return text
}
