package tables

import (
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/rapport/rapport/infra/local/template"
	"github.com/rapport/rapport/shared/core/clock"
	"github.com/rapport/rapport/shared/testkit/engine"
)

func startEngine(t *testing.T, dir string) *dynamodb.Client {
	t.Helper()
	e, err := engine.Start(t.Context(), engine.Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := e.Stop(); err != nil {
			t.Error(err)
		}
	})
	return e.Client()
}

func table(sortKey string) template.Table {
	keys := func(hash, sort string) []types.KeySchemaElement {
		return []types.KeySchemaElement{
			{AttributeName: &hash, KeyType: types.KeyTypeHash}, {AttributeName: &sort, KeyType: types.KeyTypeRange},
		}
	}
	create := &dynamodb.CreateTableInput{
		TableName: aws.String("rapport-Data"), KeySchema: keys("PK", sortKey),
		GlobalSecondaryIndexes: []types.GlobalSecondaryIndex{{
			IndexName: aws.String("GSI1"), KeySchema: keys("GSI1PK", "GSI1SK"), Projection: &types.Projection{ProjectionType: "ALL"},
		}},
		StreamSpecification: &types.StreamSpecification{StreamEnabled: aws.Bool(true), StreamViewType: "NEW_IMAGE"},
	}
	for _, name := range []string{"PK", sortKey, "GSI1PK", "GSI1SK"} {
		create.AttributeDefinitions = append(create.AttributeDefinitions, types.AttributeDefinition{AttributeName: &name, AttributeType: "S"})
	}
	return template.Table{LogicalID: "Data", Name: "rapport-Data", TTL: "ttl", Create: create}
}

func TestCreateMakesWhatIsMissingAndNamesWhatDiffers(t *testing.T) {
	dir := t.TempDir()
	if err := Prepare(dir); err != nil {
		t.Fatal(err)
	}
	client := startEngine(t, dir)
	for range 2 { // the second time everything is there
		if err := Create(t.Context(), client, []template.Table{table("SK")}); err != nil {
			t.Fatal(err)
		}
	}
	out, err := client.DescribeTable(t.Context(), &dynamodb.DescribeTableInput{TableName: aws.String("rapport-Data")})
	if err != nil {
		t.Fatal(err)
	}
	if out.Table.StreamSpecification.StreamViewType != "NEW_IMAGE" || len(out.Table.GlobalSecondaryIndexes) != 1 {
		t.Errorf("table: %+v", out.Table)
	}
	err = Create(t.Context(), client, []template.Table{table("Other")})
	if err == nil || !strings.Contains(err.Error(), "rapport-Data") || !strings.Contains(err.Error(), "keys") {
		t.Errorf("other keys: %v", err)
	}
}

