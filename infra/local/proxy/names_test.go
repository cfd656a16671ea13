package proxy

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestActionsOfRequests(t *testing.T) {
	d := &Proxy{tables: "table/"}
	for _, test := range []struct {
		name, operation, body string
		want                  []Action
	}{
		{"one item", "PutItem", `{"Item":{"TableName":{"S":"Other"}},"TableName":"Data"}`, []Action{{"dynamodb:PutItem", "table/Data"}}},
		{"query", "Query", `{"TableName":"Log"}`, []Action{{"dynamodb:Query", "table/Log"}}},
		{"query of an index", "Query", ` { "IndexName" : "GSI1" , "TableName" : "Log" } `, []Action{{"dynamodb:Query", "table/Log/index/GSI1"}}},
		{"transaction", "TransactWriteItems", `{"ClientRequestToken":"x","TransactItems":[{"Put":{"TableName":"A","Item":{"a":{"L":[{"S":"}]"}]}}}},{"Update":{"TableName":"B"}},{"Delete":{"TableName":"C"}},{"ConditionCheck":{"TableName":"D"}}]}`,
			[]Action{{"dynamodb:PutItem", "table/A"}, {"dynamodb:UpdateItem", "table/B"}, {"dynamodb:DeleteItem", "table/C"}, {"dynamodb:ConditionCheckItem", "table/D"}}},
		{"reading transaction", "TransactGetItems", `{"TransactItems":[{"Get":{"Key":{},"TableName":"A"}}]}`, []Action{{"dynamodb:GetItem", "table/A"}}},
		{"batch", "BatchGetItem", `{"RequestItems":{"A":{"Keys":[{"PK":{"S":"\"\\"}}]},"B":{"Keys":[]}}}`, []Action{{"dynamodb:BatchGetItem", "table/A"}, {"dynamodb:BatchGetItem", "table/B"}}},
		{"writing batch", "BatchWriteItem", `{"RequestItems":{"A":[{"PutRequest":{}}]}}`, []Action{{"dynamodb:BatchWriteItem", "table/A"}}},
		{"by ARN", "GetItem", `{"TableName":"arn:aws:dynamodb:x:1:table/A"}`, []Action{{"dynamodb:GetItem", "arn:aws:dynamodb:x:1:table/A"}}},
		{"named twice", "GetItem", `{"TableName":"A","TableName":"B"}`, []Action{{"dynamodb:GetItem", "*"}}},
		{"another member", "GetItem", `{"tablename":"A","TableName":"B"}`, []Action{{"dynamodb:GetItem", "table/B"}}},
		{"escaped", "GetItem", `{"Table\u004eame":"\u0041"}`, []Action{{"dynamodb:GetItem", "table/A"}}},
		{"no table", "ListTables", `{"Limit":1}`, []Action{{"dynamodb:ListTables", "*"}}},
		{"statement", "ExecuteStatement", `{"Statement":"SELECT * FROM Data"}`, []Action{{"dynamodb:ExecuteStatement", "*"}}},
		{"empty", "GetItem", ``, []Action{{"dynamodb:GetItem", "*"}}},
		{"not JSON", "GetItem", `{"TableName":"A`, []Action{{"dynamodb:GetItem", "*"}}},
		{"other JSON", "GetItem", `{"TableName":7}`, []Action{{"dynamodb:GetItem", "*"}}},
	} {
		if diff := cmp.Diff(test.want, d.actions(test.operation, []byte(test.body))); diff != "" {
			t.Errorf("%s: %s", test.name, diff)
		}
	}
}
