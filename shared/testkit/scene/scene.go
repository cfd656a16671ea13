// Package scene reads events/: an event for every function, and in scene.json of
// each domain what its events need and how its functions are tried. Whoever plays
// them (make invoke, the permission matrix, the check of grants) learns of a new
// domain from that domain's folder alone.
//
// Events speak of people, meetings and the like by ids that stand for real ones,
// as `01K0ABCDEFGHJKMNPQRSTVWXYZ` for a meeting. A domain says which of its
// functions' answers give the real ones; people sockets and what is fresh are for
// those who play an event to name.
package scene

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
)

// The ids of events that no function's answer gives: two people, an open socket, and
// what the caller of a function names and nothing may have been named before.
const (
	Ada    = "user_01K0ADA00000000000000000"
	Grace  = "user_01K0GRACE0000000000000000"
	Socket = "NfYzAcQ5oAMCJpg="
	Fresh  = "01K0FRESH00000000000000000"
)

// Operator is the local person who operates the suite; OperatorClaims are what their
// tokens say otherwise than anybody else's, null that it isn't said.
const Operator = "root"

// OperatorClaims are those of an operator on a laptop.
func OperatorClaims() map[string]json.RawMessage {
	return map[string]json.RawMessage{"role": json.RawMessage(`"admin"`), "org_id": json.RawMessage("null")}
}

// File is a domain's file beside its events.
const File = "scene.json"

// Scenes are all domains' events.
type Scenes struct {
	events  fs.FS
	domains map[string]Domain
	// givers are the functions that give what an id stands for.
	givers map[string]giver
}

type giver struct{ function, field string }

// Domain is what a domain's scene.json says. A function is named by its folder,
// that of another domain as `meetings/start`.
type Domain struct {
	// Gives names, for a function, ids of events and the fields of its answer that
	// they stand for.
	Gives map[string]map[string]string `json:"gives"`
	// Before lists, for a function, those that must have had their events before.
	Before map[string][]string `json:"before"`
	// Scenario tries the domain's functions, well and wrongly, so that each does
	// all that its policy is for.
	Scenario []Step `json:"scenario"`
}

// Step is one step of a scenario. Which members are set decides its kind.
type Step struct {
	// As is the person who does the step; empty is a caller without a token.
	As string `json:"as,omitempty"`
	// Do names the function whose event is sent, With the members of its body or
	// frame that are others (null takes one away). In With, "$n" is the number of
	// the time, from 1.
	Do   string                     `json:"do,omitempty"`
	With map[string]json.RawMessage `json:"with,omitempty"`
	// Times has it done so often at once, with whatever answers.
	Times int `json:"times,omitempty"`
	// Status or Type is what comes back, over HTTP or over the socket.
	Status int    `json:"status,omitempty"`
	Type   string `json:"type,omitempty"`
	// Hears waits for a frame of a type that nobody asked for.
	Hears string `json:"hears,omitempty"`
	// Leaves cuts all sockets of a person.
	Leaves bool `json:"leaves,omitempty"`
	// Revokes ends all sessions of a person.
	Revokes string `json:"revokes,omitempty"`
	// Runs has a function with a schedule run now.
	Runs string `json:"runs,omitempty"`
	// Until waits for a function to do one of these actions by itself, On the table
	// of this name where the function does them on several.
	Until   string   `json:"until,omitempty"`
	Actions []string `json:"actions,omitempty"`
	On      string   `json:"on,omitempty"`
}

// Load reads the folder events of the tree.
func Load(root string) (*Scenes, error) {
	s := &Scenes{events: os.DirFS(path.Join(root, "events")), domains: map[string]Domain{}, givers: map[string]giver{}}
	files, err := fs.Glob(s.events, "*/"+File)
	if err != nil {
		return nil, fmt.Errorf("scenes: %w", err)
	}
	for _, file := range files {
		if err := s.load(path.Dir(file), file); err != nil {
			return nil, fmt.Errorf("events/%s: %w", file, err)
		}
	}
	return s, nil
}

func (s *Scenes) load(name, file string) error {
	text, err := fs.ReadFile(s.events, file)
	if err != nil {
		return err
	}
	var d Domain
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&d); err != nil {
		return err
	}
	for function, ids := range d.Gives {
		for id, field := range ids {
			if other, twice := s.givers[id]; twice {
				return fmt.Errorf("%s is given by %s already", id, other.function)
			}
			s.givers[id] = giver{inDomain(name, function), field}
		}
	}
	for i := range d.Scenario {
		step := &d.Scenario[i]
		step.Do, step.Runs, step.Until = inDomain(name, step.Do), inDomain(name, step.Runs), inDomain(name, step.Until)
	}
	s.domains[name] = d
	return nil
}

