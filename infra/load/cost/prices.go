package cost

// The prices are those of the first tier, without any free one.
const (
	region = "us-east-1"
	asOf   = "2025"
)

// price is what one thing costs: dollars for per units.
type price struct {
	service, item, unit string
	dollars, per        float64
	of                  func(Counts) float64
	// source is where the price stands; "recalled" where only the rule could be
	// looked up again and the figure is from memory.
	source string
}

const million = 1e6

func prices() []price {
	const gateway = "aws.amazon.com/api-gateway/pricing"
	const lambda = "aws.amazon.com/lambda/pricing"
	const tables = "aws.amazon.com/dynamodb/pricing/on-demand, as cut on 1 November 2024"
	return []price{
		{"API Gateway", "HTTP API requests", "requests", 1.00, million, func(c Counts) float64 { return c.Requests }, gateway},
		{"API Gateway", "WebSocket messages, both ways", "units of 32 KB", 1.00, million, func(c Counts) float64 { return c.Messages }, gateway},
		{"API Gateway", "WebSocket connections", "connection minutes", 0.25, million, func(c Counts) float64 { return c.ConnectionMinutes }, gateway + " (figure recalled)"},
		{"Lambda", "requests", "invocations", 0.20, million, func(c Counts) float64 { return c.Invocations }, lambda},
		{"Lambda", "duration, arm64", "GB-seconds", 0.0000133334, 1, func(c Counts) float64 { return c.GBSeconds }, lambda},
		{"DynamoDB", "writes, on demand", "write request units", 0.625, million, func(c Counts) float64 { return c.WriteUnits }, tables},
		{"DynamoDB", "reads, on demand", "read request units", 0.125, million, func(c Counts) float64 { return c.ReadUnits }, tables},
		{"DynamoDB Streams", "reads by Lambda", "GetRecords calls", 0, 100_000, func(c Counts) float64 { return c.StreamReads }, "aws.amazon.com/dynamodb/pricing: calls by Lambda's triggers are free"},
		{"CloudWatch", "logs taken in", "GB", 0.50, 1, func(c Counts) float64 { return c.LogBytes / 1e9 }, "aws.amazon.com/cloudwatch/pricing (figure recalled)"},
		{"Data transfer", "to the internet", "GB", 0.09, 1, func(c Counts) float64 { return c.BytesOut / 1e9 }, "aws.amazon.com/ec2/pricing/on-demand"},
	}
}