func TestPrepareLeavesDataAlone(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "new", "folder")
	if err := Prepare(dir); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, databaseFile)
	if text, err := os.ReadFile(path); err != nil || !strings.HasPrefix(string(text), "SQLite format 3\x00") {
		t.Fatalf("no database: %v", err)
	}
	if err := os.WriteFile(path, []byte("kept"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := Prepare(dir); err != nil {
		t.Fatal(err)
	}
	if text, err := os.ReadFile(path); err != nil || string(text) != "kept" {
		t.Errorf("overwritten: %q, %v", text, err)
	}
}

func TestTablesThatTheLaptopCannotHave(t *testing.T) {
	number, local := table("SK"), table("SK")
	number.Create.AttributeDefinitions[0].AttributeType = "N"
	local.Create.LocalSecondaryIndexes = []types.LocalSecondaryIndex{{}}
	for _, bad := range []template.Table{number, local} {
		if _, err := specOf(bad); err == nil {
			t.Error("taken")
		}
	}
}

func TestSweepDeletesWhatHasExpiredAndNothingElse(t *testing.T) {
	client := startEngine(t, "")
	spec := table("SK")
	if err := Create(t.Context(), client, []template.Table{spec}); err != nil {
		t.Fatal(err)
	}
	now := time.Unix(2_000_000_000, 0)
	number := func(d time.Duration) types.AttributeValue {
		return &types.AttributeValueMemberN{Value: strconv.FormatInt(now.Add(d).Unix(), 10)}
	}
	ends := map[string]types.AttributeValue{
		"expired": number(-time.Second), "long expired": number(-time.Hour), "this second": number(0), "later": number(time.Hour),
		"too old": number(-6 * 365 * 24 * time.Hour), "text": &types.AttributeValueMemberS{Value: "1"}, "none": nil,
	}
	for i := range 300 { // more than one page
		ends["filler "+strconv.Itoa(i)] = number(-time.Minute)
	}
	for name, end := range ends {
		item := map[string]types.AttributeValue{
			"PK": &types.AttributeValueMemberS{Value: "p"}, "SK": &types.AttributeValueMemberS{Value: name},
		}
		if end != nil {
			item["ttl"] = end
		}
		if _, err := client.PutItem(t.Context(), &dynamodb.PutItemInput{TableName: &spec.Name, Item: item}); err != nil {
			t.Fatal(err)
		}
	}
	sweeper := NewSweeper(client, []template.Table{spec}, clock.NewManual(now), slog.New(slog.DiscardHandler))
	if n, err := sweeper.Sweep(t.Context()); n != 302 || err != nil {
		t.Errorf("%d deleted, %v; want 302", n, err)
	}
	left, err := client.Scan(t.Context(), &dynamodb.ScanInput{TableName: &spec.Name})
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, item := range left.Items {
		names = append(names, item["SK"].(*types.AttributeValueMemberS).Value)
	}
	if got := strings.Join(names, ", "); got != "later, none, text, this second, too old" {
		t.Errorf("left: %s", got)
	}
	if !sweeper.Expired(spec.Name, map[string]string{"PK": "p", "SK": "expired"}) || sweeper.Expired(spec.Name, map[string]string{"PK": "p", "SK": "later"}) {
		t.Error("the sweeper doesn't know what it deleted")
	}
	if n, err := sweeper.Sweep(t.Context()); n != 0 || err != nil {
		t.Errorf("second sweep: %d, %v", n, err)
	}
}

// TestDatabaseIsOfTheEnginesVersion fails when the engine is upgraded: look
// whether its database changed, and run seed.py for the new version.
func TestDatabaseIsOfTheEnginesVersion(t *testing.T) {
	text, err := os.ReadFile("../../engine/package.json")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(text), `"`+engineVersion+`"`) {
		t.Errorf("empty.sqlite.gz is of Dynoxide %s, which infra/engine/package.json doesn't name: run seed.py", engineVersion)
	}
}

// BenchmarkPut shows that a put to a table with a stream costs the same after
// many records as before.
func BenchmarkPut(b *testing.B) {
	dir := b.TempDir()
	if err := Prepare(dir); err != nil {
		b.Fatal(err)
	}
	e, err := engine.Start(b.Context(), engine.Options{Dir: dir})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		if err := e.Stop(); err != nil {
			b.Error(err)
		}
	})
	spec := table("SK")
	if err := Create(b.Context(), e.Client(), []template.Table{spec}); err != nil {
		b.Fatal(err)
	}
	put := func(i int) {
		_, err := e.Client().PutItem(b.Context(), &dynamodb.PutItemInput{TableName: &spec.Name, Item: map[string]types.AttributeValue{
			"PK": &types.AttributeValueMemberS{Value: "p"}, "SK": &types.AttributeValueMemberS{Value: strconv.Itoa(i)},
		}})
		if err != nil {
			b.Fatal(err)
		}
	}
	written := 0
	for _, records := range []int{0, 10_000} {
		for ; written < records; written++ {
			put(written)
		}
		b.Run(strconv.Itoa(records)+" records before", func(b *testing.B) {
			for b.Loop() {
				put(written)
				written++
			}
		})
	}
}