func inDomain(domain, function string) string {
	if function == "" || strings.Contains(function, "/") {
		return function
	}
	return domain + "/" + function
}

// Mentioned lists, sorted, the functions that scenes speak of.
func (s *Scenes) Mentioned() []string {
	var all []string
	for _, by := range s.givers {
		all = append(all, by.function)
	}
	for name, d := range s.domains {
		for function, before := range d.Before {
			all = append(all, inDomain(name, function))
			for _, other := range before {
				all = append(all, inDomain(name, other))
			}
		}
		for _, step := range d.Scenario {
			all = append(all, step.Do, step.Runs, step.Until)
		}
	}
	slices.Sort(all)
	return slices.DeleteFunc(slices.Compact(all), func(name string) bool { return name == "" })
}

// Scenario is a domain's.
func (s *Scenes) Scenario(domain string) []Step { return s.domains[domain].Scenario }

// Names are what ids of events stand for.
type Names map[string]string

// Replace puts real ids in the place of those that are known.
func (n Names) Replace(text []byte) []byte {
	ids := make([]string, 0, len(n))
	for id := range n {
		ids = append(ids, id)
	}
	// An id may be a part of another.
	slices.SortFunc(ids, func(a, b string) int { return len(b) - len(a) })
	var pairs []string
	for _, id := range ids {
		pairs = append(pairs, id, n[id])
	}
	return []byte(strings.NewReplacer(pairs...).Replace(string(text)))
}

// Event is a function's event, with these names.
func (s *Scenes) Event(function string, names Names) ([]byte, error) {
	text, err := fs.ReadFile(s.events, function+".json")
	if err != nil {
		return nil, fmt.Errorf("event of %s: %w", function, err)
	}
	if !json.Valid(text) {
		return nil, fmt.Errorf("events/%s.json is not JSON", function)
	}
	return names.Replace(text), nil
}

// Play gives a function an event, and the JSON body of its answer.
type Play func(function string, event []byte) ([]byte, error)

// Prepare plays what comes before an event of a function: the events of the functions
// that give the ids in it, for ids without a name yet, and those that its domain lists
// under `before`; and recursively what comes before each of these.
func (s *Scenes) Prepare(function string, event []byte, names Names, play Play) error {
	return s.prepare([]string{function}, event, names, play)
}

// prepare knows the functions that led here, the last one's event among them.
func (s *Scenes) prepare(way []string, event []byte, names Names, play Play) error {
	function := way[len(way)-1]
	for _, id := range s.spokenOf(event) {
		by := s.givers[id].function
		if _, known := names[id]; known || by == function {
			continue
		}
		if err := s.playFirst(append(way, by), names, play); err != nil {
			return err
		}
	}
	domain, name, _ := strings.Cut(function, "/")
	for _, other := range s.domains[domain].Before[name] {
		if err := s.playFirst(append(way, inDomain(domain, other)), names, play); err != nil {
			return err
		}
	}
	return nil
}

// playFirst plays the event of a way's last function.
func (s *Scenes) playFirst(way []string, names Names, play Play) error {
	function := way[len(way)-1]
	if slices.Contains(way[:len(way)-1], function) {
		return fmt.Errorf("what comes before %s leads back to it: %v", function, way)
	}
	event, err := s.Event(function, nil)
	if err != nil {
		return err
	}
	if err := s.prepare(way, event, names, play); err != nil {
		return err
	}
	answer, err := play(function, names.Replace(event))
	if err != nil {
		return fmt.Errorf("%s, before %s: %w", function, way[len(way)-2], err)
	}
	return s.Learn(function, answer, names)
}

// spokenOf lists the ids in an event that functions give, the longest first.
func (s *Scenes) spokenOf(event []byte) []string {
	ids := make([]string, 0, len(s.givers))
	for id := range s.givers {
		ids = append(ids, id)
	}
	slices.SortFunc(ids, func(a, b string) int { return len(b) - len(a) })
	var found []string
	for _, id := range ids {
		if rest := bytes.ReplaceAll(event, []byte(id), nil); len(rest) < len(event) {
			found, event = append(found, id), rest
		}
	}
	return found
}

// Learn names what a function's answer gives.
func (s *Scenes) Learn(function string, answer []byte, names Names) error {
	for id, by := range s.givers {
		if by.function != function {
			continue
		}
		var fields map[string]any
		if err := json.Unmarshal(answer, &fields); err != nil {
			return fmt.Errorf("the answer of %s: %w: %s", function, err, answer)
		}
		name, ok := fields[by.field].(string)
		if !ok {
			return fmt.Errorf("the answer of %s has no %s: %s", function, by.field, answer)
		}
		names[id] = name
	}
	return nil
}

// String is a step in a line, for who reads a failure.
func (s Step) String() string {
	// What was read from JSON can be written.
	text, _ := json.Marshal(s)
	return string(text)
}
