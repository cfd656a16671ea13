package main

import (
	"fmt"
	"slices"
)

// hotSection says how many frames each client of a hot topic saw.
func hotSection(o *outcome) Section {
	s := Section{
		Title: "Frames seen by each client of the hot topic",
		Note:  "Event and head frames for the notes, replays left out; the bound is 50 in any 5 s.",
		Head:  []string{"Clients", "changes a second", "operations a second", "frames a second, median", "highest", "most in 5 s, median", "highest"},
	}
	for _, m := range o.fleet.meetings {
		var rates []float64
		var most []int
		changes := 0
		seconds := 0.0
		for _, p := range m.people {
			p.mu.Lock()
			if w := &p.noteFrames; w.total > 1 {
				seconds = max(seconds, float64(w.times[len(w.times)-1]-w.began)/1e9)
				rates = append(rates, float64(w.total)/(float64(w.times[len(w.times)-1]-w.began)/1e9))
			}
			most = append(most, p.noteFrames.most)
			changes = max(changes, int(p.changes.Position))
			p.mu.Unlock()
		}
		if len(rates) == 0 || seconds == 0 {
			continue
		}
		slices.Sort(rates)
		slices.Sort(most)
		s.Rows = append(s.Rows, []string{
			itoa(int64(len(m.people))), fmt.Sprintf("%.1f", float64(changes)/seconds),
			fmt.Sprintf("%.1f", float64(o.fleet.tally.acked[noteOp].Load())/seconds/float64(len(o.fleet.meetings))),
			fmt.Sprintf("%.1f", rates[len(rates)/2]), fmt.Sprintf("%.1f", rates[len(rates)-1]),
			itoa(int64(most[len(most)/2])), itoa(int64(most[len(most)-1])),
		})
	}
	return s
}
