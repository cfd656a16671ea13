package main

import (
	"context"
	"net/http"
	"strconv"
	"time"
)

// query is one kind of read.
type query struct {
	name string
	// share is its part of all queries.
	share float64
	path  func(p *person) string
}

// queryMix is what clients read over HTTP, by their shares: what a person opens
// when joining late or coming back.
func queryMix() []query {
	return []query{
		{"notes", 0.4, func(p *person) string { return "/v1/meetings/" + p.meeting.id + "/notes" }},
		{"transcript", 0.3, func(p *person) string {
			p.mu.Lock()
			from := max(0, p.chunks.Position-50)
			p.mu.Unlock()
			return "/v1/meetings/" + p.meeting.id + "/transcript?limit=50&from=" + strconv.FormatInt(from, 10)
		}},
		{"meeting", 0.2, func(p *person) string { return "/v1/meetings/" + p.meeting.id }},
		{"meetings", 0.1, func(*person) string { return "/v1/meetings?limit=20" }},
	}
}

// choose picks a kind of query; without transcripts, their part goes to notes.
func choose(dice float64, transcripts bool) query {
	mix := queryMix()
	for _, q := range mix {
		if dice -= q.share; dice < 0 {
			if q.name == "transcript" && !transcripts {
				break
			}
			return q
		}
	}
	return mix[0]
}

// query reads once; nothing is tried again, so that every failure shows.
func (p *person) query(ctx context.Context, q query, due time.Time, measured bool) {
	t := p.fleet.tally
	err := p.client.Do(ctx, http.MethodGet, q.path(p), nil, nil)
	if ctx.Err() != nil {
		return
	}
	if err != nil {
		t.refused[queryOp].Add(1)
		t.fail("query "+q.name, err)
		return
	}
	t.acked[queryOp].Add(1)
	t.queries[q.name].add(since(due, time.Now()), measured)
}
