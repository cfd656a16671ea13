package template

import "strings"

// policies are a function's own policies as statements: SAM's policy templates
// expanded, policy documents as they stand. The managed policies that SAM gives
// every function for logs and traces grant nothing that is checked locally.
func (s *scope) policies(p *reader) []Statement {
	v, ok := p.get("Policies")
	if !ok {
		return nil
	}
	items := []value{v}
	if v.kind == listValue {
		items = v.list
	}
	var statements []Statement
	for _, item := range items {
		statements = append(statements, s.policy(p, item)...)
	}
	return statements
}

func (s *scope) policy(p *reader, v value) []Statement {
	if v.kind == textValue {
		switch name := v.text[strings.LastIndex(v.text, "/")+1:]; name {
		case "AWSLambdaBasicExecutionRole", "AWSXRayDaemonWriteAccess", "AWSXrayWriteOnlyAccess",
			"AWSLambdaDynamoDBExecutionRole", "CloudWatchLambdaInsightsExecutionRolePolicy":
		default:
			p.fail(v.at.errorf("the managed policy %q is not understood", v.text))
		}
		return nil
	}
	if v.kind != mapValue {
		p.fail(v.at.errorf("must be a policy, not %s", v.kind))
		return nil
	}
	if _, document := v.get("Statement"); document {
		r := read(v, p.errs)
		r.known("Version", "Id")
		statements := r.statements()
		r.finish()
		return statements
	}
	if len(v.fields) != 1 {
		p.fail(v.at.errorf("must be one policy template or a policy document"))
		return nil
	}
	r := read(v.fields[0].value, p.errs)
	statements := s.policyTemplate(v.fields[0].name, r)
	r.finish()
	return statements
}

// policyTemplate expands SAM's policy templates
// (docs.aws.amazon.com, "AWS SAM policy templates").
func (s *scope) policyTemplate(name string, r *reader) []Statement {
	arn := "arn:aws:dynamodb:" + s.load.region + ":" + accountID + ":table/"
	onTable := func(actions ...string) []Statement {
		table := arn + r.needText("TableName")
		return []Statement{allow(actions, table, table+"/index/*")}
	}
	switch name {
	case "DynamoDBCrudPolicy":
		return onTable("dynamodb:GetItem", "dynamodb:DeleteItem", "dynamodb:PutItem", "dynamodb:Scan",
			"dynamodb:Query", "dynamodb:UpdateItem", "dynamodb:BatchWriteItem", "dynamodb:BatchGetItem",
			"dynamodb:DescribeTable", "dynamodb:ConditionCheckItem")
	case "DynamoDBReadPolicy":
		return onTable("dynamodb:GetItem", "dynamodb:Scan", "dynamodb:Query", "dynamodb:BatchGetItem",
			"dynamodb:DescribeTable")
	case "DynamoDBWritePolicy":
		return onTable("dynamodb:PutItem", "dynamodb:UpdateItem", "dynamodb:BatchWriteItem")
	case "SQSSendMessagePolicy":
		return []Statement{allow([]string{"sqs:SendMessage*"},
			"arn:aws:sqs:"+s.load.region+":"+accountID+":"+r.needText("QueueName"))}
	case "AWSSecretsManagerGetSecretValuePolicy":
		return []Statement{allow([]string{"secretsmanager:GetSecretValue"}, r.needText("SecretArn"))}
	}
	r.fail(r.v.at.errorf("the policy template %q is not understood", name))
	r.seen = nil
	for _, f := range r.v.fields {
		r.seen = append(r.seen, f.name)
	}
	return nil
}

func allow(actions []string, resources ...string) Statement {
	return Statement{Effect: "Allow", Action: actions, Resource: resources}
}

// statements reads a policy document's Statement.
func (r *reader) statements() []Statement {
	v, _ := r.get("Statement")
	items := []value{v}
	if v.kind == listValue {
		items = v.list
	}
	statements := make([]Statement, 0, len(items))
	for _, item := range items {
		p := read(item, r.errs)
		st := Statement{
			Sid:       p.text("Sid", ""),
			Effect:    p.oneOf("Effect", "", "Allow", "Deny"),
			Action:    fieldOf(p, "Action", value.oneOrMore, nil),
			NotAction: fieldOf(p, "NotAction", value.oneOrMore, nil),
			Resource:  fieldOf(p, "Resource", value.oneOrMore, nil),
		}
		for _, operator := range p.sub("Condition").v.fields {
			if st.Condition == nil {
				st.Condition = map[string]map[string][]string{}
			}
			st.Condition[operator.name] = map[string][]string{}
			for _, key := range operator.fields {
				values, err := key.oneOrMore()
				if err != nil {
					p.fail(err)
				}
				st.Condition[operator.name][key.name] = values
			}
		}
		p.finish()
		if st.Effect == "" || len(st.Action)+len(st.NotAction) == 0 || len(st.Resource) == 0 {
			p.fail(item.at.errorf("a statement needs Effect, Action and Resource"))
		}
		statements = append(statements, st)
	}
	return statements
}
