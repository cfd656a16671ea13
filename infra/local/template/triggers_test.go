package template

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestQueuesAndSchedules(t *testing.T) {
	stack, err := Load("testdata/triggers/template.yaml", nil)
	if err != nil {
		t.Fatal(err)
	}
	const sqs = "arn:aws:sqs:us-east-1:000000000000:rapport-"
	url := "https://sqs.us-east-1.amazonaws.com/000000000000/rapport-"
	want := []Queue{
		{LogicalID: "Orders", Name: "rapport-Orders", ARN: sqs + "Orders", URL: url + "Orders", Delay: 3 * time.Second, Visibility: 30 * time.Second,
			Retention: 96 * time.Hour, MaxBytes: 1 << 20, DeadLetters: sqs + "OrdersDlq", MaxReceives: 5},
		{LogicalID: "OrdersDlq", Name: "rapport-OrdersDlq", ARN: sqs + "OrdersDlq", URL: url + "OrdersDlq", Visibility: 30 * time.Second,
			Retention: 96 * time.Hour, MaxBytes: 1 << 20},
	}
	if diff := cmp.Diff(want, stack.Queues); diff != "" {
		t.Errorf("queues (-want +got):\n%s", diff)
	}
	f, _ := stack.Function("orders/process")
	if diff := cmp.Diff([]QueueSource{{
		Name: "Orders", Queue: "Orders", QueueName: "rapport-Orders", BatchSize: 20, Window: 2 * time.Second, ReportBatchItemFailures: true, MaximumConcurrency: 4,
	}}, f.Queues); diff != "" {
		t.Errorf("event source (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]Schedule{{
		Name: "Nightly", Expression: "cron(0 3 * * ? *)", ARN: "arn:aws:scheduler:us-east-1:000000000000:schedule/default/rapport-CookFunctionNightly",
	}}, f.Schedules); diff != "" {
		t.Errorf("schedule (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]Bucket{{LogicalID: "Store", Name: "rapport-store", ARN: "arn:aws:s3:::rapport-store"}}, stack.Buckets); diff != "" {
		t.Errorf("buckets (-want +got):\n%s", diff)
	}
	if f.Env["ORDERS_QUEUE_URL"] != url+"Orders" || f.Env["STORE"] != "rapport-store" {
		t.Errorf("environment %v", f.Env)
	}
}

func TestTriggersNotUnderstood(t *testing.T) {
	for _, test := range []struct{ name, old, replacement, want string }{
		{"a FIFO queue", "DelaySeconds: 3", "FifoQueue: true", "FIFO"},
		{"a delay", "DelaySeconds: 3", "DelaySeconds: 901", "must be 0 to 900"},
		{"too little time", "VisibilityTimeout: 30", "VisibilityTimeout: 4", "below the function's timeout"},
		{"no such queue", "Queue: !GetAtt Orders.Arn", "Queue: arn:aws:sqs:us-east-1:000000000000:other", "no queue of these stacks"},
		{"no such dead letters", "deadLetterTargetArn: !GetAtt OrdersDlq.Arn", "deadLetterTargetArn: arn:aws:sqs:us-east-1:000000000000:other", "no queue of these stacks"},
		{"a large batch at once", "            MaximumBatchingWindowInSeconds: 2\n", "", "needs MaximumBatchingWindowInSeconds"},
		{"one at a time", "MaximumConcurrency: 4", "MaximumConcurrency: 1", "must be 2 to 1000"},
		{"a filter", "BatchSize: 20", "FilterCriteria: {Filters: []}", "not understood"},
		{"a schedule that is off", `FlexibleTimeWindow: {Mode: "OFF"}`, "State: DISABLED", "not understood"},
		{"another time zone", `FlexibleTimeWindow: {Mode: "OFF"}`, "ScheduleExpressionTimezone: Europe/Berlin", `"Europe/Berlin" is not understood`},
		{"a bucket's property", "PublicAccessBlockConfiguration: {BlockPublicAcls: true}", "WebsiteConfiguration: {}", "not understood"},
	} {
		t.Run(test.name, func(t *testing.T) {
			text, err := os.ReadFile("testdata/triggers/template.yaml")
			if err != nil {
				t.Fatal(err)
			}
			if !strings.Contains(string(text), test.old) {
				t.Fatalf("%q is not in the template", test.old)
			}
			path := filepath.Join(t.TempDir(), "template.yaml")
			if err := os.WriteFile(path, []byte(strings.Replace(string(text), test.old, test.replacement, 1)), 0o600); err != nil {
				t.Fatal(err)
			}
			if _, err := Load(path, nil); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("%v, want %q", err, test.want)
			}
		})
	}
}
