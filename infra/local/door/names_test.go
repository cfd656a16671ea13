package door

import (
	"encoding/json"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestActionsOfRequests(t *testing.T) {
	d := &Door{tables: "table/"}
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
		{"named twice", "GetItem", `{"TableName":"A","TableName":"B"}`, []Action{{"dynamodb:GetItem", "table/A"}, {"dynamodb:GetItem", "table/B"}}},
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

// FuzzNames holds the scanner against encoding/json: it never panics, and what
// that finds in a request the scanner finds too.
func FuzzNames(f *testing.F) {
	for _, seed := range []string{
		`{"TableName":"A","Item":{"a":[1,{"b":"\\\""}],"c":null}}`, `{"TransactItems":[{"Put":{"TableName":"A"}}]}`,
		`{"RequestItems":{"A":{}}}`, `{`, `{"TableName"`, `[]`, `{"a":1}x`, `{"x":tru,"TableName":"A"}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		got, ok := namesIn(body)
		var want map[string]json.RawMessage
		if json.Unmarshal(body, &want) != nil || want == nil {
			return
		}
		var table string
		if raw, named := want["TableName"]; named && json.Unmarshal(raw, &table) == nil && string(raw) != "null" {
			if ok && !slices.Contains(got.tables, table) {
				t.Errorf("%q names %q, found %q", body, table, got.tables)
			}
		}
	})
}
