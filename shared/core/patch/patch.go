// Package patch has the type of a field in a PATCH request: absent leaves the stored
// value, null takes it away, a value replaces it (RFC 7396).
package patch

import (
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// Field is a field that may be absent, null or a value. The zero value is absent,
// which JSON leaves out where the field's tag says `omitzero`.
type Field[T any] struct {
	given bool
	value *T
}

// Null is a field that is to be taken away.
func Null[T any]() Field[T] { return Field[T]{given: true} }

// To is a field that is to become a value.
func To[T any](value T) Field[T] { return Field[T]{given: true, value: &value} }

// Given reports whether the request has the field, null or not.
func (f Field[T]) Given() bool { return f.given }

// Value is what the field becomes; false where it is absent or null.
func (f Field[T]) Value() (T, bool) {
	if f.value == nil {
		var none T
		return none, false
	}
	return *f.value, true
}

// Or is what becomes of a value that stands: itself where the field is absent,
// the zero value where it is null.
func (f Field[T]) Or(standing T) T {
	if !f.given {
		return standing
	}
	value, _ := f.Value()
	return value
}

// IsZero reports whether the field is absent.
func (f Field[T]) IsZero() bool { return !f.given }

// Pointer is where the field's value is; nil where it has none. Whoever describes
// or normalises requests finds the type and the value here.
func (f Field[T]) Pointer() any { return f.value }

// MarshalJSONTo implements json.MarshalerTo.
func (f Field[T]) MarshalJSONTo(e *jsontext.Encoder) error { return json.MarshalEncode(e, f.value) }

// UnmarshalJSONFrom implements json.UnmarshalerFrom.
func (f *Field[T]) UnmarshalJSONFrom(d *jsontext.Decoder) error {
	f.given = true
	return json.UnmarshalDecode(d, &f.value)
}
