// Package chart draws line charts as SVG that stands alone in a page: no
// script, no external resource, colours from the page's own variables
// (--chart-1 to --chart-6, --text, --muted, --grid, --limit, --shade).
package chart

import (
	"fmt"
	"html"
	"math"
	"slices"
	"strconv"
	"strings"
)

// Colours is how many series can be told apart.
const Colours = 6

// Point is one value.
type Point struct{ X, Y float64 }

// Series is a named line. Points are ascending in X; a gap of more than
// Chart.Gap breaks the line.
type Series struct {
	Name   string
	Points []Point
}

// Limit is a horizontal line that the series are held against.
type Limit struct {
	Name string
	Y    float64
}

// Chart is one chart.
type Chart struct {
	Title, XAxis, YAxis string
	Series              []Series
	Limits              []Limit
	// ShadeTo shades everything left of an X, such as a ramp; 0 shades nothing.
	ShadeTo   float64
	ShadeName string
	// Gap breaks a line where two points lie further apart; 0 never.
	Gap float64
	// Log draws Y in powers of ten.
	Log bool
	// From and To bound X where they differ; else the points do.
	From, To float64
	// Marks name places on the X axis; without them it has round numbers.
	Marks []Mark
}

// Mark is a named place on an axis.
type Mark struct {
	At   float64
	Name string
}

// The drawing's measures, in its own units.
const (
	width, height           = 720.0, 300.0
	left, right, top, below = 58.0, 14.0, 14.0, 46.0
)

// plane maps values to places.
type plane struct {
	x0, x1, y0, y1 float64
	log            bool
}

func (p plane) x(v float64) float64 {
	return left + (v-p.x0)/(p.x1-p.x0)*(width-left-right)
}

func (p plane) y(v float64) float64 {
	a, b := p.y0, p.y1
	if p.log {
		v, a, b = math.Log10(max(v, p.y0)), math.Log10(a), math.Log10(b)
	}
	return height - below - (v-a)/(b-a)*(height-top-below)
}

// SVG draws the chart; an empty one says so.
func (c Chart) SVG() string {
	var b strings.Builder
	fmt.Fprintf(&b, `<svg class="chart" viewBox="0 0 %s %s" role="img" aria-label="%s">`, num(width), num(height), html.EscapeString(c.Title))
	p, ok := c.plane()
	if !ok {
		fmt.Fprintf(&b, `<text class="muted" x="%s" y="%s" text-anchor="middle">nothing was measured</text></svg>`, num(width/2), num(height/2))
		return b.String()
	}
	c.shade(&b, p)
	c.axes(&b, p)
	for _, l := range c.Limits {
		if l.Y > p.y1 {
			continue
		}
		fmt.Fprintf(&b, `<line class="limit" x1="%s" x2="%s" y1="%s" y2="%[3]s"/>`, num(left), num(width-right), num(p.y(l.Y)))
		fmt.Fprintf(&b, `<text class="limit-name" x="%s" y="%s" text-anchor="end">%s</text>`, num(width-right-4), num(p.y(l.Y)-4), html.EscapeString(l.Name))
	}
	for i, s := range c.Series {
		if d := c.path(s.Points, p); d != "" {
			fmt.Fprintf(&b, `<path class="line c%d" d="%s"><title>%s</title></path>`, i%Colours+1, d, html.EscapeString(s.Name))
		}
	}
	b.WriteString("</svg>")
	return b.String()
}

// Legend names the series, as HTML, with the newest or highest value of each
// where they are given.
func (c Chart) Legend() string {
	var b strings.Builder
	b.WriteString(`<ul class="legend">`)
	for i, s := range c.Series {
		fmt.Fprintf(&b, `<li><span class="key c%d"></span>%s</li>`, i%Colours+1, html.EscapeString(s.Name))
	}
	b.WriteString("</ul>")
	return b.String()
}

// plane finds the bounds; not ok where there are no two different X.
func (c Chart) plane() (p plane, ok bool) {
	p = plane{x0: math.Inf(1), x1: math.Inf(-1), log: c.Log}
	lowest := math.Inf(1)
	for _, s := range c.Series {
		for _, point := range s.Points {
			p.x0, p.x1 = min(p.x0, point.X), max(p.x1, point.X)
			p.y1 = max(p.y1, point.Y)
			if point.Y > 0 {
				lowest = min(lowest, point.Y)
			}
		}
	}
	if p.x1 <= p.x0 {
		return p, false
	}
	if c.From < c.To {
		p.x0, p.x1 = c.From, c.To
	}
	for _, l := range c.Limits {
		// A limit far above everything would flatten the lines.
		if l.Y <= 3*p.y1 {
			p.y1 = max(p.y1, l.Y*1.05)
		}
	}
	if p.y1 <= 0 {
		p.y1 = 1
	}
	if c.Log {
		p.y0 = math.Pow(10, math.Floor(math.Log10(min(lowest, p.y1))))
		p.y1 = math.Pow(10, math.Ceil(math.Log10(p.y1*1.0001)))
		return p, true
	}
	ticks := Ticks(p.y1)
	p.y1 = ticks[len(ticks)-1]
	return p, true
}

