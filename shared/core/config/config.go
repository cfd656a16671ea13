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
	cfg, err := env.ParseAsWithOptions[T](env.Options{Environment: e})
	if err == nil {
		return cfg, nil
	}
	var names []string
	if all, ok := errors.AsType[env.AggregateError](err); ok {
		for _, one := range all.Errors {
			names = append(names, describe(one))
		}
	} else {
		names = append(names, describe(err))
	}
	slices.Sort(names)
	return cfg, fmt.Errorf("environment: %s", strings.Join(names, "; "))
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
