package artifacts

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// clientNames says what the client calls an operation, where that isn't its
// domain and function: `flags_list` is `flags.list` by itself. A name without a
// dot is a method of the client.
func clientNames() map[string]string {
	return map[string]string{
		"users_get":                 "me",
		"users_update":              "updateMe",
		"meetings_listparticipants": "participants.list",
		"meetings_invite":           "participants.invite",
		"meetings_changerole":       "participants.changeRole",
		"meetings_remove":           "participants.remove",
		"notes_append":              "notes.change",
		"transcripts_append":        "transcript.append",
		"transcripts_list":          "transcript.list",
		"topics_listpresence":       "presence.list",
		"topics_tellpresence":       "presence.tell",
		"users_ticket":              "tickets.create",
		"people_getprofile":         "profile.get",
		"people_updateprofile":      "profile.update",
		"people_listinterests":      "interests.list",
		"people_getinterests":       "interests.mine",
		"people_updateinterests":    "interests.update",
		"people_listconnections":    "connections.list",
		"people_connect":            "connections.create",
		"people_accept":             "connections.accept",
		"people_decline":            "connections.decline",
		"people_disconnect":         "connections.delete",
		"people_listmessages":       "connections.messages",
		"people_postmessage":        "connections.write",
		"people_listblocks":         "blocks.list",
		"people_block":              "blocks.create",
		"people_unblock":            "blocks.delete",
		"people_getnotices":         "notices.get",
		"people_updatenotices":      "notices.update",
	}
}

// method is an operation under its name in the client.
type method struct {
	// group is empty for a method of the client itself.
	group, name string
	operation
}

// methodsOf names the operations that a person's access token opens, in the
// order of their names.
func methodsOf(operations []operation, names map[string]string) ([]method, error) {
	unused := maps.Clone(names)
	byName := map[string]method{}
	for _, op := range operations {
		full := names[op.OperationID]
		if full == "" {
			full = strings.Replace(op.OperationID, "_", ".", 1)
		}
		delete(unused, op.OperationID)
		if len(op.Security) == 0 {
			continue
		}
		m := method{name: full, operation: op}
		if group, name, ok := strings.Cut(full, "."); ok {
			m.group, m.name = group, name
		}
		if other, taken := byName[full]; taken {
			return nil, fmt.Errorf("%s and %s are both called %s", other.OperationID, op.OperationID, full)
		}
		byName[full] = m
	}
	for id := range unused {
		return nil, fmt.Errorf("%s has a name in the client and is no operation", id)
	}
	var methods []method
	for _, full := range slices.Sorted(maps.Keys(byName)) {
		methods = append(methods, byName[full])
	}
	slices.SortStableFunc(methods, func(a, b method) int { return strings.Compare(a.group, b.group) })
	return methods, nil
}

// grouped walks the methods, and opens and closes each group that isn't the
// client itself.
func (w *writer) grouped(methods []method, opening, closing string, each func(method)) {
	group := ""
	for _, m := range methods {
		if m.group != group {
			if group != "" {
				w.close(closing)
			}
			group = m.group
			w.open(fmt.Sprintf(opening, quoted(group)))
		}
		each(m)
	}
	if group != "" {
		w.close(closing)
	}
}

func (w *writer) signatures(methods []method) {
	w.grouped(methods, "readonly %s: {", "};", func(m method) {
		var arguments []string
		for _, p := range m.inPath() {
			arguments = append(arguments, p+": string")
		}
		switch input := m.input(); input {
		case "body":
			arguments = append(arguments, fmt.Sprintf("body: Operations[%q][\"body\"]", m.OperationID))
		case "query":
			arguments = append(arguments, fmt.Sprintf("query?: Operations[%q][\"query\"]", m.OperationID))
		}
		arguments = append(arguments, "options?: Options")
		w.comment(m.Summary)
		w.line(fmt.Sprintf("%s(%s): Promise<Operations[%q][\"answer\"]>;", quoted(m.name), strings.Join(arguments, ", "), m.OperationID))
	})
}

func (w *writer) routes(methods []method) {
	w.grouped(methods, "%s: {", "},", func(m method) {
		w.line(fmt.Sprintf("%s: %q,", quoted(m.name), strings.TrimSpace(m.route+" "+m.input())))
	})
}

// inPath is the names of the path's parameters, in its order.
func (op operation) inPath() []string {
	var names []string
	for _, match := range pathParameter.FindAllStringSubmatch(op.route, -1) {
		names = append(names, match[1])
	}
	return names
}

// input is what a call takes beside the path: "body", "query" or nothing.
func (op operation) input() string {
	if op.RequestBody != nil {
		return "body"
	}
	for _, p := range op.Parameters {
		if p.In == "query" {
			return "query"
		}
	}
	return ""
}
