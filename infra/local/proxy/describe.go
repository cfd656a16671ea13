package proxy

import (
	"net/http"
	"strings"
)

// describe reads from a request which function calls, and what it asks for.
func (p *Proxy) describe(c *Call, r *http.Request) {
	c.Service = Tables
	c.header = r.Header
	c.Key = accessKey(r.Header.Get("Authorization"))
	c.Function = p.signers[c.Key]
	_, c.Operation, _ = strings.Cut(r.Header.Get("X-Amz-Target"), ".")
	c.Actions = p.actions(c.Operation, c.Body)
}

// accessKey finds the key in `AWS4-HMAC-SHA256 Credential=KEY/20260101/…`.
func accessKey(authorization string) string {
	_, rest, ok := strings.Cut(authorization, "Credential=")
	if !ok {
		return ""
	}
	key, _, ok := strings.Cut(rest, "/")
	if !ok {
		return ""
	}
	return key
}

// actions are the IAM actions that a request needs, each with its resource
// (docs.aws.amazon.com/service-authorization, Amazon DynamoDB): a transaction
// needs those of its items. What can't be recognised, a statement of PartiQL among it,
// is on `*`, which only a policy of everything allows.
func (p *Proxy) actions(operation string, body []byte) []Action {
	named, ok := namesIn(body)
	if !ok {
		return []Action{{"dynamodb:" + operation, "*"}}
	}
	index := ""
	if named.IndexName != "" {
		index = "/index/" + named.IndexName
	}
	var all []Action
	named.each(func(kind, table string) {
		if kind == "" {
			all = append(all, Action{"dynamodb:" + operation, p.arn(table) + index})
		} else {
			all = append(all, Action{itemAction(kind), p.arn(table)})
		}
	})
	return all
}

func itemAction(kind string) string {
	switch kind {
	case "Put", "Update", "Delete", "Get":
		return "dynamodb:" + kind + "Item"
	case "ConditionCheck":
		return "dynamodb:ConditionCheckItem"
	}
	return "dynamodb:" + kind
}

// arn is a table's, which a request may name by it.
func (p *Proxy) arn(table string) string {
	if strings.HasPrefix(table, "arn:") {
		return table
	}
	return p.tables + table
}
