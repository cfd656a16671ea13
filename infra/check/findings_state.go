package check

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// kept gives what a resource that must outlive its stack lacks. It may go when the
// stack that made it never came up.
func kept(r resource) bool {
	return r.DeletionPolicy == "RetainExceptOnCreate" && r.UpdateReplacePolicy == "Retain"
}

// tablesAreKept holds every table to backups, encryption, TTL, protection from deletion
// and survival of its stack, and to giving way to one that was restored.
func tablesAreKept(f *findings, s suite) {
	var tables []string
	s.each("AWS::DynamoDB::Table", func(doc document, id string, r resource) {
		tables = append(tables, id)
		if !kept(r) || r.Properties["DeletionProtectionEnabled"] != "true" {
			f.add("%s: %s would go with its stack", doc.File, id)
		}
		for property, want := range map[string]string{
			"TimeToLiveSpecification": "ttl", "PointInTimeRecoverySpecification": "true", "SSESpecification": "true",
		} {
			if !slices.Contains(slices.Collect(maps.Values(fields(r.Properties[property]))), any(want)) {
				f.add("%s: %s has no %s", doc.File, id, property)
			}
		}
		for output, own := range map[string]string{"Table": "!Ref:" + id, "TableArn": "!GetAtt:" + id + ".Arn", "StreamArn": "!GetAtt:" + id + ".StreamArn"} {
			value := at(doc.Outputs[id+output], "Value")
			if output == "StreamArn" && r.Properties["StreamSpecification"] == nil {
				continue
			}
			choice := list(at(value, "!If"))
			other := id + output
			if output == "TableArn" {
				other = id + "Table"
			}
			if len(choice) != 3 || choice[0] != "Owns"+id || !strings.Contains(fmt.Sprint(choice[1]), own) || !strings.Contains(fmt.Sprint(choice[2]), other) {
				f.add("%s: a table that was restored can't take over as %s%s", doc.File, id, output)
			}
		}
	})
	slices.Sort(tables)
	if want := []string{"Audit", "Control", "Data", "Log", "Realtime"}; !slices.Equal(tables, want) {
		f.add("tables %s, want %s", tables, want)
	}
	for _, doc := range s {
		for id, r := range doc.Resources {
			if r.Type == stackType && strings.HasSuffix(fmt.Sprint(r.Properties["Location"]), "state.yaml") && (r.DeletionPolicy != "Retain" || r.UpdateReplacePolicy != "Retain") {
				f.add("%s: %s would go with its parent", doc.File, id)
			}
		}
	}
}

// bucketsAreClosed holds every bucket to encryption, to being nobody's but its
// functions', to TLS, to a life for what was left unfinished, and to surviving its
// stack.
func bucketsAreClosed(f *findings, s suite) {
	buckets := 0
	s.each("AWS::S3::Bucket", func(doc document, id string, r resource) {
		buckets++
		if !kept(r) {
			f.add("%s: %s would go with its stack", doc.File, id)
		}
		block := fields(r.Properties["PublicAccessBlockConfiguration"])
		for _, what := range []string{"BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls", "RestrictPublicBuckets"} {
			if block[what] != "true" {
				f.add("%s: %s lacks %s", doc.File, id, what)
			}
		}
		for property, want := range map[string]string{
			"BucketEncryption": "SSEAlgorithm", "LifecycleConfiguration": "AbortIncompleteMultipartUpload", "OwnershipControls": "BucketOwnerEnforced",
		} {
			if !strings.Contains(fmt.Sprint(r.Properties[property]), want) {
				f.add("%s: %s has no %s with %s", doc.File, id, property, want)
			}
		}
		if !slices.ContainsFunc(slices.Collect(maps.Values(doc.Resources)), func(policy resource) bool {
			text := fmt.Sprint(policy.Properties["PolicyDocument"])
			return policy.Type == "AWS::S3::BucketPolicy" && slices.Contains(refs(policy.Properties["Bucket"]), id) &&
				strings.Contains(text, "Effect:Deny") && strings.Contains(text, "aws:SecureTransport:false")
		}) {
			f.add("%s: %s takes requests without TLS", doc.File, id)
		}
	})
	if buckets != 1 {
		f.add("%d buckets, want one", buckets)
	}
}

// queuesAreKept holds queues to encryption and to surviving their stack, and those of
// dead letters to the longest life.
func queuesAreKept(f *findings, s suite) {
	s.each("AWS::SQS::Queue", func(doc document, id string, r resource) {
		if r.Properties["SqsManagedSseEnabled"] != "true" {
			f.add("%s: %s is not encrypted", doc.File, id)
		}
		if !kept(r) {
			f.add("%s: %s would go with its stack", doc.File, id)
		}
		dead := strings.HasSuffix(id, "Dlq")
		if dead && r.Properties["MessageRetentionPeriod"] != "1209600" {
			f.add("%s: the dead letters of %s are kept for %v seconds", doc.File, id, r.Properties["MessageRetentionPeriod"])
		}
		if !dead && attribute(at(r.Properties["RedrivePolicy"], "deadLetterTargetArn")) != id+"Dlq.Arn" {
			f.add("%s: what %s gives up is lost", doc.File, id)
		}
	})
}

// logsAreKept holds the log groups to being there, to an end of what lies in them, and
// to surviving their stack.
func logsAreKept(f *findings, s suite) {
	state := s.of("stacks/state.yaml")
	s.each("AWS::Logs::LogGroup", func(doc document, id string, r resource) {
		if !kept(r) || r.Properties["RetentionInDays"] == nil {
			f.add("%s: %s goes with its stack, or never ends", doc.File, id)
		}
	})
	if group := ref(at(state.Outputs["LogGroup"], "Value")); state.Resources[group].Type != "AWS::Logs::LogGroup" {
		f.add("%s: functions log to %q, which is no log group", state.File, group)
	}
	for _, output := range []string{"AccessLogsArn", "SocketAccessLogsArn"} {
		if group, _, _ := strings.Cut(attribute(at(state.Outputs[output], "Value")), "."); state.Resources[group].Type != "AWS::Logs::LogGroup" {
			f.add("%s: an access log goes to %q, which is no log group", state.File, group)
		}
	}
}
