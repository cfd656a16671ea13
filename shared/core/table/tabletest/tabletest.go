// Package tabletest gives tests a real table engine, one per test binary, and
// each test tables of its own. The engine starts with the first test that needs
// it and ends with the binary. ENGINE chooses it, DYNAMODB_ENDPOINT names one
// that runs already.
package tabletest

import (
	"context"
	"crypto/rand"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/rapport/rapport/shared/core/config"
	"github.com/rapport/rapport/shared/core/table"
	"github.com/rapport/rapport/shared/testkit/engine"
)

// started is the binary's engine and one client for all its tests.
var started = sync.OnceValues(func() (running, error) {
	options, err := config.Parse[engine.Options](config.Process())
	if err != nil {
		return running{}, err
	}
	e, err := engine.Start(context.Background(), options)
	if err != nil {
		return running{}, err
	}
	return running{e, e.Client(), options.Kind}, nil
})

type running struct {
	engine *engine.Engine
	client *dynamodb.Client
	kind   string
}

// Tables are the five tables of one test.
type Tables struct {
	Data, Log, Realtime, Control, Audit *table.Table

	Client   *dynamodb.Client
	Endpoint string
	// Engine is the kind of engine, where a test must know it.
	Engine string
}

// New makes the five tables of the design for one test, which deletes them when
// it is over.
func New(t testing.TB) *Tables {
	t.Helper()
	r := engineFor(t)
	prefix := nameFor(t)
	specs := Specs(prefix)
	create(t, r, specs)
	tables := make([]*table.Table, len(specs))
	for i, spec := range specs {
		tables[i] = table.New(r.client, spec.Name)
	}
	return &Tables{
		Data: tables[0], Log: tables[1], Realtime: tables[2], Control: tables[3], Audit: tables[4],
		Client: r.client, Endpoint: r.engine.Endpoint, Engine: r.kind,
	}
}

// One makes a single table like Data, for tests that need no more.
func One(t testing.TB) *table.Table {
	t.Helper()
	r := engineFor(t)
	spec := Specs(nameFor(t))[0]
	create(t, r, []engine.TableSpec{spec})
	return table.New(r.client, spec.Name)
}

// Env is a function's environment that leads to the tables.
func (t *Tables) Env() config.Env {
	return config.Env{
		"DATA_TABLE": t.Data.Name(), "LOG_TABLE": t.Log.Name(), "REALTIME_TABLE": t.Realtime.Name(),
		"CONTROL_TABLE": t.Control.Name(), "AUDIT_TABLE": t.Audit.Name(),
		"AWS_REGION": "us-east-1", "AWS_ACCESS_KEY_ID": "local", "AWS_SECRET_ACCESS_KEY": "local",
		"AWS_ENDPOINT_URL_DYNAMODB": t.Endpoint,
	}
}

// Specs are the five tables of the design, Data, Log, Realtime, Control and
// Audit, under names that begin with the prefix: the same keys, index, streams
// and TTL as in template.yaml.
func Specs(prefix string) []engine.TableSpec {
	key := engine.KeySpec{Partition: table.AttrPK, Sort: table.AttrSK}
	index := engine.IndexSpec{
		Name:       table.IndexName,
		Key:        engine.KeySpec{Partition: table.AttrIndexPK, Sort: table.AttrIndexSK},
		Projection: "ALL",
	}
	return []engine.TableSpec{
		{Name: prefix + "Data", Key: key, Indexes: []engine.IndexSpec{index}, Stream: "NEW_AND_OLD_IMAGES", TTL: table.AttrExpires},
		{Name: prefix + "Log", Key: key, Stream: "NEW_IMAGE", TTL: table.AttrExpires},
		{Name: prefix + "Realtime", Key: key, TTL: table.AttrExpires},
		{Name: prefix + "Control", Key: key, TTL: table.AttrExpires},
		{Name: prefix + "Audit", Key: key, TTL: table.AttrExpires},
	}
}

func engineFor(t testing.TB) running {
	t.Helper()
	r, err := started()
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func create(t testing.TB, r running, specs []engine.TableSpec) {
	t.Helper()
	if err := engine.CreateTables(t.Context(), r.client, specs); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		for _, spec := range specs {
			// The test's own context has ended by now.
			if err := engine.DeleteTables(context.Background(), r.client, spec.Name); err != nil {
				t.Error(err)
			}
		}
	})
}

// nameFor begins the names of a test's tables; two runs on one engine differ.
func nameFor(t testing.TB) string {
	name := regexp.MustCompile(`[^A-Za-z0-9_.-]+`).ReplaceAllString(t.Name(), "-")
	return strings.Trim(name[:min(len(name), 100)], "-") + "-" + rand.Text()[:10] + "-"
}
