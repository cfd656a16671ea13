package check

import (
	"slices"
	"strings"
)

// functionsAreDeployable holds every function to what a deployment needs, and to the
// log group that outlives it.
func functionsAreDeployable(f *findings, s suite) {
	if kind, _ := s.of("template.yaml").Parameters["Deployment"]["Default"].(string); !strings.HasPrefix(kind, "CodeDeployDefault.LambdaCanary") {
		f.add("template.yaml: where an environment says nothing else, functions are deployed as %q, not as canaries", kind)
	}
	s.each(functionType, func(doc document, id string, r resource) {
		globals := doc.Globals["Function"]
		if r.Metadata["BuildMethod"] != "go1.x" {
			f.add("%s: %s has no Metadata {BuildMethod: go1.x}", doc.File, id)
		}
		if r.Properties["AutoPublishAliasAllProperties"] != "true" {
			f.add("%s: %s lacks AutoPublishAliasAllProperties: a change of its environment alone would not be published", doc.File, id)
		}
		if globals["AutoPublishAlias"] != "live" {
			f.add("%s: %s is published under no alias", doc.File, id)
		}
		if ref(at(globals, "DeploymentPreference", "Type")) != "Deployment" {
			f.add("%s: its functions are not deployed as the environment says", doc.File)
		}
		if ref(at(globals, "LoggingConfig", "LogGroup")) != "LogGroup" || at(globals, "LoggingConfig", "LogFormat") != "JSON" {
			f.add("%s: its functions don't log as JSON to the group that is kept", doc.File)
		}
	})
}

// gateRate is the rate that rolls back: of few calls one failure says nothing. SUM
// leaves out what has no value, as INTERNAL answers have none before the first.
const gateRate = "IF(SUM([died, internal]) >= 3, 100 * SUM([died, internal]) / calls, 0)"

// functionsAreGated holds every function to an alarm on the calls of its new version,
// or on its runs, that rolls its deployment back.
func functionsAreGated(f *findings, s suite) {
	s.each(functionType, func(doc document, id string, r resource) {
		gates := refs(at(r.Properties, "DeploymentPreference", "Alarms"))
		name := strings.TrimSuffix(id, "Function")
		want := name + "Errors"
		switch {
		case triggeredBy(r, "ScheduleV2"):
			want = name + "Failed"
		case triggeredBy(r, "DynamoDB") && !slices.Contains(gates, name+"Age"):
			f.add("%s: a version of %s that gets nowhere is not rolled back", doc.File, id)
		}
		if !slices.Contains(gates, want) {
			f.add("%s: %s does not roll the deployment of %s back", doc.File, want, id)
		}
		for _, gate := range gates {
			if doc.Resources[gate].Type != alarmType {
				f.add("%s: %s waits for %s, which is no alarm", doc.File, id, gate)
			}
		}
		alarm := doc.Resources[name+"Errors"]
		seen := map[string]bool{}
		for _, part := range list(alarm.Properties["Metrics"]) {
			if expression := at(part, "Expression"); expression != nil && expression != gateRate {
				f.add("%s: %sErrors computes %v", doc.File, name, expression)
			}
			stat := at(part, "MetricStat", "Metric")
			metric, _ := at(stat, "MetricName").(string)
			seen[metric] = true
			dimensions := dimensionsOf(at(stat, "Dimensions"))
			switch metric {
			case "Invocations", "Errors":
				if ref(dimensions["FunctionName"]) != id || substituted(dimensions["Resource"]) != "${"+id+"}:live" ||
					attribute(dimensions["ExecutedVersion"]) != id+".Version.Version" {
					f.add("%s: %sErrors does not look at %s of the new version of %s", doc.File, name, metric, id)
				}
			case "InternalAnswers":
				if ref(dimensions["Function"]) != id || attribute(dimensions["Version"]) != id+".Version.Version" {
					f.add("%s: %sErrors does not look at the INTERNAL answers of the new version of %s", doc.File, name, id)
				}
			}
		}
		if want == name+"Errors" && (!seen["Invocations"] || !seen["Errors"] || !seen["InternalAnswers"]) {
			f.add("%s: %sErrors is no rate of calls that died or answered INTERNAL", doc.File, name)
		}
	})
}

// policiesAreWrittenOut finds what the resolved policies would not show: SAM's policy
// templates, managed policies, and wildcards in roles.
func policiesAreWrittenOut(f *findings, s suite) {
	for _, doc := range s {
		for id, r := range doc.Resources {
			if r.Type == functionType {
				for _, policy := range list(r.Properties["Policies"]) {
					if fields(policy)["Statement"] == nil {
						f.add("%s: %s has the policy %v; write its statements out", doc.File, id, policy)
					}
				}
			}
			if r.Type == alarmType {
				continue // the most of all resources, and without policies
			}
			walk(r.Properties, id, func(where string, value any) {
				statement := fields(value)
				if statement["Effect"] == "Deny" {
					return // it grants nothing
				}
				for _, action := range texts(statement["Action"]) {
					if strings.Contains(action, "*") {
						f.add("%s: %s grants %s", doc.File, where, action)
					}
				}
				if statement["Action"] != nil && slices.Contains(texts(statement["Resource"]), "*") {
					f.add("%s: %s grants something on everything", doc.File, where)
				}
			})
		}
	}
}

// eventSourcesLoseNothing holds what functions read to partial failures, bounds, and a
// place for what they give up, of the kind that it is; and schedules to saying how
// often a failed run is tried again.
func eventSourcesLoseNothing(f *findings, s suite) {
	state := s.of("stacks/state.yaml")
	s.each(functionType, func(doc document, id string, r resource) {
		for name, event := range mappings(r.Properties["Events"]) {
			p := fields(event["Properties"])
			reports := slices.Contains(texts(p["FunctionResponseTypes"]), "ReportBatchItemFailures")
			switch event["Type"] {
			case "DynamoDB":
				failure := fields(at(p, "DestinationConfig", "OnFailure"))
				queue, ok := strings.CutSuffix(ref(failure["Destination"]), "Arn")
				if failure["Type"] != "SQS" || !ok || state.Resources[queue].Type != "AWS::SQS::Queue" {
					f.add("%s: what %s gives up of %s goes to no queue: %v", doc.File, id, name, failure)
				}
				if ref(p["Stream"]) != name+"StreamArn" {
					f.add("%s: %s reads %v as the stream of %s", doc.File, id, p["Stream"], name)
				}
				if !reports || p["BisectBatchOnFunctionError"] != "true" {
					f.add("%s: one bad record of %s fails the batch of %s", doc.File, name, id)
				}
			case "SQS":
				if ref(p["Queue"]) != name+"Arn" {
					f.add("%s: %s takes from %v as from %s", doc.File, id, p["Queue"], name)
				}
				if !reports {
					f.add("%s: one bad message of %s fails the batch of %s", doc.File, name, id)
				}
			case "ScheduleV2":
				if r.Properties["EventInvokeConfig"] == nil {
					f.add("%s: %s does not say how often a failed run is tried again", doc.File, id)
				}
			}
		}
	})
}

// triggeredBy reports whether a function has an event of a type.
func triggeredBy(r resource, kind string) bool {
	for _, event := range mappings(r.Properties["Events"]) {
		if event["Type"] == kind {
			return true
		}
	}
	return false
}
