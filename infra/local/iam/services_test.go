package iam

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/rapport/rapport/infra/local/pool"
	"github.com/rapport/rapport/infra/local/proxy"
	"github.com/rapport/rapport/infra/local/template"
	"github.com/rapport/rapport/shared/core/blob/s3"
	"github.com/rapport/rapport/shared/core/clock"
	"github.com/rapport/rapport/shared/core/queue"
	"github.com/rapport/rapport/shared/core/queue/sqs"
	"github.com/rapport/rapport/shared/core/secret"
	"github.com/rapport/rapport/shared/core/secret/secretsmanager"
	"github.com/rapport/rapport/shared/testkit/blobs"
	"github.com/rapport/rapport/shared/testkit/queues"
	"github.com/rapport/rapport/shared/testkit/secrets"
)

// guarded is a proxy whose only step are the policies of a function with these
// statements, and what that function signs with.
func guarded(t *testing.T, statements ...template.Statement) (*proxy.Proxy, string) {
	t.Helper()
	stack := stackWith(statements...)
	policies, err := New(stack, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	d, err := proxy.New(proxy.Options{Engine: "http://127.0.0.1:1", Stack: stack, Middleware: []proxy.Middleware{policies.Middleware}, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	return d, pool.AccessKeyID(stack.Functions[0])
}

// The real client does what its function's policy grants, and hears S3's own
// AccessDenied of everything else.
func TestBlobsAreGuarded(t *testing.T) {
	store, err := blobs.Open(t.TempDir(), "files")
	if err != nil {
		t.Fatal(err)
	}
	d, key := guarded(t, allow("s3:PutObject s3:GetObject", "arn:aws:s3:::files/exports/*"), allow("s3:ListBucket", "arn:aws:s3:::files"))
	server := httptest.NewServer(d.Blobs(store.Handler()))
	t.Cleanup(server.Close)
	mine := s3.New(s3.Config{Region: "us-east-1", AccessKeyID: key, SecretAccessKey: "s", Endpoint: server.URL}, "files")
	ctx := t.Context()
	if err := mine.Put(ctx, "exports/a", "text/plain", []byte("a")); err != nil {
		t.Error(err)
	}
	if got, err := mine.Get(ctx, "exports/a"); err != nil || string(got) != "a" {
		t.Errorf("%s %v", got, err)
	}
	if page, err := mine.List(ctx, "", "", 10); err != nil || len(page.Items) != 1 {
		t.Errorf("%v %v", page, err)
	}
	_, reading := mine.Get(ctx, "secrets/a")
	unknown := s3.New(s3.Config{Region: "us-east-1", AccessKeyID: "AKIASOMEBODY", SecretAccessKey: "s", Endpoint: server.URL}, "files")
	for what, err := range map[string]error{
		"another folder": mine.Put(ctx, "secrets/a", "text/plain", nil), "reading there": reading, "deleting": mine.Delete(ctx, "exports/a"),
	} {
		if err == nil || !strings.Contains(err.Error(), "AccessDenied") || !strings.Contains(err.Error(), "StatusCode: 403") {
			t.Errorf("%s: %v", what, err)
		}
	}
	if err := unknown.Put(ctx, "exports/a", "text/plain", nil); err == nil || !strings.Contains(err.Error(), "InvalidAccessKeyId") {
		t.Errorf("a unknown: %v", err)
	}

	link, err := mine.Link(ctx, "exports/a", time.Second)
	if err != nil {
		t.Fatal(err)
	}
	if status := get(t, link); status != http.StatusOK {
		t.Errorf("a link: %d", status)
	}
	if status := get(t, strings.Replace(link, "exports/a", "secrets/a", 1)); status != http.StatusForbidden {
		t.Errorf("a link to another folder: %d", status)
	}
	if status := get(t, server.URL+"/files/exports/a"); status != http.StatusForbidden {
		t.Errorf("without a signature: %d", status)
	}
	if status := get(t, strings.Replace(link, "X-Amz-Date=2", "X-Amz-Date=1", 1)); status != http.StatusForbidden {
		t.Errorf("an old link: %d", status)
	}
}

func get(t *testing.T, address string) int {
	t.Helper()
	response, err := http.Get(address)
	if err != nil {
		t.Fatal(err)
	}
	if err := response.Body.Close(); err != nil {
		t.Fatal(err)
	}
	return response.StatusCode
}

// The same for queues: a batch needs what its entries need.
func TestQueuesAreGuarded(t *testing.T) {
	q, err := queues.Open(queues.Options{Specs: []queues.Spec{{Name: "Mine"}, {Name: "Other"}}, Clock: clock.System{}, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	d, key := guarded(t, allow("sqs:SendMessage", "arn:aws:sqs::123456789012:Mine"))
	server := httptest.NewServer(d.Queues(q))
	t.Cleanup(server.Close)
	client := sqs.NewClient(sqs.Config{Region: "us-east-1", AccessKeyID: key, SecretAccessKey: "s", Endpoint: server.URL})
	outgoing, two := queue.Outgoing{SourceID: "a", Body: 1}, queue.Outgoing{SourceID: "b", Body: 2}
	if err := sqs.New(client, "https://sqs.test/0/Mine").Send(t.Context(), outgoing); err != nil {
		t.Error(err)
	}
	if err := sqs.New(client, "https://sqs.test/0/Mine").Send(t.Context(), outgoing, two); err != nil {
		t.Error(err)
	}
	if err := sqs.New(client, "https://sqs.test/0/Other").Send(t.Context(), outgoing); err == nil || !strings.Contains(err.Error(), "AccessDenied") {
		t.Errorf("another queue: %v", err)
	}
	if held := q.Snapshot(); held[0].Visible != 3 || held[1].Visible != 0 {
		t.Errorf("the queues hold %+v", held)
	}
}

// The same for secrets, which a policy names with six characters that nobody knows
// before.
func TestSecretsAreGuarded(t *testing.T) {
	store := secrets.New("us-east-1", "000000000000", clock.System{})
	store.Put("rapport/mine", "a value")
	store.Put("rapport/other", "another")
	d, key := guarded(t, allow("secretsmanager:GetSecretValue", "arn:aws:secretsmanager:*:*:secret:rapport/mine-??????"))
	server := httptest.NewServer(d.Secrets(store))
	t.Cleanup(server.Close)
	read := func(key, name string) (secret.Versions, error) {
		return secretsmanager.New(secretsmanager.Config{Region: "us-east-1", AccessKeyID: key, SecretAccessKey: "s", Endpoint: server.URL}).Read(t.Context(), name)
	}
	if got, err := read(key, "rapport/mine"); err != nil || got.Current.Value != "a value" || got.Previous != nil {
		t.Errorf("%v %v", got, err)
	}
	for _, name := range []string{"rapport/other", "rapport/mine-2", "rapport/absent"} {
		if _, err := read(key, name); err == nil || !strings.Contains(err.Error(), "AccessDeniedException") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := read("AKIASOMEBODY", "rapport/mine"); err == nil || !strings.Contains(err.Error(), "UnrecognizedClientException") {
		t.Errorf("a stranger: %v", err)
	}
}
