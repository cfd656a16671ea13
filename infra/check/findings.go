package check

import (
	"fmt"
	"slices"
	"strings"
)

// suite is all templates as they are written, the root first.
type suite []document

// findings gathers what is wrong with templates, in words.
type findings []string

func (f *findings) add(format string, args ...any) { *f = append(*f, fmt.Sprintf(format, args...)) }

// templateFindings is everything that is wrong with the templates, beside what the
// tools of SAM and CloudFormation say of them. TestMutantsAreFound holds it to finding
// what it says.
func templateFindings(s suite) findings {
	var f findings
	for _, look := range []func(*findings, suite){
		functionsAreDeployable, functionsAreGated, policiesAreWrittenOut, eventSourcesLoseNothing,
		alarmsNotify, alarmsWatchWhatTheySay, answersAreCounted, dashboardShowsWhatIsThere,
		routesMayInvoke, browsersMayCall, callsAreLogged, addressesHaveTheirStage, stacksGetWhatTheyAreGiven,
		tablesAreKept, bucketsAreClosed, queuesAreKept, logsAreKept, namesFit,
	} {
		look(&f, s)
	}
	slices.Sort(f)
	return slices.Compact(f)
}

// of gives a template by the end of its file's name; empty where there is none.
func (s suite) of(file string) document {
	for _, doc := range s {
		if strings.HasSuffix(doc.File, file) {
			return doc
		}
	}
	return document{}
}

// each walks the resources of a type.
func (s suite) each(kind string, visit func(doc document, id string, r resource)) {
	for _, doc := range s {
		for id, r := range doc.Resources {
			if r.Type == kind {
				visit(doc, id, r)
			}
		}
	}
}

const (
	functionType = "AWS::Serverless::Function"
	alarmType    = "AWS::CloudWatch::Alarm"
	compositeID  = "AWS::CloudWatch::CompositeAlarm"
	stackType    = "AWS::Serverless::Application"
)

// ref is the logical id of a `!Ref`, or empty.
func ref(value any) string { return tagged(value, "!Ref") }

// attribute is `Id.Attribute` of a `!GetAtt`, or empty.
func attribute(value any) string { return tagged(value, "!GetAtt") }

// substituted is the text of a `!Sub`, or empty.
func substituted(value any) string { return tagged(value, "!Sub") }

func tagged(value any, tag string) string {
	fields, _ := value.(map[string]any)
	text, _ := fields[tag].(string)
	return text
}

// fields is a mapping, or nil.
func fields(value any) map[string]any {
	m, _ := value.(map[string]any)
	return m
}

// list is a sequence, or nil.
func list(value any) []any {
	l, _ := value.([]any)
	return l
}

// at goes down a mapping by names.
func at(value any, names ...string) any {
	for _, name := range names {
		value = fields(value)[name]
	}
	return value
}
