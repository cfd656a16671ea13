package check

import "strings"

const (
	// longestStack is the longest name that CloudFormation lets a stack have, and
	// longestStage the parameter Stage's.
	longestStack = 128
	longestStage = 20
)

// names are the properties that name a resource in AWS, by its type, and how long
// the name may be. What isn't named gets a name from CloudFormation, which shortens
// the stack's to fit.
func names() map[string]struct {
	property []string
	longest  int
} {
	type rule = struct {
		property []string
		longest  int
	}
	return map[string]rule{
		functionType:                    {[]string{"FunctionName"}, 64},
		alarmType:                       {[]string{"AlarmName"}, 255},
		compositeID:                     {[]string{"AlarmName"}, 255},
		"AWS::CloudWatch::Dashboard":    {[]string{"DashboardName"}, 255},
		"AWS::Serverless::HttpApi":      {[]string{"DefinitionBody", "info", "title"}, 128},
		"AWS::Serverless::WebSocketApi": {[]string{"Name"}, 128},
		"AWS::IAM::Role":                {[]string{"RoleName"}, 64},
		"AWS::DynamoDB::Table":          {[]string{"TableName"}, 255},
		"AWS::SQS::Queue":               {[]string{"QueueName"}, 80},
		"AWS::S3::Bucket":               {[]string{"BucketName"}, 63},
		"AWS::SNS::Topic":               {[]string{"TopicName"}, 256},
		"AWS::Logs::LogGroup":           {[]string{"LogGroupName"}, 512},
	}
}

// namesFit holds every name that a template gives to its limit, in the stack with the
// longest name there may be; and to carrying the stack's name, so that two stacks in
// one account don't meet.
func namesFit(f *findings, s suite) {
	for kind, rule := range names() {
		s.each(kind, func(doc document, id string, r resource) {
			given := at(r.Properties, rule.property...)
			if given == nil {
				return
			}
			text, _ := given.(string)
			switch {
			case ref(given) != "":
				text = "${" + ref(given) + "}"
			case substituted(given) != "":
				text = substituted(given)
			}
			named := strings.NewReplacer(
				"${AWS::StackName}", strings.Repeat("s", longestStack), "${StackName}", strings.Repeat("s", longestStack), "${Stage}", strings.Repeat("s", longestStage),
			).Replace(text)
			if named == text {
				f.add("%s: %s is called %q in every stack", doc.File, id, text)
			}
			if strings.Contains(named, "${") || len(named) > rule.longest {
				f.add("%s: the name of %s, %q, may be too long: %d characters are taken", doc.File, id, text, rule.longest)
			}
		})
	}
}
