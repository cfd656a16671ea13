package engine

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

// TableSpec is a table as a template describes it. All keys are strings.
type TableSpec struct {
	Name    string
	Key     KeySpec
	Indexes []IndexSpec
	// Stream is the stream's view type, such as `NEW_IMAGE`; empty is none.
	Stream string
	// TTL is the attribute with an item's end in epoch seconds; empty is none.
	TTL string
}

// KeySpec names the attributes of a key.
type KeySpec struct{ Partition, Sort string }

// IndexSpec is a global secondary index.
type IndexSpec struct {
	Name string
	Key  KeySpec
	// Projection is `ALL` or `KEYS_ONLY`.
	Projection string
}

// CreateTables makes the tables that are missing and waits until they can be
// used. A table that is there must have the same keys, indexes and stream: the
// error says which has not.
func CreateTables(ctx context.Context, client *dynamodb.Client, specs []TableSpec) error {
	for _, spec := range specs {
		if err := createTable(ctx, client, spec); err != nil {
			return fmt.Errorf("create table %s: %w", spec.Name, err)
		}
	}
	return nil
}

// DeleteTables removes tables and what is in them. Missing ones are no error.
func DeleteTables(ctx context.Context, client *dynamodb.Client, names ...string) error {
	for _, name := range names {
		_, err := client.DeleteTable(ctx, &dynamodb.DeleteTableInput{TableName: &name})
		if _, missing := errors.AsType[*types.ResourceNotFoundException](err); err != nil && !missing {
			return fmt.Errorf("delete table %s: %w", name, err)
		}
	}
	return nil
}

func createTable(ctx context.Context, client *dynamodb.Client, spec TableSpec) error {
	in := spec.input()
	_, err := client.CreateTable(ctx, in)
	if _, exists := errors.AsType[*types.ResourceInUseException](err); err != nil && !exists {
		return err
	}
	there, err := waitActive(ctx, client, spec.Name)
	if err != nil {
		return err
	}
	if err := spec.same(in, there); err != nil {
		return err
	}
	if spec.TTL == "" {
		return nil
	}
	has, err := client.DescribeTimeToLive(ctx, &dynamodb.DescribeTimeToLiveInput{TableName: &spec.Name})
	if err != nil {
		return err
	}
	if d := has.TimeToLiveDescription; d != nil && aws.ToString(d.AttributeName) == spec.TTL {
		return nil
	}
	_, err = client.UpdateTimeToLive(ctx, &dynamodb.UpdateTimeToLiveInput{
		TableName: &spec.Name,
		TimeToLiveSpecification: &types.TimeToLiveSpecification{
			AttributeName: &spec.TTL, Enabled: new(true),
		},
	})
	return err
}

func waitActive(ctx context.Context, client *dynamodb.Client, name string) (*types.TableDescription, error) {
	for {
		out, err := client.DescribeTable(ctx, &dynamodb.DescribeTableInput{TableName: &name})
		if err != nil {
			return nil, err
		}
		building := slices.ContainsFunc(out.Table.GlobalSecondaryIndexes, func(i types.GlobalSecondaryIndexDescription) bool {
			return i.IndexStatus != types.IndexStatusActive
		})
		if out.Table.TableStatus == types.TableStatusActive && !building {
			return out.Table, nil
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(20 * time.Millisecond):
		}
	}
}

func (s TableSpec) input() *dynamodb.CreateTableInput {
	in := &dynamodb.CreateTableInput{
		TableName:            &s.Name,
		KeySchema:            s.Key.schema(),
		AttributeDefinitions: s.Key.attributes(nil),
		BillingMode:          types.BillingModePayPerRequest,
	}
	for _, index := range s.Indexes {
		in.AttributeDefinitions = index.Key.attributes(in.AttributeDefinitions)
		in.GlobalSecondaryIndexes = append(in.GlobalSecondaryIndexes, types.GlobalSecondaryIndex{
			IndexName:  &index.Name,
			KeySchema:  index.Key.schema(),
			Projection: &types.Projection{ProjectionType: types.ProjectionType(index.Projection)},
		})
	}
	if s.Stream != "" {
		in.StreamSpecification = &types.StreamSpecification{
			StreamEnabled: new(true), StreamViewType: types.StreamViewType(s.Stream),
		}
	}
	return in
}

func (k KeySpec) schema() []types.KeySchemaElement {
	schema := []types.KeySchemaElement{{AttributeName: &k.Partition, KeyType: types.KeyTypeHash}}
	if k.Sort != "" {
		schema = append(schema, types.KeySchemaElement{AttributeName: &k.Sort, KeyType: types.KeyTypeRange})
	}
	return schema
}

// attributes adds the key's attributes to those that are defined already.
func (k KeySpec) attributes(defined []types.AttributeDefinition) []types.AttributeDefinition {
	for _, name := range []string{k.Partition, k.Sort} {
		known := slices.ContainsFunc(defined, func(d types.AttributeDefinition) bool { return *d.AttributeName == name })
		if name != "" && !known {
			defined = append(defined, types.AttributeDefinition{AttributeName: &name, AttributeType: types.ScalarAttributeTypeS})
		}
	}
	return defined
}

// same compares what was asked for with the table that is there.
func (s TableSpec) same(in *dynamodb.CreateTableInput, there *types.TableDescription) error {
	differs := func(what string) error {
		return fmt.Errorf("a table with other %s is there already, from another version of the template: remove the data folder, or move the data by hand", what)
	}
	if keyText(there.KeySchema) != keyText(in.KeySchema) {
		return differs("keys")
	}
	wanted, found := map[string]string{}, map[string]string{}
	for _, i := range in.GlobalSecondaryIndexes {
		wanted[*i.IndexName] = keyText(i.KeySchema)
	}
	for _, i := range there.GlobalSecondaryIndexes {
		found[*i.IndexName] = keyText(i.KeySchema)
	}
	if fmt.Sprint(wanted) != fmt.Sprint(found) {
		return differs("indexes")
	}
	var stream types.StreamViewType
	if there.StreamSpecification != nil && aws.ToBool(there.StreamSpecification.StreamEnabled) {
		stream = there.StreamSpecification.StreamViewType
	}
	if stream != types.StreamViewType(s.Stream) {
		return differs("stream settings")
	}
	return nil
}

func keyText(schema []types.KeySchemaElement) string {
	var text string
	for _, element := range schema {
		text += string(element.KeyType) + " " + *element.AttributeName + "; "
	}
	return text
}
