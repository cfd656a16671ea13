package template

import (
	"fmt"
	"path/filepath"
	"strings"
)

// Problem is what a template has that can't be understood, and where.
type Problem struct {
	File string
	// Line is 0 where it isn't known.
	Line int
	// Where is a logical id or section, and the property under it:
	// `FanoutFunction.Properties.Events.Stream`.
	Where  string
	Detail string
}

// Error says file, line, place and problem.
func (p *Problem) Error() string {
	file := filepath.ToSlash(p.File)
	if p.Line > 0 {
		file = fmt.Sprintf("%s:%d", file, p.Line)
	}
	return fmt.Sprintf("%s: %s: %s", file, p.Where, p.Detail)
}

// location is a position in a template: the file and the names that lead to it.
type location struct {
	file string
	line int
	path string
}

// at is the place of a property below this one.
func (p location) at(name string) location {
	if p.path != "" && !strings.HasPrefix(name, "[") {
		name = "." + name
	}
	p.path += name
	return p
}

func (p location) index(i int) location { return p.at(fmt.Sprintf("[%d]", i)) }

func (p location) errorf(format string, args ...any) error {
	return &Problem{File: p.file, Line: p.line, Where: p.path, Detail: fmt.Sprintf(format, args...)}
}
