package table_test

import (
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/rapport/rapport/shared/core/table"
)

func TestParseRecords(t *testing.T) {
	payload, err := os.ReadFile("testdata/stream.json")
	if err != nil {
		t.Fatal(err)
	}
	records, err := table.ParseRecords(payload)
	if err != nil {
		t.Fatal(err)
	}
	type summary struct {
		ID, Table string
		Event     table.Event
		Key       table.Key
		At        time.Time
		Expired   bool
		Old, New  *person
	}
	var got []summary
	for _, r := range records {
		s := summary{ID: r.ID, Table: r.Table, Event: r.Event, Key: r.Key, At: r.At, Expired: r.Expired}
		var before, after person
		if ok, err := r.Old(&before); err != nil {
			t.Fatal(err)
		} else if ok {
			s.Old = &before
		}
		if ok, err := r.New(&after); err != nil {
			t.Fatal(err)
		} else if ok {
			s.New = &after
		}
		got = append(got, s)
	}
	whole := ada()
	when := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	want := []summary{
		{"111", "rapport-Data", table.Insert, at, when, false, nil, &whole},
		{"112", "rapport-Data", table.Modify, at, when, false, &person{Name: "Ada"}, &person{Name: "Ada L", Left: &when}},
		{"113", "rapport-Log", table.Remove, at, when, true, &person{Age: 3}, nil},
		{"114", "rapport-Log", table.Remove, at, when, false, nil, nil},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestMalformedRecords(t *testing.T) {
	const good = `{"eventName":"INSERT","eventSourceARN":"arn:aws:dynamodb:x:1:table/T/stream/l","dynamodb":{"SequenceNumber":"1","Keys":{"PK":{"S":"p"},"SK":{"S":"s"}}}}`
	if records, err := table.ParseRecords([]byte(`{"Records":[` + good + `]}`)); err != nil || len(records) != 1 {
		t.Fatalf("%d records, %v", len(records), err)
	}
	if records, err := table.ParseRecords([]byte(`{"Records":[]}`)); err != nil || len(records) != 0 {
		t.Errorf("%d records, %v", len(records), err)
	}
	tests := map[string]string{
		"no sequence number": strings.Replace(good, `"SequenceNumber":"1",`, "", 1),
		"no ARN":             strings.Replace(good, "eventSourceARN", "other", 1),
		"unknown event":      strings.Replace(good, "INSERT", "UPSERT", 1),
		"no keys":            strings.Replace(good, `"PK":{"S":"p"},`, "", 1),
		"bad value":          strings.Replace(good, `{"S":"p"}`, `{"Q":"p"}`, 1),
		"not an object":      `7`,
	}
	for name, record := range tests {
		if _, err := table.ParseRecords([]byte(`{"Records":[` + record + `]}`)); err == nil {
			t.Errorf("%s is taken", name)
		}
	}
	if _, err := table.ParseRecords([]byte(`{"Records":`)); err == nil {
		t.Error("half an event is taken")
	}
}
