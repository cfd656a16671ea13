package streams_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/aws/aws-lambda-go/events"
	"github.com/google/go-cmp/cmp"

	"github.com/rapport/rapport/functions"
	"github.com/rapport/rapport/shared/testkit"
)

type object = map[string]any

// record is a change of an item, as Lambda hands it on.
func record(number, event, table, pk, sk string, image object) object {
	return object{
		"eventID": number, "eventName": event, "eventSource": "aws:dynamodb", "awsRegion": "us-east-1",
		"eventSourceARN": "arn:aws:dynamodb:us-east-1:123456789012:table/" + table + "/stream/x",
		"dynamodb": object{
			"SequenceNumber": number, "ApproximateCreationDateTime": 1764000000,
			"Keys": object{"PK": object{"S": pk}, "SK": object{"S": sk}}, "NewImage": image,
		},
	}
}

// One handler fails at its record, and another's work is done and stays so; the
// record comes again, alone.
func TestOneHandlersFailureIsNoOthers(t *testing.T) {
	t.Parallel()
	h := testkit.New(t, functions.All())
	ada := h.User("ada")
	created := testkit.As[struct{ MeetingID string }](t, ada.Call(t, "POST /v1/meetings", object{"title": "Plan"}))
	ada.Call(t, "POST /v1/meetings/"+created.MeetingID+"/notes/changes", object{
		"baseVersion": 0, "clientId": "c", "clientSeq": 1, "ops": []any{object{"type": "insert", "position": 0, "content": "x"}},
	}).Expect(t, 200)
	unreadable := record("1", "INSERT", "Data", "MEETING#"+created.MeetingID, "PARTICIPANT#"+ada.ID, object{"nameRevision": object{"S": "not a number"}})
	change := record("2", "INSERT", "Log", "LOG#meetings/"+created.MeetingID+"/notes#0", "000000000000001", object{"len": object{"N": "1"}})
	project := func(records ...object) []string {
		t.Helper()
		payload, err := h.Invoke(t.Context(), "streams/project", object{"Records": records})
		if err != nil {
			t.Fatal(err)
		}
		var answer events.DynamoDBEventResponse
		if err := json.Unmarshal(payload, &answer); err != nil {
			t.Fatal(err)
		}
		failed := []string{}
		for _, failure := range answer.BatchItemFailures {
			failed = append(failed, failure.ItemIdentifier)
		}
		return failed
	}
	if diff := cmp.Diff([]string{"1"}, project(unreadable, change)); diff != "" {
		t.Errorf("failed (-want +got):\n%s", diff)
	}
	snapshots := 0
	for key := range h.Stored(t, "Log") {
		if strings.HasSuffix(key, "/BASE") {
			snapshots++
		}
	}
	if snapshots != 1 {
		t.Errorf("%d snapshots, want 1", snapshots)
	}
	h.ChangesNothing(t, func() {
		if diff := cmp.Diff([]string{"1"}, project(unreadable, change)); diff != "" {
			t.Errorf("failed again (-want +got):\n%s", diff)
		}
	})
}
