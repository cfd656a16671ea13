package template

import "strings"

// kind is what is known of a resource type: whether anything is built from it
// here, and what Ref and GetAtt give for it. Patterns hold {name}, {id} (the
// API's), {arn}, {region} and {account}.
type kind struct {
	// nameProperty holds the physical name, if the template sets it.
	nameProperty string
	arn          string
	ref          string
	attributes   map[string]string
}

const (
	functionType    = "AWS::Serverless::Function"
	httpType        = "AWS::Serverless::HttpApi"
	socketType      = "AWS::Serverless::WebSocketApi"
	applicationType = "AWS::Serverless::Application"
	tableType       = "AWS::DynamoDB::Table"
	queueType       = "AWS::SQS::Queue"
	bucketType      = "AWS::S3::Bucket"
)

// kindOf describes a resource type. The types beyond those that are built
// from change nothing locally.
func kindOf(resourceType string) (kind, bool) {
	arnOnly := map[string]string{"Arn": "{arn}"}
	switch resourceType {
	case functionType:
		return kind{"FunctionName", "arn:aws:lambda:{region}:{account}:function:{name}", "{name}", arnOnly}, true
	case httpType:
		return kind{"", "arn:aws:apigateway:{region}::/apis/{id}", "{id}", map[string]string{
			"ApiId": "{id}", "ApiEndpoint": "https://{host}",
		}}, true
	case socketType:
		return kind{"", "arn:aws:apigateway:{region}::/apis/{id}", "{id}", map[string]string{
			"ApiId": "{id}", "ApiEndpoint": "wss://{host}",
		}}, true
	case applicationType:
		return kind{"", "arn:aws:cloudformation:{region}:{account}:stack/{name}/local", "{arn}", nil}, true
	case tableType:
		return kind{"TableName", "arn:aws:dynamodb:{region}:{account}:table/{name}", "{name}", map[string]string{
			"Arn": "{arn}", "StreamArn": "{arn}/stream/local",
		}}, true
	case queueType:
		return kind{"QueueName", "arn:aws:sqs:{region}:{account}:{name}", "https://sqs.{region}.amazonaws.com/{account}/{name}", map[string]string{
			"Arn": "{arn}", "QueueName": "{name}", "QueueUrl": "https://sqs.{region}.amazonaws.com/{account}/{name}",
		}}, true
	case bucketType:
		return kind{"BucketName", "arn:aws:s3:::{name}", "{name}", arnOnly}, true
	case "AWS::SNS::Topic":
		return kind{"TopicName", "arn:aws:sns:{region}:{account}:{name}", "{arn}", map[string]string{
			"TopicArn": "{arn}", "TopicName": "{name}",
		}}, true
	case "AWS::IAM::Role":
		return kind{"RoleName", "arn:aws:iam::{account}:role/{name}", "{name}", arnOnly}, true
	case "AWS::IAM::ManagedPolicy":
		return kind{"ManagedPolicyName", "arn:aws:iam::{account}:policy/{name}", "{arn}", nil}, true
	case "AWS::Logs::LogGroup":
		return kind{"LogGroupName", "arn:aws:logs:{region}:{account}:log-group:{name}:*", "{name}", arnOnly}, true
	case "AWS::CloudWatch::Alarm", "AWS::CloudWatch::CompositeAlarm":
		return kind{"AlarmName", "arn:aws:cloudwatch:{region}:{account}:alarm:{name}", "{name}", arnOnly}, true
	case "AWS::KMS::Key":
		return kind{"", "arn:aws:kms:{region}:{account}:key/{name}", "{name}", map[string]string{
			"Arn": "{arn}", "KeyId": "{name}",
		}}, true
	case "AWS::SecretsManager::Secret":
		return kind{"Name", "arn:aws:secretsmanager:{region}:{account}:secret:{name}", "{arn}", map[string]string{
			"Id": "{arn}",
		}}, true
	case "AWS::ApiGatewayV2::DomainName":
		return kind{"DomainName", "", "{name}", map[string]string{
			"RegionalDomainName": "{name}", "RegionalHostedZoneId": "{name}",
		}}, true
	case "AWS::CloudWatch::Dashboard":
		return kind{"DashboardName", "", "{name}", nil}, true
	case "AWS::SNS::Subscription", "AWS::SNS::TopicPolicy", "AWS::SQS::QueuePolicy", "AWS::S3::BucketPolicy", "AWS::IAM::Policy",
		"AWS::KMS::Alias", "AWS::Logs::MetricFilter", "AWS::Logs::QueryDefinition",
		"AWS::Logs::ResourcePolicy", "AWS::ApiGateway::Account", "AWS::ApiGatewayV2::ApiMapping", "AWS::Lambda::Permission",
		"AWS::ApplicationInsights::Application", "AWS::ResourceGroups::Group":
		return kind{"", "", "{name}", nil}, true
	}
	return kind{}, false
}

// fill puts a resource's values into a pattern.
func (s *scope) fill(pattern string, k kind, name, logicalID string) string {
	id := apiID(logicalID)
	arn := strings.NewReplacer("{name}", name, "{id}", id, "{region}", s.load.region, "{account}", accountID).Replace(k.arn)
	return strings.NewReplacer("{name}", name, "{id}", id, "{arn}", arn, "{host}", s.load.host(id),
		"{region}", s.load.region, "{account}", accountID).Replace(pattern)
}

// apiID is a stable stand-in for the id that API Gateway draws: lower-case
// letters and digits, as there.
func apiID(logicalID string) string { return strings.ToLower(logicalID) }
