// Package tables makes the tables of the templates on the laptop's engine, and
// deletes expired items in DynamoDB's place.
//
// It also begins the engine's database. Dynoxide keeps the stream records of all
// tables in one SQLite table, without an index and without an end, and looks
// through all of it at each write to a table with a stream and at each read of a
// stream: measured, a put grows from 0.7 ms by 0.5 ms for every 1,000 records
// ever written. So Prepare lays down an empty database that has the indexes, and
// a trigger that forgets records after a day as DynamoDB does; with it a put
// takes 0.8 ms and an idle read 0.4 ms, however many came before. The engine
// knows nothing of it.
package tables

import (
	"bytes"
	"compress/gzip"
	"context"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/rapport/rapport/infra/local/template"
	"github.com/rapport/rapport/shared/testkit/engine"
)

// emptyDatabase is made by seed.py.
//
//go:embed empty.sqlite.gz
var emptyDatabase []byte

const (
	// databaseFile is how package engine calls Dynoxide's file.
	databaseFile = "tables.sqlite"
	// engineVersion is the version of Dynoxide that made emptyDatabase.
	engineVersion = "1.2.1"
)

// Prepare lays an empty database into the folder where Dynoxide is to keep its
// data (engine.Options.Dir), before it starts. A database that is there stays as it is.
// For data in memory, give the engine a temporary folder.
func Prepare(dir string) error {
	path := filepath.Join(dir, databaseFile)
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("prepare the tables' folder: %w", err)
	}
	unpacked, err := gzip.NewReader(bytes.NewReader(emptyDatabase))
	if err != nil {
		return fmt.Errorf("prepare the database: %w", err)
	}
	content, err := io.ReadAll(unpacked)
	if err != nil {
		return fmt.Errorf("prepare the database: %w", err)
	}
	if err := os.WriteFile(path+".new", content, 0o600); err != nil {
		return fmt.Errorf("prepare the database: %w", err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		return fmt.Errorf("prepare the database: %w", err)
	}
	return nil
}

// Create makes the tables that are missing and waits until they can be used. A
// table that is there with other keys, indexes or stream is an error that says
// which.
func Create(ctx context.Context, client *dynamodb.Client, tables []template.Table) error {
	specs := make([]engine.TableSpec, 0, len(tables))
	for _, table := range tables {
		spec, err := specOf(table)
		if err != nil {
			return fmt.Errorf("table %s: %w", table.LogicalID, err)
		}
		specs = append(specs, spec)
	}
	if err := engine.CreateTables(ctx, client, specs); err != nil {
		return fmt.Errorf("tables: %w", err)
	}
	return nil
}

// specOf is a template's table in the engine's terms, which know string keys and
// global indexes with all attributes or the keys alone.
func specOf(table template.Table) (engine.TableSpec, error) {
	in := table.Create
	spec := engine.TableSpec{Name: table.Name, TTL: table.TTL, Key: keyOf(in.KeySchema)}
	if in.StreamSpecification != nil {
		spec.Stream = string(in.StreamSpecification.StreamViewType)
	}
	for _, a := range in.AttributeDefinitions {
		if a.AttributeType != types.ScalarAttributeTypeS {
			return spec, fmt.Errorf("the key attribute %s is not a string, which the laptop's tables can't have", *a.AttributeName)
		}
	}
	if len(in.LocalSecondaryIndexes) > 0 {
		return spec, errors.New("it has a local secondary index, which the laptop's tables can't have")
	}
	for _, index := range in.GlobalSecondaryIndexes {
		kind := index.Projection.ProjectionType
		if kind != types.ProjectionTypeAll && kind != types.ProjectionTypeKeysOnly {
			return spec, fmt.Errorf("the projection %s of %s is not known on the laptop", kind, aws.ToString(index.IndexName))
		}
		spec.Indexes = append(spec.Indexes, engine.IndexSpec{
			Name: aws.ToString(index.IndexName), Key: keyOf(index.KeySchema), Projection: string(kind),
		})
	}
	return spec, nil
}

func keyOf(schema []types.KeySchemaElement) engine.KeySpec {
	var key engine.KeySpec
	for _, element := range schema {
		if element.KeyType == types.KeyTypeHash {
			key.Partition = aws.ToString(element.AttributeName)
		} else {
			key.Sort = aws.ToString(element.AttributeName)
		}
	}
	return key
}
