package latency

// The names of the distributions that are no operations.
const (
	postCall  = "@connections"
	warm      = "warm invocation"
	cold      = "cold start"
	httpAPI   = "HTTP API"
	socketAPI = "WebSocket API"
	network   = "network, one way"
	streamHop = "stream hop"
	queueCall = "SQS"
	queueHop  = "queue hop"
	blobCall  = "S3"
)

// aws are the figures, in pairs of percentile and milliseconds. They stand in
// docs/latency-model.md too, with their sources; a test keeps the two equal.
func aws() map[string]distribution {
	write := curve(0, 5.47, 50, 7.55, 90, 11.3, 95, 13.2, 99, 16.2, 100, 29)
	query := curve(0, 2, 50, 5, 90, 8.5, 95, 10, 99, 15, 100, 40)
	return map[string]distribution{
		"GetItem":            curve(0, 1.5, 50, 4, 90, 7, 95, 8.5, 99, 12, 100, 30),
		"BatchGetItem":       curve(0, 2, 50, 5.5, 90, 9.5, 95, 11.5, 99, 18, 100, 45),
		"Query":              query,
		"Scan":               query,
		"PutItem":            write,
		"UpdateItem":         write,
		"DeleteItem":         write,
		"BatchWriteItem":     curve(0, 6.59, 50, 8.14, 90, 13.3, 95, 15.4, 99, 25.5, 100, 56.8),
		"TransactWriteItems": curve(0, 19.4, 50, 25.3, 90, 30.7, 95, 36.4, 99, 92.5, 100, 218),
		"TransactGetItems":   curve(0, 8, 50, 13, 90, 18, 95, 22, 99, 45, 100, 110),
		postCall:             curve(0, 5, 50, 12, 90, 22, 95, 28, 99, 60, 100, 200),
		warm:                 curve(0, 2, 50, 6, 90, 12, 95, 16, 99, 30, 100, 100),
		cold:                 curve(0, 110, 50, 180, 90, 280, 95, 340, 99, 500, 100, 1000),
		httpAPI:              curve(0, 1.5, 50, 4, 90, 6.5, 95, 7.5, 99, 10, 100, 30),
		socketAPI:            curve(0, 3, 50, 8, 90, 15, 95, 20, 99, 35, 100, 100),
		network:              curve(0, 4, 50, 12, 90, 22, 95, 28, 99, 50, 100, 150),
		queueCall:            curve(0, 3, 50, 8, 90, 18, 95, 25, 99, 60, 100, 200),
		queueHop:             curve(0, 10, 50, 30, 90, 90, 95, 150, 99, 400, 100, 1000),
		blobCall:             curve(0, 8, 50, 25, 90, 60, 95, 90, 99, 200, 100, 600),
		streamHop:            curve(0, 60, 10, 118, 50, 213, 90, 341, 99, 552, 100, 900),
	}
}
