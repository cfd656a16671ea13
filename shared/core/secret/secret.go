// Package secret gives a function the values of its secrets while it runs. They are
// read where they are kept, by the functions alone that need them, and stand in no
// environment and no template.
//
// A value is read when it is first needed, and again five minutes later. While a
// secret rotates two values are valid: the current one, and for an hour the one before
// it. Where none that is known is accepted, the secret is read once more at once,
// because it may have rotated since; that is bounded, so that whoever makes it happen,
// with forged signatures, doesn't make us ask at each of them.
//
// Values are never logged, and no error has one.
package secret

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/rapport/rapport/shared/core/clock"
)

const (
	// Life bounds how long a value is used without being read again.
	Life = 5 * time.Minute
	// Overlap is how long after a rotation the value before it stays valid.
	Overlap = time.Hour
	// RefreshInterval is the least time between two reads that refused values cause.
	RefreshInterval = 10 * time.Second
	// localPrefix begins the values that everybody's laptop has.
	localPrefix = "local-"
)

// ErrNotFound says that there is no such secret.
var ErrNotFound = errors.New("there is no such secret")

// Store is where secrets are kept.
type Store interface {
	// Read gives the versions of a secret under its name. They may be of different
	// moments, but the value that was current before the call is one of them.
	Read(ctx context.Context, name string) (Versions, error)
}

// Versions are the values of a secret around its last rotation.
type Versions struct {
	Current Version
	// Previous was current before; nil where there was no rotation.
	Previous *Version
}

// Version is one value of a secret. It shows its value to nobody who prints it.
type Version struct {
	Value     string
	CreatedAt time.Time
}

// Format implements fmt.Formatter.
func (Version) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte("[secret]")) }

// LogValue implements slog.LogValuer.
func (Version) LogValue() slog.Value { return slog.StringValue("[secret]") }

// valid are the values that are valid at a time, the current one first.
func (v Versions) valid(now time.Time) []string {
	values := []string{v.Current.Value}
	if v.Previous == nil || v.Previous.Value == v.Current.Value {
		return values
	}
	// Where a rotation was taken back, the previous value is the newer one.
	rotated := v.Current.CreatedAt
	if v.Previous.CreatedAt.After(rotated) {
		rotated = v.Previous.CreatedAt
	}
	if now.Before(rotated.Add(Overlap)) {
		values = append(values, v.Previous.Value)
	}
	return values
}

// Secret is one secret. It is safe for concurrent use; calls that have to read it wait
// for each other.
type Secret struct {
	store Store
	name  string
	clock clock.Clock
	// deployed refuses the values of laptops.
	deployed bool

	mu        sync.Mutex
	known     reading
	refreshes *rate.Limiter
}

// reading is what one read gave. The zero reading was never read.
type reading struct {
	Versions
	at time.Time
}

// New gives the secret of a name. A deployed one whose value is a laptop's, which
// everybody knows, can't be read.
func New(store Store, name string, c clock.Clock, deployed bool) *Secret {
	return &Secret{store: store, name: name, clock: c, deployed: deployed, refreshes: rate.NewLimiter(rate.Every(RefreshInterval), 1)}
}

// Try hands accept the values that are valid, the current one first, until it accepts
// one, and tells whether it did. Where it accepts none, the secret is read again, and
// values that are new are tried. An error of accept's ends that, and is the answer. An
// error is also that the secret can't be read: then nobody knows whether a value would
// have been accepted.
func (s *Secret) Try(ctx context.Context, accept func(value string) (bool, error)) (bool, error) {
	known, err := s.read(ctx)
	if err != nil {
		return false, err
	}
	tried := known.valid(s.clock.Now())
	if accepted, err := try(tried, accept); accepted || err != nil {
		return accepted, err
	}
	if known, err = s.refresh(ctx, known); err != nil {
		return false, err
	}
	return try(slices.DeleteFunc(known.valid(s.clock.Now()), func(value string) bool { return slices.Contains(tried, value) }), accept)
}

func try(values []string, accept func(value string) (bool, error)) (bool, error) {
	for _, value := range values {
		if accepted, err := accept(value); accepted || err != nil {
			return accepted, err
		}
	}
	return false, nil
}

// read gives what is known, if it isn't too old.
func (s *Secret) read(ctx context.Context) (reading, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.known.at.IsZero() && s.clock.Now().Sub(s.known.at) < Life {
		return s.known, nil
	}
	return s.fetch(ctx)
}

// refresh gives something newer than was seen; the same, where it was asked for too
// often.
func (s *Secret) refresh(ctx context.Context, seen reading) (reading, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.known.at.After(seen.at) {
		return s.known, nil // another call has read it meanwhile
	}
	if !s.refreshes.AllowN(s.clock.Now(), 1) {
		return seen, nil
	}
	return s.fetch(ctx)
}

func (s *Secret) fetch(ctx context.Context) (reading, error) {
	at := s.clock.Now()
	versions, err := s.store.Read(ctx, s.name)
	if err != nil {
		return reading{}, fmt.Errorf("read secret %s: %w", s.name, err)
	}
	if err := s.usable(versions.Current.Value); err != nil {
		return reading{}, fmt.Errorf("read secret %s: %w", s.name, err)
	}
	if versions.Previous != nil && s.usable(versions.Previous.Value) != nil {
		versions.Previous = nil
	}
	s.known = reading{versions, at}
	return s.known, nil
}

// usable says why a value proves nothing: anybody could sign with it.
func (s *Secret) usable(value string) error {
	switch {
	case value == "":
		return errors.New("its value is empty, or not a text")
	case s.deployed && strings.HasPrefix(value, localPrefix):
		return errors.New("it holds a laptop's value, which everybody knows")
	}
	return nil
}
