// Package flags decides at run time what is on, for whom, in which variant.
//
// A flag has typed variants, a default among them, and rules that say which variant
// whom is served: one for everybody, or several by weight, in parts of 10,000. Who
// falls into which part follows from the flag's salt and the person's id alone (see
// bucketing), so it is the same everywhere and every time. `kill` serves the default
// to everybody, whatever the rules say: so the default of a flag in front of a part
// of Rapport is off.
//
// Flags that code asks for are declared in code, with type, default and rules
// (declared.go); until somebody changes one, the declaration holds. Operators change
// flags; each change gives a reason, carries the revision that was read, raises the
// version that all flags have together, and stays in the flag's history for good. A
// deleted flag is gone, or as it is declared; its revisions go on.
//
// Functions read flags from a Reader's snapshot in memory, which they don't trust
// for long. Evaluating never fails.
package flags

import (
	"encoding/json"
	"maps"
	"time"
)

const (
	// MaxFlags is how many flags there are at most, beside those that are declared.
	MaxFlags = 1000
	// maxVariants and maxFlag bound one flag; the latter in bytes, as JSON.
	maxVariants = 20
	maxFlag     = 32 << 10
	// total is what weights add up to.
	total = 10_000
)

// Type is what the values of a flag's variants are.
type Type string

// The types.
const (
	Boolean Type = "boolean"
	String  Type = "string"
	Number  Type = "number"
	JSON    Type = "json"
)

// Value is a variant's value, as JSON.
type Value = json.RawMessage

// Flag is a flag as it is answered.
type Flag struct {
	Key      string           `json:"key"`
	Type     Type             `json:"type" enum:"boolean,string,number,json"`
	Variants map[string]Value `json:"variants" doc:"Each variant's value, of the flag's type."`
	Default  string           `json:"default" doc:"The variant where no rule says otherwise, and for everybody while the flag is killed."`
	Rules    []Rule           `json:"rules" doc:"At most one, for everybody."`
	Client   bool             `json:"client" doc:"True where clients see it by GET /v1/flags."`
	Kill     bool             `json:"kill" doc:"True where everybody gets the default, whatever the rules say."`
	// Owner is who answers for the flag.
	Owner       string `json:"owner"`
	Description string `json:"description"`
	// Revision is 0 for a declared flag that nobody has changed yet.
	Revision int64 `json:"revision"`
}

// Rule says what people get for whom its conditions hold: everybody, where there are
// none.
type Rule struct {
	If    []Condition `json:"if" maxItems:"0" doc:"Empty: the rule holds for everybody."`
	Serve Serve       `json:"serve" doc:"A variant, or several by weight in parts of 10,000."`
}

// Condition is what a rule asks of a person. There are none yet.
type Condition struct{}

// Serve is one variant, or several by weight.
type Serve struct {
	Variant string
	Weights map[string]int
}

// Weighted is the form of a Serve with weights.
type Weighted struct {
	Weights map[string]int `json:"weights"`
}

// Alternatives are the forms that JSON has of it.
func (Serve) Alternatives() []any { return []any{"", Weighted{}} }

// MarshalJSON implements json.Marshaler.
func (s Serve) MarshalJSON() ([]byte, error) {
	if s.Weights == nil {
		return json.Marshal(s.Variant)
	}
	return json.Marshal(Weighted{s.Weights})
}

// UnmarshalJSON implements json.Unmarshaler.
func (s *Serve) UnmarshalJSON(text []byte) error {
	if len(text) > 0 && text[0] == '"' {
		return json.Unmarshal(text, &s.Variant)
	}
	var w Weighted
	err := json.Unmarshal(text, &w)
	s.Weights = w.Weights
	return err
}

// state is what all flags have in common, in one small item: reading it tells
// whether anything has changed, and what is killed.
type state struct {
	// Version counts the changes of all flags.
	Version int64 `json:"version"`
	// Killed are the keys of flags with a kill, Count is how many flags are stored.
	Killed    []string  `json:"killed,omitempty"`
	Count     int       `json:"count"`
	UpdatedAt time.Time `json:"updatedAt"`
	// Due, Tat and Group pace the topic.
	Due   int64 `json:"due,omitempty"`
	Tat   int64 `json:"tat,omitempty"`
	Group int64 `json:"group,omitempty"`
}

// item is a flag as stored. A deleted flag's item stays, so that its revisions go on.
type item struct {
	Revision int64 `json:"revision"`
	Deleted  bool  `json:"deleted,omitempty"`
	// Record is the flag as JSON, for its variants hold any JSON.
	Record string `json:"record"`
}

// record is a flag with how its weights fall on people.
type record struct {
	Flag      Flag      `json:"flag"`
	Bucketing bucketing `json:"bucketing"`
}

// copied is a flag that can be changed without changing this one.
func (f Flag) copied() Flag {
	f.Variants, f.Rules = maps.Clone(f.Variants), append([]Rule{}, f.Rules...)
	return f
}

// weights are those of the flag's rule; nil where it has none.
func (f Flag) weights() map[string]int {
	if len(f.Rules) == 0 {
		return nil
	}
	return f.Rules[0].Serve.Weights
}
