package realtime

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/rapport/rapport/shared/core/errs"
)

// maxID bounds the id in a topic's name, in characters.
const maxID = 255

// Topic is the name of something that a socket can subscribe: words and ids in
// turn, such as `meetings/<id>/notes`.
type Topic string

func (t Topic) String() string { return string(t) }

// ID is the id of the resource that the topic is about; empty where there is none.
func (t Topic) ID() string {
	_, rest, _ := strings.Cut(string(t), "/")
	id, _, _ := strings.Cut(rest, "/")
	return id
}

// kind is the topic's last word: what distinguishes measurements.
func (t Topic) kind() string {
	steps := strings.Split(string(t), "/")
	return steps[(len(steps)-1)/2*2]
}

// Pattern is the form of the topics of one kind: words, with `{id}` in the second
// place where it is about a resource, such as `meetings/{id}/notes`.
type Pattern string

// idPlace stands for the id in a pattern.
const idPlace = "{id}"

// Topic is the pattern's topic of a resource.
func (p Pattern) Topic(id string) Topic { return Topic(strings.Replace(string(p), idPlace, id, 1)) }

// Matches reports whether a topic's name has the form.
func (p Pattern) Matches(t Topic) bool {
	before, after, about := strings.Cut(string(p), idPlace)
	if !about {
		return string(t) == string(p)
	}
	rest, begins := strings.CutPrefix(string(t), before)
	id, ends := strings.CutSuffix(rest, after)
	return begins && ends && isID(id)
}

func isID(id string) bool {
	return id != "" && utf8.RuneCountInString(id) <= maxID && !strings.ContainsAny(id, "/#")
}

// TopicType is what the domain that owns the topics of a pattern says of them.
type TopicType struct {
	Pattern Pattern
	// State is true for topics that are sent whole, a later event replacing an
	// earlier one; the others are logs, whose positions have no holes.
	State bool
	// Outlasts is true where subscriptions go on after the end of the resource that
	// the topic is about, such as a meeting's.
	Outlasts bool
}

// Registration is a topic type with who answers for its topics.
type Registration struct {
	TopicType
	Source Source
	// Presence says who may be present; nil where the topics have no presence.
	Presence PresencePolicy
}

// Registry is all topics that can be subscribed, by whatever domain.
type Registry struct{ types []Registration }

// NewRegistry makes the registry; an error where two types have one pattern.
func NewRegistry(types ...Registration) (*Registry, error) {
	seen := map[Pattern]bool{}
	for _, t := range types {
		if seen[t.Pattern] {
			return nil, fmt.Errorf("two domains own the topics %s", t.Pattern)
		}
		seen[t.Pattern] = true
	}
	return &Registry{types: types}, nil
}

// find gives who answers for a topic; VALIDATION_ERROR where nobody does.
func (r *Registry) find(name string) (Topic, Registration, error) {
	topic := Topic(name)
	patterns := make([]string, len(r.types))
	for i, t := range r.types {
		if t.Pattern.Matches(topic) {
			return topic, t, nil
		}
		patterns[i] = strings.ReplaceAll(string(t.Pattern), idPlace, "<id>")
	}
	return "", Registration{}, errs.Invalid("body.topic", "is not a topic: use %s", strings.Join(patterns, ", "))
}
