package faults

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Settings are what FAULTS says. The zero Settings inject nothing.
type Settings struct {
	// Seed makes the same decisions again.
	Seed uint64
	// Rate is how likely a fault is where one may fall, from 0 to 1.
	Rate float64
	// Skew is how far a clock is off at most; 0 stands for MaxSkew. FAULTS doesn't
	// say it.
	Skew time.Duration
}

// String is the text that Parse reads; it is empty for the zero Settings.
func (s Settings) String() string {
	if s.Seed == 0 && s.Rate == 0 {
		return ""
	}
	return fmt.Sprintf("seed=%d,rate=%s", s.Seed, strconv.FormatFloat(s.Rate, 'g', -1, 64))
}

// Parse reads `seed=7,rate=0.02`: both, in any order, without spaces. Empty text
// is the zero Settings.
func Parse(text string) (Settings, error) {
	if text == "" {
		return Settings{}, nil
	}
	var s Settings
	seen := map[string]bool{}
	for part := range strings.SplitSeq(text, ",") {
		name, value, found := strings.Cut(part, "=")
		if !found {
			return Settings{}, fmt.Errorf("%q is not name=value; want seed=7,rate=0.02", part)
		}
		if seen[name] {
			return Settings{}, fmt.Errorf("%s stands twice", name)
		}
		seen[name] = true
		if err := s.set(name, value); err != nil {
			return Settings{}, err
		}
	}
	for _, name := range []string{"seed", "rate"} {
		if !seen[name] {
			return Settings{}, fmt.Errorf("%s is missing; want seed=7,rate=0.02", name)
		}
	}
	return s, nil
}

func (s *Settings) set(name, value string) (err error) {
	switch name {
	case "seed":
		if s.Seed, err = strconv.ParseUint(value, 10, 64); err != nil {
			return fmt.Errorf("seed is %q; want a whole number from 0 to 2^64-1", value)
		}
	case "rate":
		// What isn't a number compares as false, so NaN is refused too.
		if s.Rate, err = strconv.ParseFloat(value, 64); err != nil || !(s.Rate >= 0 && s.Rate <= 1) {
			return fmt.Errorf("rate is %q; want a number from 0 to 1", value)
		}
	default:
		return fmt.Errorf("%q is not known; want seed and rate", name)
	}
	return nil
}
