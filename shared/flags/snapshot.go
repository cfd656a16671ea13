package flags

import (
	"fmt"

	"github.com/go-json-experiment/json"
)

// Reason says why somebody gets a variant, in OpenFeature's words.
type Reason string

// The reasons.
const (
	// ReasonStatic is a rule for everybody, ReasonSplit one by weight.
	ReasonStatic Reason = "STATIC"
	ReasonSplit  Reason = "SPLIT"
	// ReasonDefault is that no rule says anything.
	ReasonDefault Reason = "DEFAULT"
	// ReasonDisabled is that the flag is killed.
	ReasonDisabled Reason = "DISABLED"
	// ReasonError is that there is no such flag, or that nothing is known of any.
	ReasonError Reason = "ERROR"
)

// Evaluation is what somebody gets of a flag. The zero value is no variant.
type Evaluation struct {
	Value   Value
	Variant string
	Reason  Reason
	on      bool
}

// Snapshot is all flags at a version. It never changes, and evaluating it neither
// fails nor allocates.
type Snapshot struct {
	version int64
	flags   map[string]*compiled
	killed  map[string]bool
	// unread is true where the flags were never read, and are what is declared for that.
	unread bool
}

// compiled is a flag made ready for evaluation.
type compiled struct {
	client   bool
	fallback Evaluation
	// served is what the flag's rule gives to everybody, split to those in each of
	// its ranges; both are empty where it has no rule.
	served *Evaluation
	split  []Evaluation
	bucketing
}

// compile makes a flag ready. A flag that is stored has been checked, so it is an
// error only where another release has other rules.
func compile(r record) (*compiled, error) {
	f := r.Flag
	if err := f.check(); err != nil {
		return nil, fmt.Errorf("flag %s: %w", f.Key, err)
	}
	c := &compiled{client: f.Client, fallback: f.evaluation(f.Default, ReasonDefault), bucketing: r.Bucketing}
	switch weights := f.weights(); {
	case len(f.Rules) == 0:
	case weights == nil:
		served := f.evaluation(f.Rules[0].Serve.Variant, ReasonStatic)
		c.served = &served
	case r.Bucketing.Algorithm != algorithm:
		return nil, fmt.Errorf("flag %s: bucketing algorithm %d is unknown", f.Key, r.Bucketing.Algorithm)
	default:
		if n := len(c.Ranges); n == 0 || c.Ranges[n-1].Below != total {
			return nil, fmt.Errorf("flag %s: its ranges don't cover all buckets", f.Key)
		}
		for _, r := range c.Ranges {
			c.split = append(c.split, f.evaluation(r.Variant, ReasonSplit))
		}
	}
	return c, nil
}

func (f Flag) evaluation(variant string, reason Reason) Evaluation {
	value := f.Variants[variant]
	return Evaluation{Value: value, Variant: variant, Reason: reason, on: f.Type == Boolean && string(value) == "true"}
}

// compiledDeclarations are the flags as they are declared.
func compiledDeclarations() map[string]*compiled {
	all := map[string]*compiled{}
	for _, f := range Declared() {
		// A declaration that isn't valid is found by a test; its flag is off.
		if c, err := compile(record{Flag: f}); err == nil {
			all[f.Key] = c
		}
	}
	return all
}

// unreadSnapshot is what holds before the flags were ever read.
func unreadSnapshot() *Snapshot {
	s := &Snapshot{flags: compiledDeclarations(), unread: true}
	for _, d := range booleans() {
		variant := variantOff
		if d.unread {
			variant = variantOn
		}
		served := d.flag().evaluation(variant, ReasonError)
		s.flags[d.key].served = &served
	}
	return s
}

// Version counts the changes of all flags.
func (s *Snapshot) Version() int64 { return s.version }

// Evaluate says what a person gets of a flag. It never fails: a flag that doesn't
// exist gives no variant, for ReasonError.
func (s *Snapshot) Evaluate(key, userID string) Evaluation {
	c, ok := s.flags[key]
	if !ok {
		return Evaluation{Reason: ReasonError}
	}
	switch {
	case s.killed[key]:
		killed := c.fallback
		killed.Reason = ReasonDisabled
		return killed
	case c.served != nil:
		return *c.served
	case c.split != nil:
		return c.split[holder(c.Ranges, bucket(c.Salt, userID))]
	}
	return c.fallback
}

// Boolean says whether a declared flag is on for a person.
func (s *Snapshot) Boolean(f BooleanFlag, userID string) bool { return s.Evaluate(f.key, userID).on }

// recordOf reads a stored flag.
func recordOf(i item) (record, error) {
	var r record
	if err := json.Unmarshal([]byte(i.Record), &r); err != nil {
		return record{}, fmt.Errorf("read flag: %w", err)
	}
	r.Flag.Revision = i.Revision
	return r, nil
}

// item is what is stored of a record. The same record gives the same bytes.
func (r record) item() (item, error) {
	text, err := json.Marshal(r, json.Deterministic(true))
	if err != nil {
		return item{}, fmt.Errorf("encode flag %s: %w", r.Flag.Key, err)
	}
	return item{Revision: r.Flag.Revision, Record: string(text)}, nil
}
