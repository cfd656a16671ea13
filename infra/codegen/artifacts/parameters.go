package artifacts

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"regexp"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/rapport/rapport/shared/core/endpoint"
)

// tables are all of them, in order; those with a stream say so.
func tables() []endpoint.Table {
	return []endpoint.Table{endpoint.Data, endpoint.Log, endpoint.Realtime, endpoint.Control, endpoint.Audit}
}

// socketStage is the stage of the WebSocket API, which every address of it carries.
const socketStage = "ws"

// parameter is what a nested stack may be given, and how the root writes it.
type parameter struct{ Name, Value string }

// parameters are all that nested stacks are given, in the order in which they stand:
// names of what is kept, addresses, functions that are looked at, and the root's own. A stack has those that it
// mentions.
func parameters(root []byte, queues []string, looked []parameter) ([]parameter, error) {
	state := func(name string) parameter { return parameter{name, "!GetAtt StateStack.Outputs." + name} }
	connections := func(name, method string) parameter {
		return parameter{name, "!Sub arn:${AWS::Partition}:execute-api:${AWS::Region}:${AWS::AccountId}:${WsApi}/" + socketStage + "/" + method + "/@connections/*"}
	}
	all := []parameter{{"Stage", "!Ref Stage"}, {"StackName", "!Ref AWS::StackName"}}
	for _, t := range tables() {
		all = append(all, state(string(t)+"Table"), state(string(t)+"TableArn"), state(string(t)+"StreamArn"))
	}
	for _, queue := range queues {
		all = append(all, state(queue+"Arn"), state(queue+"Url"), state(queue+"Name"))
	}
	all = append(all,
		state("BlobsBucket"), state("BlobsArn"),
		parameter{"HttpApiId", "!Ref HttpApi"}, parameter{"WsApiId", "!Ref WsApi"},
		parameter{"WsEndpoint", "!Sub https://${WsApi}.execute-api.${AWS::Region}.${AWS::URLSuffix}/" + socketStage},
		parameter{"WsUrl", `!If [HasWsDomain, !Sub "wss://${WsDomain}", !Sub "wss://${WsApi}.execute-api.${AWS::Region}.${AWS::URLSuffix}/` + socketStage + `"]`},
		connections("ConnectionsArn", "POST"), connections("ConnectionLookupsArn", "GET"), connections("ConnectionEndsArn", "DELETE"),
		state("LogGroup"),
		parameter{"PageTopicArn", "!Ref PageTopic"}, parameter{"TicketTopicArn", "!Ref TicketTopic"},
	)
	all = append(all, looked...)
	var own struct {
		Parameters map[string]yaml.Node `yaml:"Parameters"`
	}
	if err := yaml.Unmarshal(root, &own); err != nil {
		return nil, fmt.Errorf("%s: %w", Template, err)
	}
	for _, name := range slices.Sorted(maps.Keys(own.Parameters)) {
		// A root's DataTable is the table that takes over; the stacks get the one in use.
		if !slices.ContainsFunc(all, func(p parameter) bool { return p.Name == name }) {
			all = append(all, parameter{name, "!Ref " + name})
		}
	}
	return all, nil
}

var mention = regexp.MustCompile(`!Ref ([A-Za-z0-9]+)|\$\{([A-Za-z0-9]+)\}`)

// mentioned are the names that a piece of template refers to, sorted.
func mentioned(text string) []string {
	var all []string
	for _, found := range mention.FindAllStringSubmatch(text, -1) {
		all = append(all, found[1]+found[2])
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// given are, of all parameters, those that a nested stack has.
func given(all []parameter, names []string) []parameter {
	var some []parameter
	for _, p := range all {
		if slices.Contains(names, p.Name) {
			some = append(some, p)
		}
	}
	return some
}

// stackFile is where a nested stack stands.
func stackFile(name string) string { return "infra/stacks/" + name + ".yaml" }

// extras are the sections, written by hand, that a generated stack includes: the
// lines below `Resources:` and so on, by section. Neither is there where the domain
// has no file.
func extras(tree fs.FS, name string) (file string, sections map[string]string, err error) {
	file = "infra/stacks/extra/" + name + ".yaml"
	text, err := fs.ReadFile(tree, file)
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil, nil
	}
	if err != nil {
		return "", nil, err
	}
	sections = map[string]string{}
	current := ""
	for line := range strings.Lines(string(text)) {
		switch {
		case strings.HasPrefix(line, " "), strings.TrimSpace(line) == "":
			if current != "" {
				sections[current] += line
			}
		case strings.HasPrefix(line, "#"):
			// what the file says of itself
		default:
			current = strings.TrimSuffix(strings.TrimSpace(line), ":")
			if !slices.Contains([]string{"Parameters", "Conditions", "Resources", "Outputs"}, current) {
				return "", nil, fmt.Errorf("%s: the section %q has no place in it", file, current)
			}
		}
	}
	for section, lines := range sections {
		sections[section] = strings.Trim(lines, "\n") + "\n"
	}
	return file, sections, nil
}
