package flags

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/rapport/rapport/shared/core/errs"
)

const (
	// maxText bounds a value of type string, in characters.
	maxText = 4000
	// nameRule says what namePattern takes.
	nameRule = "must begin with a letter or digit and have letters, digits, '.', '_' and '-' alone, at most 100"
)

var namePattern = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$`)

func byKey(a, b Flag) int { return strings.Compare(a.Key, b.Key) }

// problems gathers what is wrong with a flag, by places in the request.
type problems []errs.FieldError

func (p *problems) add(location, format string, args ...any) {
	*p = append(*p, errs.FieldError{Location: location, Detail: fmt.Sprintf(format, args...)})
}

// err is VALIDATION_ERROR where there are problems.
func (p problems) err() error {
	if len(p) == 0 {
		return nil
	}
	return &errs.Error{Kind: errs.Validation, Message: "The request is not valid.", Problems: p}
}

// check holds a flag as a whole against what flags are.
func (f Flag) check() error {
	var found problems
	if len(f.Variants) == 0 || len(f.Variants) > maxVariants {
		found.add("body.variants", "must have 1 to %d variants, has %d", maxVariants, len(f.Variants))
	}
	for _, name := range slices.Sorted(maps.Keys(f.Variants)) {
		at := "body.variants." + clip(name)
		if !namePattern.MatchString(name) {
			found.add(at, "the name %s", nameRule)
		}
		if problem := f.Type.problem(f.Variants[name]); problem != "" {
			found.add(at, "%s", problem)
		}
	}
	if _, ok := f.Variants[f.Default]; !ok {
		found.add("body.default", "is none of the variants")
	}
	for i, rule := range f.Rules {
		f.checkServe(fmt.Sprintf("body.rules[%d].serve", i), rule.Serve, &found)
	}
	if len(found) > maxVariants {
		found = found[:maxVariants]
	}
	return found.err()
}

// checkServe holds what a rule serves against the variants.
func (f Flag) checkServe(at string, serve Serve, found *problems) {
	if serve.Weights == nil {
		if _, ok := f.Variants[serve.Variant]; !ok {
			found.add(at, "is none of the variants")
		}
		return
	}
	sum := 0
	for _, name := range slices.Sorted(maps.Keys(serve.Weights)) {
		weight := serve.Weights[name]
		if _, ok := f.Variants[name]; !ok {
			found.add(at+".weights."+clip(name), "is none of the variants")
		}
		if weight < 0 || weight > total {
			found.add(at+".weights."+clip(name), "must be 0 to %d", total)
			return
		}
		sum += weight
	}
	if sum != total {
		found.add(at+".weights", "must add up to %d, not %d", total, sum)
	}
}

// problem says why a value isn't of the type; empty where it is.
func (t Type) problem(value Value) string {
	kind := jsontext.Value(value).Kind()
	switch t {
	case Boolean:
		if kind != jsontext.KindTrue && kind != jsontext.KindFalse {
			return "must be true or false"
		}
	case String:
		var text string
		if kind != jsontext.KindString || json.Unmarshal(value, &text) != nil {
			return "must be a string"
		}
		if utf8.RuneCountInString(text) > maxText {
			return fmt.Sprintf("must have at most %d characters", maxText)
		}
	case Number:
		var number float64
		if kind != jsontext.KindNumber || json.Unmarshal(value, &number) != nil {
			return "must be a number that 64 bits hold"
		}
	case JSON:
		if kind != jsontext.KindBeginObject && kind != jsontext.KindBeginArray {
			return "must be an object or a list"
		}
	}
	return ""
}

// clip keeps a name that the caller made up from filling the answer.
func clip(name string) string {
	if runes := []rune(name); len(runes) > 64 {
		return string(runes[:64]) + "…"
	}
	return name
}
