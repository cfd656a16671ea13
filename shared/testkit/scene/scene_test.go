package scene_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/rapport/rapport/shared/testkit/scene"
)

// tree is a project with these files below events/.
func tree(t *testing.T, files map[string]string) *scene.Scenes {
	t.Helper()
	root := t.TempDir()
	for name, text := range files {
		path := filepath.Join(root, "events", name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	s, err := scene.Load(root)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestPrepare(t *testing.T) {
	t.Parallel()
	s := tree(t, map[string]string{
		"rooms/create.json": `{"body":"{}"}`, "rooms/open.json": `{"path":"/rooms/ROOM-1"}`,
		"chairs/place.json": `{"path":"/rooms/ROOM-1/chairs"}`, "chairs/sit.json": `{"chair":"CHAIR-ROOM-1"}`,
		"rooms/scene.json":  `{"gives":{"create":{"ROOM-1":"roomId"}}}`,
		"chairs/scene.json": `{"gives":{"place":{"CHAIR-ROOM-1":"chairId"}},"before":{"sit":["rooms/open"]},"scenario":[{"runs":"sweep"},{"until":"rooms/close"}]}`,
	})
	event, err := s.Event("chairs/sit", nil)
	if err != nil {
		t.Fatal(err)
	}
	names := scene.Names{}
	var played []string
	err = s.Prepare("chairs/sit", event, names, func(function string, event []byte) ([]byte, error) {
		played = append(played, function+" "+string(event))
		return []byte(`{"roomId":"r9","chairId":"c9"}`), nil
	})
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		`rooms/create {"body":"{}"}`, `chairs/place {"path":"/rooms/r9/chairs"}`, `rooms/open {"path":"/rooms/r9"}`,
	}
	if diff := cmp.Diff(want, played); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if got := string(names.Replace(event)); got != `{"chair":"c9"}` {
		t.Errorf("the event became %s", got)
	}
	if diff := cmp.Diff([]string{"chairs/place", "chairs/sit", "chairs/sweep", "rooms/close", "rooms/create", "rooms/open"}, s.Mentioned()); diff != "" {
		t.Errorf("mentioned (-want +got):\n%s", diff)
	}
}

func TestScenesThatCannotBePlayed(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ scene, answer, want string }{
		"a circle":         {`{"before":{"a":["b"],"b":["a"]}}`, `{}`, "leads back to it"},
		"no event":         {`{"before":{"a":["c"]}}`, `{}`, "event of x/c"},
		"nothing is given": {`{"gives":{"b":{"B-1":"id"}},"before":{"a":["b"]}}`, `{}`, "has no id"},
	} {
		s := tree(t, map[string]string{"x/a.json": `{}`, "x/b.json": `{}`, "x/scene.json": test.scene})
		err := s.Prepare("x/a", []byte(`{}`), scene.Names{}, func(string, []byte) ([]byte, error) { return []byte(test.answer), nil })
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v, want %q", name, err, test.want)
		}
	}
}

func TestRequests(t *testing.T) {
	t.Parallel()
	r, err := scene.RequestOf([]byte(`{"rawPath":"/v1/x","rawQueryString":"a=b","body":"{\"one\":1,\"two\":2}","requestContext":{"http":{"method":"POST"}}}`))
	if err != nil {
		t.Fatal(err)
	}
	r, err = r.With(map[string]json.RawMessage{"one": []byte("null"), "two": []byte(`["$n"]`)}, 7)
	if err != nil || r.Line != "POST /v1/x?a=b" || string(r.Body) != `{"two":[7]}` {
		t.Errorf("%s %s, %v", r.Line, r.Body, err)
	}
	if frame, err := scene.RequestOf([]byte(`{"body":"{}","requestContext":{"connectionId":"c"}}`)); err != nil || frame.Line != "" || string(frame.Body) != "{}" {
		t.Errorf("%+v, %v", frame, err)
	}
	if _, err := scene.RequestOf([]byte(`{"Records":[]}`)); err == nil {
		t.Error("records are a client's request")
	}
}
