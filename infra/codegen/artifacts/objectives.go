package artifacts

import (
	"fmt"
	"strings"
)

// objective is a journey as the page has it.
type objective struct {
	Title, Promise, Objective, Fast, Functions string
}

// objectives is the page of what is promised, and who hears when it isn't kept.
func objectives(w watched) (string, error) {
	data := struct {
		Live    []objective
		Waiting string
		Windows []map[string]string
		Signals []signal
	}{Signals: w.Signals}
	var waiting []string
	for _, j := range w.Journeys {
		if len(j.functions) == 0 {
			waiting = append(waiting, j.Title)
			continue
		}
		o := objective{Title: j.Title, Promise: j.Promise, Objective: fmt.Sprintf("%g", j.Objective), Functions: "`" + strings.Join(j.functions, "`, `") + "`"}
		if l := j.Latency; l != nil {
			o.Fast = fmt.Sprintf("%d ms at %s", l.Milliseconds, l.Percentile)
		}
		data.Live = append(data.Live, o)
	}
	data.Waiting = strings.Join(waiting, ", ")
	const month = 30 * 86400
	for _, window := range windows() {
		data.Windows = append(data.Windows, map[string]string{
			"Share": fmt.Sprintf("%.0f%%", 100*window.burn*float64(window.long)/month),
			"Long":  span(window.long), "Short": span(window.short), "Burn": fmt.Sprintf("%g", window.burn), "Severity": window.severity,
		})
	}
	return render("objectives.md.tmpl", data)
}
