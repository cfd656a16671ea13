package testkit

import (
	"fmt"
	"strings"
	"testing"

	"github.com/rapport/rapport/shared/core/audit"
	"github.com/rapport/rapport/shared/core/caller"
	"github.com/rapport/rapport/shared/testkit/scene"
)

// Prepare makes everything ready for a function's event in events/, played by this
// person, and gives what a client sends for the event, by these names.
func (p *Person) Prepare(t testing.TB, scenes *scene.Scenes, function string, names scene.Names) scene.Request {
	t.Helper()
	event, err := scenes.Event(function, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := scenes.Prepare(function, event, names, func(_ string, event []byte) ([]byte, error) {
		before, err := scene.RequestOf(event)
		if err != nil {
			return nil, err
		}
		answer := p.Call(t, before.Line, before.Body)
		if answer.Status > 299 {
			return nil, fmt.Errorf("%s: %d %s", before.Line, answer.Status, answer.Body)
		}
		return answer.Body, nil
	}); err != nil {
		t.Fatal(err)
	}
	request, err := scene.RequestOf(names.Replace(event))
	if err != nil {
		t.Fatal(err)
	}
	return request
}

// Denials counts the entries of the audit log that say this person was denied an
// action on a resource or a part of it, such as `meetings/<id>`; empty is any.
func (p *Person) Denials(t testing.TB, action caller.Action, resource string) (n int) {
	t.Helper()
	for _, entry := range p.harness.Stored(t, "Audit") {
		if entry["userId"] != p.ID || entry["action"] != string(action) || entry["result"] != string(audit.Denied) {
			continue
		}
		about, _ := entry["resource"].(string)
		if resource == "" || about == resource || strings.HasPrefix(about, resource+"/") {
			n++
		}
	}
	return n
}
