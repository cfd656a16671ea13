package artifacts

import (
	"bytes"
	"fmt"
)

// region is a part of template.yaml that is generated, between two comments:
//
//	# codegen: routes begin.
//	# codegen: routes end.
type region struct {
	name  string
	lines []string
}

// replace gives the template with the regions' lines, indented as their last mark is.
func replace(text []byte, regions []region) ([]byte, error) {
	for _, r := range regions {
		before, after, err := split(text, r.name)
		if err != nil {
			return nil, err
		}
		indent := after[:len(after)-len(bytes.TrimLeft(after, " "))]
		var out bytes.Buffer
		out.Write(before)
		for _, line := range r.lines {
			if line != "" {
				out.Write(indent)
			}
			out.WriteString(line + "\n")
		}
		out.Write(after)
		text = out.Bytes()
	}
	return text, nil
}

// split cuts the template after the line of a region's first mark and before that of
// its last.
func split(text []byte, name string) (before, after []byte, err error) {
	beginMark, endMark := "# codegen: "+name+" begin.", "# codegen: "+name+" end."
	begin := bytes.Index(text, []byte(beginMark))
	end := bytes.Index(text, []byte(endMark))
	if begin < 0 || end < begin {
		return nil, nil, fmt.Errorf("the lines %q and %q must stand in it, in this order", beginMark, endMark)
	}
	begin += bytes.IndexByte(text[begin:], '\n') + 1
	end = bytes.LastIndexByte(text[:end], '\n') + 1
	return text[:begin], text[end:], nil
}

// stackLines are the nested stacks: what outlives deployments, the domains, the alarms.
func stackLines(domains []domain, state, alarms []parameter) []string {
	lines := nested("StateStack", stackFile(stateName), state, "  DeletionPolicy: Retain", "  UpdateReplacePolicy: Retain")
	for _, d := range domains {
		lines = append(lines, "")
		lines = append(lines, nested(d.ID+"Stack", d.File(), d.Parameters)...)
	}
	lines = append(lines, "")
	return append(lines, nested("AlarmsStack", stackFile(alarmsName), alarms)...)
}

func nested(id, location string, given []parameter, attributes ...string) []string {
	lines := append([]string{id + ":", "  Type: AWS::Serverless::Application"}, attributes...)
	lines = append(lines, "  Properties:", "    Location: "+location, "    Parameters:")
	for _, p := range given {
		lines = append(lines, "      "+p.Name+": "+p.Value)
	}
	return lines
}

// socketLines are the routes of the WebSocket API.
func socketLines(domains []domain) []string {
	var lines []string
	for _, d := range domains {
		for _, f := range d.Functions {
			if f.Trigger == "socket" {
				lines = append(lines, f.Route+": {FunctionArn: !GetAtt "+d.ID+"Stack.Outputs."+f.ID+"Arn}")
			}
		}
	}
	return lines
}
