package main

import (
	"bufio"
	"context"
	"io"
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// scraped are the server's metrics at one moment: name with labels to value,
// without the buckets of histograms.
type scraped map[string]float64

// maxMetrics bounds what is read of /metrics, in bytes.
const maxMetrics = 8 << 20

// scrape reads the server's metrics.
func scrape(ctx context.Context, base string) (scraped, error) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, base+"/metrics", http.NoBody)
	if err != nil {
		return nil, err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	return parseMetrics(io.LimitReader(response.Body, maxMetrics))
}

// parseMetrics reads Prometheus's text format.
func parseMetrics(r io.Reader) (scraped, error) {
	all := scraped{}
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		line := lines.Text()
		if line == "" || line[0] == '#' {
			continue
		}
		cut := strings.LastIndexByte(line, ' ')
		if cut < 0 || strings.Contains(line, "_bucket{") {
			continue
		}
		// A summary of nothing is NaN, which JSON can't say.
		value, err := strconv.ParseFloat(line[cut+1:], 64)
		if err == nil && !math.IsNaN(value) && !math.IsInf(value, 0) {
			all[line[:cut]] = value
		}
	}
	return all, lines.Err()
}

// family is a metric's name without its labels.
func family(series string) string {
	name, _, _ := strings.Cut(series, "{")
	return name
}

// label gives one label of a series; empty where it has none of the name.
func label(series, name string) string {
	_, labels, _ := strings.Cut(series, "{")
	for part := range strings.SplitSeq(strings.TrimSuffix(labels, "}"), ",") {
		if value, ok := strings.CutPrefix(part, name+"="); ok {
			return strings.Trim(value, `"`)
		}
	}
	return ""
}

// sum adds up every series of a family that keep lets through; nil keeps all.
func (s scraped) sum(name string, keep func(series string) bool) float64 {
	total := 0.0
	for series, value := range s {
		if family(series) == name && (keep == nil || keep(series)) {
			total += value
		}
	}
	return total
}

// minus is what was added since an earlier scrape.
func (s scraped) minus(before scraped) scraped {
	d := scraped{}
	for series, value := range s {
		d[series] = value - before[series]
	}
	return d
}
