package table

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/schemas"
	"github.com/aws/smithy-go"

	"github.com/rapport/rapport/shared/core/sdk"
)

// api calls DynamoDB as a client of the SDK is set to, past its middleware: see
// package sdk. It has the client's methods that this layer uses.
type api struct {
	service sdk.Service
	// err is why the client has no address: every call fails with it.
	err error
}

// operations are what is called. A schema is made once.
var (
	getItem            = smithy.NewOperationSchema(schemas.GetItem, schemas.GetItemInput, schemas.GetItemOutput)
	batchGetItem       = smithy.NewOperationSchema(schemas.BatchGetItem, schemas.BatchGetItemInput, schemas.BatchGetItemOutput)
	query              = smithy.NewOperationSchema(schemas.Query, schemas.QueryInput, schemas.QueryOutput)
	putItem            = smithy.NewOperationSchema(schemas.PutItem, schemas.PutItemInput, schemas.PutItemOutput)
	updateItem         = smithy.NewOperationSchema(schemas.UpdateItem, schemas.UpdateItemInput, schemas.UpdateItemOutput)
	deleteItem         = smithy.NewOperationSchema(schemas.DeleteItem, schemas.DeleteItemInput, schemas.DeleteItemOutput)
	batchWriteItem     = smithy.NewOperationSchema(schemas.BatchWriteItem, schemas.BatchWriteItemInput, schemas.BatchWriteItemOutput)
	transactWriteItems = smithy.NewOperationSchema(schemas.TransactWriteItems, schemas.TransactWriteItemsInput, schemas.TransactWriteItemsOutput)
)

func newAPI(client *dynamodb.Client) *api {
	o := client.Options()
	endpoint, err := o.EndpointResolverV2.ResolveEndpoint(context.Background(), dynamodb.EndpointParameters{
		Region: &o.Region, Endpoint: o.BaseEndpoint,
	}.WithDefaults())
	retryer, ok := o.Retryer.(aws.RetryerV2)
	if !ok {
		retryer = retry.AddWithMaxAttempts(o.Retryer, o.Retryer.MaxAttempts()).(aws.RetryerV2)
	}
	return &api{err: err, service: sdk.Service{
		ID: dynamodb.ServiceID, SigningName: "dynamodb", Region: o.Region, Endpoint: endpoint.URI,
		Credentials: o.Credentials, Protocol: o.Protocol, Types: dynamodb.TypeRegistry,
		HTTP: o.HTTPClient, Retryer: retryer, Signer: v4.NewSigner(),
	}}
}

func (a *api) call(ctx context.Context, op *smithy.OperationSchema, in smithy.Serializable, out smithy.Deserializable) error {
	if a.err != nil {
		return a.err
	}
	return a.service.Call(ctx, op, in, out)
}

// GetItem calls the operation of that name, as the others do.
func (a *api) GetItem(ctx context.Context, in *dynamodb.GetItemInput) (*dynamodb.GetItemOutput, error) {
	var out dynamodb.GetItemOutput
	return &out, a.call(ctx, getItem, in, &out)
}

func (a *api) BatchGetItem(ctx context.Context, in *dynamodb.BatchGetItemInput) (*dynamodb.BatchGetItemOutput, error) {
	var out dynamodb.BatchGetItemOutput
	return &out, a.call(ctx, batchGetItem, in, &out)
}

func (a *api) Query(ctx context.Context, in *dynamodb.QueryInput) (*dynamodb.QueryOutput, error) {
	var out dynamodb.QueryOutput
	return &out, a.call(ctx, query, in, &out)
}

func (a *api) PutItem(ctx context.Context, in *dynamodb.PutItemInput) (*dynamodb.PutItemOutput, error) {
	var out dynamodb.PutItemOutput
	return &out, a.call(ctx, putItem, in, &out)
}

func (a *api) UpdateItem(ctx context.Context, in *dynamodb.UpdateItemInput) (*dynamodb.UpdateItemOutput, error) {
	var out dynamodb.UpdateItemOutput
	return &out, a.call(ctx, updateItem, in, &out)
}

func (a *api) DeleteItem(ctx context.Context, in *dynamodb.DeleteItemInput) (*dynamodb.DeleteItemOutput, error) {
	var out dynamodb.DeleteItemOutput
	return &out, a.call(ctx, deleteItem, in, &out)
}

func (a *api) BatchWriteItem(ctx context.Context, in *dynamodb.BatchWriteItemInput) (*dynamodb.BatchWriteItemOutput, error) {
	var out dynamodb.BatchWriteItemOutput
	return &out, a.call(ctx, batchWriteItem, in, &out)
}

func (a *api) TransactWriteItems(ctx context.Context, in *dynamodb.TransactWriteItemsInput) (*dynamodb.TransactWriteItemsOutput, error) {
	var out dynamodb.TransactWriteItemsOutput
	return &out, a.call(ctx, transactWriteItems, in, &out)
}