func (c Chart) shade(b *strings.Builder, p plane) {
	if c.ShadeTo <= p.x0 {
		return
	}
	end := min(p.x(c.ShadeTo), width-right)
	fmt.Fprintf(b, `<rect class="shade" x="%s" y="%s" width="%s" height="%s"/>`, num(left), num(top), num(end-left), num(height-top-below))
	fmt.Fprintf(b, `<text class="muted" x="%s" y="%s">%s</text>`, num(left+6), num(top+14), html.EscapeString(c.ShadeName))
}

func (c Chart) axes(b *strings.Builder, p plane) {
	for _, tick := range c.yTicks(p) {
		y := num(p.y(tick))
		fmt.Fprintf(b, `<line class="grid" x1="%s" x2="%s" y1="%s" y2="%[3]s"/>`, num(left), num(width-right), y)
		fmt.Fprintf(b, `<text class="tick" x="%s" y="%s" dy="4" text-anchor="end">%s</text>`, num(left-8), y, Short(tick))
	}
	for _, mark := range c.marks(p) {
		fmt.Fprintf(b, `<text class="tick" x="%s" y="%s" text-anchor="middle">%s</text>`, num(p.x(mark.At)), num(height-below+18), html.EscapeString(mark.Name))
	}
	fmt.Fprintf(b, `<line class="axis" x1="%s" x2="%s" y1="%s" y2="%[3]s"/>`, num(left), num(width-right), num(height-below))
	fmt.Fprintf(b, `<text class="name" x="%s" y="%s" text-anchor="middle">%s</text>`, num((left+width-right)/2), num(height-8), html.EscapeString(c.XAxis))
	middle := (top + height - below) / 2
	fmt.Fprintf(b, `<text class="name" x="14" y="%s" text-anchor="middle" transform="rotate(-90 14 %[1]s)">%s</text>`, num(middle), html.EscapeString(c.YAxis))
}

// marks are those of the X axis.
func (c Chart) marks(p plane) []Mark {
	if c.Marks != nil {
		return c.Marks
	}
	step := Ticks(p.x1 - p.x0)[1]
	var marks []Mark
	for n := math.Ceil(p.x0 / step); n*step <= p.x1; n++ {
		marks = append(marks, Mark{n * step, Short(math.Round(n*step*1e6) / 1e6)})
	}
	return marks
}

func (c Chart) yTicks(p plane) []float64 {
	if !c.Log {
		return Ticks(p.y1)
	}
	var ticks []float64
	for t := p.y0; t <= p.y1*1.0001; t *= 10 {
		ticks = append(ticks, t)
	}
	return ticks
}

// path draws a line with a tenth of a unit's precision.
func (c Chart) path(points []Point, p plane) string {
	var b strings.Builder
	for i, point := range points {
		command := "L"
		if i == 0 || (c.Gap > 0 && point.X-points[i-1].X > c.Gap) {
			command = "M"
		}
		b.WriteString(command + num(p.x(point.X)) + " " + num(p.y(point.Y)))
	}
	return b.String()
}

// Ticks are four to seven round values from 0 to at least a value.
func Ticks(to float64) []float64 {
	if to <= 0 {
		return []float64{0, 1}
	}
	step := math.Pow(10, math.Floor(math.Log10(to)))
	for _, m := range []float64{0.1, 0.2, 0.25, 0.5, 1, 2} {
		if to/(step*m) <= 6 {
			step *= m
			break
		}
	}
	ticks := []float64{0}
	for n := 1.0; ticks[len(ticks)-1] < to*0.9999; n++ {
		ticks = append(ticks, math.Round(n*step*1e9)/1e9)
	}
	return slices.Clip(ticks)
}

// Short writes a number for an axis.
func Short(v float64) string {
	switch a := math.Abs(v); {
	case a >= 1e9:
		return trim(v/1e9) + "G"
	case a >= 1e6:
		return trim(v/1e6) + "M"
	case a >= 1e4:
		return trim(v/1e3) + "k"
	}
	return trim(v)
}

func trim(v float64) string { return strconv.FormatFloat(v, 'f', -1, 64) }

// num writes a place.
func num(v float64) string { return strconv.FormatFloat(math.Round(v*10)/10, 'f', -1, 64) }
