package main

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"text/tabwriter"
)

// print writes the report's core for a terminal.
func (r *Report) print(out io.Writer) {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w)
	for _, row := range r.latencyRows() {
		fmt.Fprintf(w, "%s\t%d\tp50 %s\tp95 %s\tp99 %s\tmax %s\n", row.Name, row.Count, ms(row.P50), ms(row.P95), ms(row.P99), ms(row.Max))
	}
	fmt.Fprintln(w)
	for _, v := range r.Verdicts {
		mark := "met"
		if !v.Pass {
			mark = "MISSED"
		}
		fmt.Fprintf(w, "%s\t%s\t%s\n", v.Name, mark, v.Figure)
	}
	if p := r.Processors; p.Server > 0 {
		fmt.Fprintf(w, "\nCores in use\tserver %.2f, table engine %.2f, driver %.2f, everything else %.2f of %d\n", p.Server, p.Engine, p.Driver, p.Others, r.Machine.Cores)
	}
	for _, section := range r.Sections {
		fmt.Fprintf(w, "\n%s\n", section.Title)
		printRow(w, section.Head)
		for _, row := range section.Rows {
			printRow(w, row)
		}
	}
	if r.Cost.Dollars > 0 {
		fmt.Fprintf(w, "\n1,000 meeting-hours in %s at list prices of %s\t\t%s\n", r.Cost.Region, r.Cost.AsOf, dollars(r.Cost.Dollars))
		for _, line := range r.Cost.Lines {
			fmt.Fprintf(w, "%s: %s\t%s %s\t%s\t%.1f %%\n", line.Service, line.Item, quantity(line.Quantity), line.Unit, dollars(line.Dollars), line.Share*100)
		}
	}
	_ = w.Flush() // it writes to what out is, which has nowhere to report to
	for _, name := range slices.Sorted(maps.Keys(r.Errors)) {
		fmt.Fprintf(out, "tried again: %s, %d times\n", name, r.Errors[name])
	}
	for _, sentence := range r.Findings.Sentences {
		fmt.Fprintln(out, "wrong:", sentence)
	}
	for _, note := range r.Notes {
		fmt.Fprintln(out, "note:", note)
	}
}

func printRow(w io.Writer, cells []string) {
	for _, cell := range cells {
		fmt.Fprintf(w, "%s\t", cell)
	}
	fmt.Fprintln(w)
}
