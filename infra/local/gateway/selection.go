package gateway

import (
	"encoding/json"
	"fmt"
	"strings"
)

// SocketRoute leads frames to a function: Key is `$connect`, `$disconnect`,
// `$default` or what the route selection expression finds in a frame.
type SocketRoute struct {
	Key    string
	Folder string
}

// defaultSelection is the usual route selection expression.
const defaultSelection = "$request.body.action"

// selection chooses the route of a frame.
type selection struct {
	path    []string
	folders map[string]string
}

func newSelection(expression string, list []SocketRoute) (selection, error) {
	if expression == "" {
		expression = defaultSelection
	}
	path, ok := strings.CutPrefix(expression, "$request.body.")
	if !ok || path == "" || strings.ContainsAny(path, "[]{}* ") {
		return selection{}, fmt.Errorf("route selection expression %q is not understood: want %s", expression, defaultSelection)
	}
	s := selection{path: strings.Split(path, "."), folders: map[string]string{}}
	for _, route := range list {
		if _, again := s.folders[route.Key]; again {
			return selection{}, fmt.Errorf("route %s: declared twice", route.Key)
		}
		s.folders[route.Key] = route.Folder
	}
	return s, nil
}

// choose gives the route of a frame: the one whose key stands in it, else
// $default. As on AWS a client may name `$connect` and gets that route's
// function, with an event of type MESSAGE. No folder means that there is no
// route.
func (s selection) choose(frame string) SocketRoute {
	if key, ok := s.key(frame); ok {
		if folder, known := s.folders[key]; known {
			return SocketRoute{Key: key, Folder: folder}
		}
	}
	return SocketRoute{Key: defaultRoute, Folder: s.folders[defaultRoute]}
}

func (s selection) key(frame string) (string, bool) {
	value := json.RawMessage(frame)
	for _, name := range s.path {
		var object map[string]json.RawMessage
		if json.Unmarshal(value, &object) != nil {
			return "", false
		}
		var found bool
		if value, found = object[name]; !found {
			return "", false
		}
	}
	var key string
	err := json.Unmarshal(value, &key)
	return key, err == nil
}
