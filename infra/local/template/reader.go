package template

import (
	"fmt"
	"slices"
	"time"
)

// reader takes the fields of a mapping one by one and, at the end, refuses those
// that nobody asked for. Errors are gathered, so that one run tells them all.
type reader struct {
	v    value
	seen []string
	errs *[]error
}

func read(v value, errs *[]error) *reader {
	r := &reader{v: v, errs: errs}
	if v.kind != mapValue && v.kind != nullValue {
		r.fail(v.at.errorf("must be a mapping, not %s", v.kind))
	}
	return r
}

func (r *reader) fail(err error) { *r.errs = append(*r.errs, err) }

func (r *reader) get(name string) (value, bool) {
	r.seen = append(r.seen, name)
	v, ok := r.v.get(name)
	return v, ok && v.kind != nullValue
}

func (r *reader) need(name string) (value, bool) {
	v, ok := r.get(name)
	if !ok {
		r.fail(r.v.at.errorf("%s is missing", name))
	}
	return v, ok
}

// known names properties that can't change how a function behaves locally.
func (r *reader) known(names ...string) { r.seen = append(r.seen, names...) }

// finish refuses every field that wasn't read or known.
func (r *reader) finish() {
	for _, f := range r.v.fields {
		if !slices.Contains(r.seen, f.name) {
			r.fail(f.at.errorf("this property is not understood"))
		}
	}
}

// field reads one field through one of value's conversions; missing gives the
// fallback.
func fieldOf[T any](r *reader, name string, convert func(value) (T, error), fallback T) T {
	v, ok := r.get(name)
	if !ok {
		return fallback
	}
	got, err := convert(v)
	if err != nil {
		r.fail(err)
		return fallback
	}
	return got
}

func (r *reader) text(name, fallback string) string {
	return fieldOf(r, name, value.asText, fallback)
}

func (r *reader) needText(name string) string {
	if _, ok := r.need(name); !ok {
		return ""
	}
	return r.text(name, "")
}

func (r *reader) texts(name string) []string { return fieldOf(r, name, value.asTexts, nil) }

func (r *reader) number(name string, fallback int) int {
	return fieldOf(r, name, value.asInt, fallback)
}

// within reads a whole number that AWS bounds.
func (r *reader) within(name string, fallback, low, high int) int {
	n := r.number(name, fallback)
	if n != fallback && (n < low || n > high) {
		v, _ := r.v.get(name)
		r.fail(v.at.errorf("must be %d to %d, not %d", low, high, n))
	}
	return n
}

func (r *reader) seconds(name string, fallback, low, high int) time.Duration {
	return time.Duration(r.within(name, fallback, low, high)) * time.Second
}

func (r *reader) flag(name string) bool { return fieldOf(r, name, value.asBool, false) }

// oneOf reads a text that must be one of a few.
func (r *reader) oneOf(name, fallback string, allowed ...string) string {
	text := r.text(name, fallback)
	if text != fallback && !slices.Contains(allowed, text) {
		v, _ := r.v.get(name)
		r.fail(v.at.errorf("%q is not understood; known are %s", text, quoted(allowed)))
	}
	return text
}

// sub reads a field that is a mapping; a missing one reads as empty.
func (r *reader) sub(name string) *reader {
	v, ok := r.get(name)
	if !ok {
		v = value{at: r.v.at.at(name), kind: mapValue}
	}
	return read(v, r.errs)
}

// items are a list field's values.
func (r *reader) items(name string) []value {
	v, ok := r.get(name)
	if !ok {
		return nil
	}
	if v.kind != listValue {
		r.fail(v.at.errorf("must be a list, not %s", v.kind))
		return nil
	}
	return v.list
}

func quoted(names []string) string {
	text := ""
	for i, name := range names {
		if i > 0 {
			text += ", "
		}
		text += fmt.Sprintf("%q", name)
	}
	return text
}
