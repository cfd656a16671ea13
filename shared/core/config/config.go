// Package config turns a function's environment into a struct. A function gets
// its environment through its Open, never from the process, so that many
// functions can live in one process with an environment each.
package config

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/caarlos0/env/v11"
)

// Env is one function's environment: names and values.
type Env map[string]string

// Process is the environment of the running process, which on AWS is the
// function's own.
func Process() Env {
	e := Env{}
	for _, pair := range os.Environ() {
		name, value, _ := strings.Cut(pair, "=")
		e[name] = value
	}
	return e
}

// With is a copy of e with other values for some names.
func (e Env) With(values Env) Env {
	merged := maps.Clone(e)
	if merged == nil {
		merged = Env{}
	}
	maps.Copy(merged, values)
	return merged
}

// Parse reads T's `env` tags (github.com/caarlos0/env). The error names every
// missing or malformed variable together, never a value.
func Parse[T any](e Env) (T, error) {
	r := NewReader(e)
	cfg := Read[T](r)
	return cfg, r.Err()
}

// Reader reads several structs from one environment and remembers what is missing or
// malformed for any of them, so that one error names all of it.
type Reader struct {
	env      Env
	problems []string
}

// NewReader makes a reader of an environment.
func NewReader(e Env) *Reader { return &Reader{env: e} }

// Read reads T's `env` tags.
func Read[T any](r *Reader) T {
	cfg, err := env.ParseAsWithOptions[T](env.Options{Environment: r.env})
	if err == nil {
		return cfg
	}
	if all, ok := errors.AsType[env.AggregateError](err); ok {
		for _, failure := range all.Errors {
			r.problems = append(r.problems, describe(failure))
		}
	} else {
		r.problems = append(r.problems, describe(err))
	}
	return cfg
}

// Variable reads a variable that must be there and not be empty.
func (r *Reader) Variable(name string) string {
	value, ok := r.env[name]
	switch {
	case !ok:
		r.problems = append(r.problems, name+" is missing")
	case value == "":
		r.problems = append(r.problems, name+" is empty")
	}
	return value
}

// Err names every variable that is missing or malformed in what was read so far, never
// a value; nil where none is.
func (r *Reader) Err() error {
	if len(r.problems) == 0 {
		return nil
	}
	slices.Sort(r.problems)
	r.problems = slices.Compact(r.problems)
	return fmt.Errorf("environment: %s", strings.Join(r.problems, "; "))
}

func describe(err error) string {
	if missing, ok := errors.AsType[env.VarIsNotSetError](err); ok {
		return missing.Key + " is missing"
	}
	if empty, ok := errors.AsType[env.EmptyVarError](err); ok {
		return empty.Key + " is empty"
	}
	if parse, ok := errors.AsType[env.ParseError](err); ok {
		return parse.Name + " is malformed"
	}
	return "a variable is malformed"
}
