package chart

import (
	"encoding/xml"
	"errors"
	"flag"
	"io"
	"os"
	"slices"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "rewrite the golden files")

func example() Chart {
	return Chart{
		Title: `Delivery & "more"`, XAxis: "seconds", YAxis: "milliseconds",
		Series: []Series{
			{Name: "p50", Points: []Point{{0, 8}, {1, 10}, {2, 12.5}, {5, 9}, {6, 8}}},
			{Name: "p95 <all>", Points: []Point{{0, 80}, {1, 110}, {2, 130}, {5, 90}, {6, 88}}},
		},
		Limits:  []Limit{{Name: "p95 at most 150", Y: 150}, {Name: "far away", Y: 9000}},
		ShadeTo: 1, ShadeName: "ramp", Gap: 2,
	}
}

func TestGolden(t *testing.T) {
	logarithmic := example()
	logarithmic.Log = true
	marked := example()
	marked.From, marked.To, marked.Marks = -1, 10, []Mark{{0, "begin"}, {10, "<end>"}}
	for name, c := range map[string]Chart{"line": example(), "log": logarithmic, "marks": marked, "empty": {Title: "Nothing"}} {
		got := c.SVG() + "\n" + c.Legend() + "\n"
		path := "testdata/" + name + ".golden"
		if *update {
			if err := os.WriteFile(path, []byte(got), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if got != string(want) {
			t.Errorf("%s differs from its golden file (-update rewrites it):\n%s", name, got)
		}
	}
}

func TestIsWellFormed(t *testing.T) {
	decoder := xml.NewDecoder(strings.NewReader(example().SVG()))
	for {
		if _, err := decoder.Token(); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
	}
}

func TestTicks(t *testing.T) {
	for _, tt := range []struct {
		to   float64
		want []float64
	}{
		{0, []float64{0, 1}},
		{1, []float64{0, 0.2, 0.4, 0.6, 0.8, 1}},
		{7, []float64{0, 2, 4, 6, 8}},
		{150, []float64{0, 25, 50, 75, 100, 125, 150}},
		{0.03, []float64{0, 0.005, 0.01, 0.015, 0.02, 0.025, 0.03}},
		{1234, []float64{0, 250, 500, 750, 1000, 1250}},
	} {
		if got := Ticks(tt.to); !slices.Equal(got, tt.want) {
			t.Errorf("up to %v: %v, want %v", tt.to, got, tt.want)
		}
	}
}
