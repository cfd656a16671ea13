package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"
)

// newFolder makes a folder for a run's report.
func newFolder(out string) (string, error) {
	dir := filepath.Join(out, time.Now().UTC().Format("20060102-150405"))
	return dir, os.MkdirAll(dir, 0o755)
}

// runScenario runs the scenario once and reports it.
func runScenario(ctx context.Context, s Scenario, dir string, out io.Writer) error {
	fmt.Fprintln(out, s)
	began := time.Now()
	say := func(format string, args ...any) {
		fmt.Fprintf(out, "%5.0f s  %s\n", time.Since(began).Seconds(), fmt.Sprintf(format, args...))
	}
	sv, err := startServer(ctx, s, filepath.Join(dir, "runner.log"))
	if err != nil {
		return err
	}
	defer func() {
		if err := sv.stop(); err != nil {
			fmt.Fprintln(out, "the runner did not end in order:", err)
		}
	}()
	o, err := drive(ctx, s, sv, func(c *crowd, one Sample) { say("%s", line(c, one)) }, say)
	if err != nil {
		return err
	}
	r := reportOf("Rapport under load", o)
	if err := r.save(dir); err != nil {
		return err
	}
	r.print(out)
	fmt.Fprintln(out, "\nreport:", filepath.Join(filepath.Dir(dir), "latest", "report.html"))
	if failed(r.Verdicts, s.SLO == "fail") {
		return errWrong
	}
	return nil
}

// line is what is shown of a second.
func line(c *crowd, one Sample) string {
	t := c.tally
	notes, speech := t.noteDelivery.measured(), t.transcriptDelivery.measured()
	late := t.lateness.measured()
	if !one.Measured {
		notes, speech, late = one.Latencies["noteDelivery"], one.Latencies["transcriptDelivery"], one.Lateness
	}
	return fmt.Sprintf("sockets %d  notes %.0f/s %.0f/%.0f/%.0f ms  transcript %.0f/s %.0f/%.0f/%.0f ms  queries %.0f/s p95 %.0f ms  late %.1f ms  cpu server %.2f engine %.2f driver %.2f",
		one.Sockets, one.Acked[noteOp], notes.P50, notes.P95, notes.P99,
		one.Acked[transcriptOp], speech.P50, speech.P95, speech.P99,
		one.Acked[queryOp], one.Latencies["queries"].P95, late.P99, one.ServerCPU, one.EngineCPU, one.DriverCPU)
}
