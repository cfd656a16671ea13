package endpoint

import (
	"reflect"

	"github.com/rapport/rapport/shared/core/name"
)

// hasNames reports whether there are names in what a schema describes.
func (s *Schema) hasNames() bool {
	if s.named || s.Items != nil && s.Items.hasNames() {
		return true
	}
	for _, property := range s.Properties {
		if property.hasNames() {
			return true
		}
	}
	return false
}

// normalizeNames replaces the names of a decoded body, which its schema has
// taken, by what is stored of them.
func normalizeNames(v reflect.Value) {
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			normalizeNames(v.Elem())
		}
	case reflect.Slice:
		for i := range v.Len() {
			normalizeNames(v.Index(i))
		}
	case reflect.Struct:
		for i := range v.NumField() {
			switch f := v.Type().Field(i); {
			case f.Tag.Get("name") == "true":
				normalizeName(v.Field(i))
			case f.IsExported(), f.Anonymous:
				normalizeNames(v.Field(i))
			}
		}
	}
}

// normalizeName replaces a name that is a string, a pointer to one, a list of
// them or a patch.Field.
func normalizeName(v reflect.Value) {
	if v.Type().Implements(fieldType) {
		v = reflect.ValueOf(v.Interface().(field).Pointer())
	}
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			normalizeName(v.Elem())
		}
	case reflect.Slice:
		for i := range v.Len() {
			normalizeName(v.Index(i))
		}
	case reflect.String:
		if parsed, err := name.Parse(v.String()); err == nil {
			v.SetString(parsed)
		}
	}
}
