package check

import (
	"encoding/json"
	"slices"
	"testing"

	"github.com/rapport/rapport/functions/composition"
	"github.com/rapport/rapport/infra/local/streams"
	"github.com/rapport/rapport/infra/local/template"
	"github.com/rapport/rapport/shared/core/config"
	"github.com/rapport/rapport/shared/core/endpoint"
	"github.com/rapport/rapport/shared/core/projection"
	"github.com/rapport/rapport/shared/core/table"
)

// TestProjectIsGivenWhatItsHandlersHandle holds the filters of streams/project
// against its handlers: each record that a handler handles passes, and what none
// of them handles stays out as far as keys and names tell. Every handler handles
// some record here: a new one adds its own.
func TestProjectIsGivenWhatItsHandlersHandle(t *testing.T) {
	const meeting, log = "MEETING#m", "LOG#meetings/m/"
	stack, err := loadStack(root(t))
	if err != nil {
		t.Fatalf("templates:\n%v", err)
	}
	project, _ := stack.Function("streams/project")
	handlers := projections(t, project)
	tests := []struct {
		name, table, pk, sk string
		// handled are the events at which some handler has something to do, passed
		// those that the filters can't tell from them.
		handled, passed []table.Event
	}{
		{name: "a user", table: "Data", pk: "USER#u", sk: "PROFILE", handled: []table.Event{table.Insert, table.Modify}},
		{name: "another item of a user", table: "Data", pk: "USER#u", sk: "SETTINGS"},
		{name: "a person's interests", table: "Data", pk: "PERSON#u", sk: "INTERESTS", handled: []table.Event{table.Insert, table.Modify, table.Remove}},
		{name: "a person's profile", table: "Data", pk: "PERSON#u", sk: "PROFILE"},
		{name: "a meeting", table: "Data", pk: meeting, sk: "MEETING"},
		{name: "a participant", table: "Data", pk: meeting, sk: "PARTICIPANT#u", handled: []table.Event{table.Insert, table.Modify}},
		{name: "flags", table: "Data", pk: "FLAGS", sk: "FLAGS"},
		{name: "a change of notes", table: "Log", pk: log + "notes#0", sk: "000000000000001", handled: []table.Event{table.Insert}},
		{name: "a chunk of a transcript", table: "Log", pk: log + "transcript#0", sk: "000000000000001", passed: []table.Event{table.Insert}},
		{name: "the base of a log", table: "Log", pk: log + "notes", sk: "BASE"},
		{name: "a chunk of a snapshot", table: "Log", pk: log + "notes", sk: "SNAPSHOT#1#0"},
	}
	busy := map[string]bool{}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			for _, name := range []table.Event{table.Insert, table.Modify, table.Remove} {
				event := map[string]any{
					"eventName": string(name), "eventSourceARN": "arn:aws:dynamodb:us-east-1:123456789012:table/" + tt.table + "/stream/x",
					"dynamodb": map[string]any{
						"SequenceNumber": "1", "ApproximateCreationDateTime": 1764000000,
						"Keys": map[string]any{"PK": map[string]any{"S": tt.pk}, "SK": map[string]any{"S": tt.sk}},
					},
				}
				record := recordOf(t, event)
				handled := false
				for _, h := range handlers {
					if h.Handles(record) {
						handled, busy[h.Name()] = true, true
					}
				}
				if want := slices.Contains(tt.handled, name); handled != want {
					t.Errorf("%s is handled: %v, want %v", name, handled, want)
				}
				want := handled || slices.Contains(tt.passed, name)
				if passes := passesOf(t, project, tt.table, event); passes != want {
					t.Errorf("%s passes the filters on %s: %v, want %v", name, tt.table, passes, want)
				}
			}
		})
	}
	for _, h := range handlers {
		if !busy[h.Name()] {
			t.Errorf("%s handles no record of this test: add one", h.Name())
		}
	}
}

// projections opens the function's handlers with its own environment, of which
// only telling what they handle is asked.
func projections(t *testing.T, f template.Function) []projection.Handler {
	t.Helper()
	d := composition.New(config.Env(f.Env).With(config.Env{
		"AWS_REGION": "us-east-1", "AWS_ACCESS_KEY_ID": "nobody", "AWS_SECRET_ACCESS_KEY": "nothing",
	}), endpoint.Overrides{})
	handlers := d.Projections()
	if err := d.Env.Err(); err != nil {
		t.Fatal(err)
	}
	return handlers
}

func passesOf(t *testing.T, f template.Function, tableName string, event map[string]any) bool {
	t.Helper()
	for _, s := range f.Streams {
		if s.Table == tableName {
			passes, err := streams.Passes(s.Filters, event)
			if err != nil {
				t.Fatal(err)
			}
			return passes
		}
	}
	t.Fatalf("%s does not read %s", f.Folder, tableName)
	return false
}

func recordOf(t *testing.T, event map[string]any) table.Record {
	t.Helper()
	payload, err := json.Marshal(map[string]any{"Records": []any{event}})
	if err != nil {
		t.Fatal(err)
	}
	records, err := table.ParseRecords(payload)
	if err != nil || len(records) != 1 {
		t.Fatalf("%d records: %v", len(records), err)
	}
	return records[0]
}
