package main

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// The drawing's measures, in its own units; the page stretches it.
const (
	chartWidth  = 600.0
	chartHeight = 120.0
	// chartGap breaks a line where nothing was measured for so many seconds.
	chartGap = 5.0
)

// chart is lines over the run's seconds, drawn as the console draws its own: the
// upper edge is a round number that stands beside it, and the legend says all
// else. The page's template has the SVG, with colours and dashes for five lines.
type chart struct {
	Title, Note string
	// Top is the value of the upper edge, and End the second of the right one.
	Top, End float64
	Unit     string
	Lines    []chartLine
	Limits   []chartLimit
	// Ramp is where measuring began, from the left.
	Ramp float64
}

// chartLine is one line. Highest is its highest value.
type chartLine struct {
	Name, Path string
	Highest    float64
}

// chartLimit is a value that lines are held against, at Y from above.
type chartLimit struct {
	Name     string
	Value, Y float64
}

// point is what was measured at a second of the run.
type point struct{ second, value float64 }

// series are points under a name, in order.
type series struct {
	name   string
	points []point
}

// drawn makes a chart of series; false where nothing ever happened.
func drawn(c chart, lines []series, limits []chartLimit) (chart, bool) {
	for _, s := range lines {
		for _, p := range s.points {
			c.Top = max(c.Top, p.value)
		}
	}
	if c.Top <= 0 || c.End <= 0 {
		return c, false
	}
	for _, l := range limits {
		// A limit far above everything would flatten the lines.
		if l.Value <= 3*c.Top {
			c.Limits = append(c.Limits, l)
		}
	}
	for _, l := range c.Limits {
		c.Top = max(c.Top, l.Value)
	}
	c.Top = niceAbove(c.Top)
	c.Ramp = math.Round(c.Ramp / c.End * chartWidth)
	for i, l := range c.Limits {
		c.Limits[i].Y = c.y(l.Value)
	}
	for _, s := range lines {
		if len(s.points) > 0 {
			c.Lines = append(c.Lines, c.line(s))
		}
	}
	return c, true
}

func (c chart) line(s series) chartLine {
	line := chartLine{Name: s.name}
	var path strings.Builder
	for i, p := range s.points {
		command := "L"
		if i == 0 || p.second-s.points[i-1].second > chartGap {
			command = "M"
		}
		fmt.Fprintf(&path, "%s%.1f %.1f", command, p.second/c.End*chartWidth, c.y(p.value))
		line.Highest = max(line.Highest, p.value)
	}
	line.Path = path.String()
	return line
}

func (c chart) y(value float64) float64 { return chartHeight * (1 - value/c.Top) }

// Label is what a screen reader says.
func (c chart) Label() string {
	said := make([]string, len(c.Lines))
	for i, l := range c.Lines {
		said[i] = l.Name + " at most " + figure(l.Highest)
	}
	return fmt.Sprintf("%s in %s over %s seconds: %s.", c.Title, c.Unit, figure(c.End), strings.Join(said, ", "))
}

// niceAbove is the next of 1, 2, 5, 10, 20 … at or above a value.
func niceAbove(value float64) float64 {
	unit := math.Pow(10, math.Floor(math.Log10(value)))
	for _, step := range []float64{1, 2, 5} {
		if step*unit >= value*(1-1e-9) {
			return step * unit
		}
	}
	return 10 * unit
}

// figure writes a number with three digits that mean something.
func figure(value float64) string {
	if value >= 100 {
		return count(int64(math.Round(value)))
	}
	return strconv.FormatFloat(value, 'g', 3, 64)
}
