package template

import (
	"slices"
	"strconv"
)

type valueKind int

const (
	nullValue valueKind = iota
	textValue
	listValue
	mapValue
	// absentValue is AWS::NoValue: its property or list item does not exist.
	absentValue
)

// value is a piece of a template with every intrinsic function evaluated. As in
// CloudFormation, numbers and booleans are their text.
type value struct {
	at     location
	kind   valueKind
	text   string
	list   []value
	fields []field
}

type field struct {
	name string
	value
}

func textOf(at location, text string) value { return value{at: at, kind: textValue, text: text} }

func listOf(at location, texts []string) value {
	v := value{at: at, kind: listValue}
	for i, text := range texts {
		v.list = append(v.list, textOf(at.index(i), text))
	}
	return v
}

func (v value) get(name string) (value, bool) {
	for _, f := range v.fields {
		if f.name == name {
			return f.value, true
		}
	}
	return value{}, false
}

// moved is v as it appears at another place, such as where a parameter is used.
func (v value) moved(at location) value {
	v.at = at
	return v
}

func (v value) asText() (string, error) {
	if v.kind != textValue {
		return "", v.at.errorf("must be a text, not %s", v.kind)
	}
	return v.text, nil
}

func (v value) asInt() (int, error) {
	text, err := v.asText()
	if err != nil {
		return 0, err
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		return 0, v.at.errorf("must be a whole number, not %q", text)
	}
	return n, nil
}

func (v value) asFloat() (float64, error) {
	text, err := v.asText()
	if err != nil {
		return 0, err
	}
	n, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return 0, v.at.errorf("must be a number, not %q", text)
	}
	return n, nil
}

func (v value) asBool() (bool, error) {
	text, err := v.asText()
	if err != nil {
		return false, err
	}
	switch text {
	case "true":
		return true, nil
	case "false":
		return false, nil
	}
	return false, v.at.errorf("must be true or false, not %q", text)
}

func (v value) asTexts() ([]string, error) {
	if v.kind != listValue {
		return nil, v.at.errorf("must be a list, not %s", v.kind)
	}
	texts := make([]string, 0, len(v.list))
	for _, item := range v.list {
		text, err := item.asText()
		if err != nil {
			return nil, err
		}
		texts = append(texts, text)
	}
	return texts, nil
}

// oneOrMore reads what IAM allows as a text or a list of texts.
func (v value) oneOrMore() ([]string, error) {
	if v.kind == textValue {
		return []string{v.text}, nil
	}
	return v.asTexts()
}

func (v value) equal(w value) bool {
	if v.kind != w.kind || v.text != w.text {
		return false
	}
	if !slices.EqualFunc(v.list, w.list, value.equal) {
		return false
	}
	return slices.EqualFunc(v.fields, w.fields, func(a, b field) bool {
		return a.name == b.name && a.equal(b.value)
	})
}

func (k valueKind) String() string {
	return [...]string{"nothing", "a text", "a list", "a mapping", "AWS::NoValue"}[k]
}
