package template

import (
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

// buildTable adds an AWS::DynamoDB::Table as CreateTable takes it.
func (s *scope) buildTable(r resource, v value) error {
	p := read(v, &s.load.errs)
	p.known("PointInTimeRecoverySpecification", "SSESpecification", "Tags", "DeletionProtectionEnabled",
		"TableClass", "ContributorInsightsSpecification", "OnDemandThroughput", "WarmThroughput", "ResourcePolicy",
		"TableName")
	k, _ := kindOf(r.kind)
	name, err := s.physicalName(r, k)
	if err != nil {
		return err
	}
	create := &dynamodb.CreateTableInput{
		TableName:   aws.String(name),
		KeySchema:   p.keySchema(),
		BillingMode: types.BillingMode(p.oneOf("BillingMode", "PROVISIONED", "PAY_PER_REQUEST")),
	}
	if create.BillingMode != types.BillingModePayPerRequest {
		p.fail(v.at.errorf("only BillingMode PAY_PER_REQUEST is understood"))
	}
	for _, item := range p.items("AttributeDefinitions") {
		a := read(item, &s.load.errs)
		create.AttributeDefinitions = append(create.AttributeDefinitions, types.AttributeDefinition{
			AttributeName: aws.String(a.needText("AttributeName")),
			AttributeType: types.ScalarAttributeType(a.oneOf("AttributeType", "", "S", "N", "B")),
		})
		a.finish()
	}
	for _, item := range p.items("GlobalSecondaryIndexes") {
		x := read(item, &s.load.errs)
		x.known("ContributorInsightsSpecification", "OnDemandThroughput", "WarmThroughput")
		create.GlobalSecondaryIndexes = append(create.GlobalSecondaryIndexes, types.GlobalSecondaryIndex{
			IndexName: aws.String(x.needText("IndexName")), KeySchema: x.keySchema(), Projection: x.projection(),
		})
		x.finish()
	}
	for _, item := range p.items("LocalSecondaryIndexes") {
		x := read(item, &s.load.errs)
		create.LocalSecondaryIndexes = append(create.LocalSecondaryIndexes, types.LocalSecondaryIndex{
			IndexName: aws.String(x.needText("IndexName")), KeySchema: x.keySchema(), Projection: x.projection(),
		})
		x.finish()
	}
	if _, ok := p.get("StreamSpecification"); ok {
		stream := p.sub("StreamSpecification")
		create.StreamSpecification = &types.StreamSpecification{
			StreamEnabled: aws.Bool(true),
			StreamViewType: types.StreamViewType(stream.oneOf("StreamViewType", "",
				"NEW_IMAGE", "OLD_IMAGE", "NEW_AND_OLD_IMAGES", "KEYS_ONLY")),
		}
		stream.finish()
	}
	table := Table{LogicalID: r.id, Name: name, Create: create}
	ttl := p.sub("TimeToLiveSpecification")
	if attribute := ttl.text("AttributeName", ""); ttl.text("Enabled", "false") == "true" {
		table.TTL = attribute
	}
	ttl.finish()
	p.finish()
	s.load.stack.Tables = append(s.load.stack.Tables, table)
	return nil
}

func (r *reader) keySchema() []types.KeySchemaElement {
	var schema []types.KeySchemaElement
	for _, item := range r.items("KeySchema") {
		k := read(item, r.errs)
		schema = append(schema, types.KeySchemaElement{
			AttributeName: aws.String(k.needText("AttributeName")),
			KeyType:       types.KeyType(k.oneOf("KeyType", "", "HASH", "RANGE")),
		})
		k.finish()
	}
	if len(schema) == 0 {
		r.fail(r.v.at.errorf("KeySchema is missing"))
	}
	return schema
}

func (r *reader) projection() *types.Projection {
	p := r.sub("Projection")
	projection := &types.Projection{
		ProjectionType:   types.ProjectionType(p.oneOf("ProjectionType", "", "ALL", "KEYS_ONLY", "INCLUDE")),
		NonKeyAttributes: p.texts("NonKeyAttributes"),
	}
	p.finish()
	return projection
}
