// Package template reads template.yaml and the nested stacks it names, and says
// in types what AWS would build from them: functions with their environment and
// permissions, routes, tables, queues, buckets, stream readers and schedules.
//
// Intrinsic functions, conditions, parameters and SAM's globals are evaluated as
// CloudFormation and SAM do; physical names, ids and ARNs are plausible and
// stable (`rapport-Data` for the table Data of the stack rapport). A resource,
// property or intrinsic function that is not known is an error that says file,
// logical id and property: what runs locally is what is deployed, or it doesn't
// start. What can't change how a function behaves on a laptop (alarms, roles,
// log groups, deployment preferences) is known by name and left out.
package template

import (
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
)

// Stack is everything that a root template and its nested stacks describe.
type Stack struct {
	Name      string
	Region    string
	AccountID string
	Functions []Function
	// Routes of the HTTP API, in the order of the templates.
	Routes []Route
	// SocketRoutes of the WebSocket API, ordered by key.
	SocketRoutes []SocketRoute
	Tables       []Table
	Queues       []Queue
	Buckets      []Bucket
	// HTTP and Socket are nil where the templates have no such API.
	HTTP    *API
	Socket  *API
	Outputs map[string]string
	// Files lists every template that was read, the root first.
	Files []string
}

// Function is one Lambda.
type Function struct {
	LogicalID string
	// Stack is the physical name of the stack it stands in.
	Stack string
	// Folder names it in the tree and among the declared functions: `meetings/start`.
	Folder string
	// Name and ARN are physical.
	Name string
	ARN  string
	// Env is what the templates give it; AWS's own variables are not in it.
	Env      map[string]string
	Timeout  time.Duration
	MemoryMB int
	// Reserved bounds its concurrent executions; nil where the template doesn't.
	Reserved *int
	Policies []Statement
	Streams  []EventSource
	Queues   []QueueSource
	// Schedules are when it runs by the clock.
	Schedules []Schedule
}

// Statement is one IAM statement of a function's role, fully resolved.
type Statement struct {
	Sid       string
	Effect    string
	Action    []string
	NotAction []string
	Resource  []string
	// Condition is operator -> key -> values, as in IAM.
	Condition map[string]map[string][]string
}

// EventSource is a function's reader of a table's stream. Counts of -1 mean
// without bound, as on Lambda.
type EventSource struct {
	// Name is the event's name in the template.
	Name string
	// Table is the table's logical id, TableName its physical name.
	Table     string
	TableName string
	// StartingPosition is LATEST or TRIM_HORIZON.
	StartingPosition string
	BatchSize        int
	Window           time.Duration
	// Filters are event filter patterns (JSON); a record passes if one matches,
	// or if there are none.
	Filters                 []string
	MaximumRetryAttempts    int
	MaximumRecordAgeSeconds int
	Bisect                  bool
	ReportBatchItemFailures bool
	ParallelizationFactor   int
	// Destination is the ARN of the queue or topic for what was given up; empty
	// where there is none.
	Destination string
}

// QueueSource is a function's taking of messages from a queue.
type QueueSource struct {
	// Name is the event's name in the template.
	Name string
	// Queue is the queue's logical id, QueueName its physical name.
	Queue                   string
	QueueName               string
	BatchSize               int
	Window                  time.Duration
	ReportBatchItemFailures bool
	// MaximumConcurrency bounds the batches under way at once; 0 where the template
	// doesn't.
	MaximumConcurrency int
}

// Schedule is a schedule of EventBridge Scheduler that runs a function.
type Schedule struct {
	// Name is the event's name in the template, ARN the schedule's.
	Name string
	ARN  string
	// Expression is `rate(1 hour)` or `cron(0 3 * * ? *)`, in UTC.
	Expression string
}

// Queue is a standard queue of SQS.
type Queue struct {
	LogicalID string
	Name      string
	ARN       string
	URL       string
	// Delay holds back every message that doesn't say its own.
	Delay time.Duration
	// Visibility is how long a message that was received is hidden from others,
	// Retention how long one is kept.
	Visibility time.Duration
	Retention  time.Duration
	// MaxBytes bounds a message.
	MaxBytes int
	// DeadLetters is the ARN of the queue for messages that were received
	// MaxReceives times in vain; empty where there is none.
	DeadLetters string
	MaxReceives int
}

// Bucket is a bucket of S3.
type Bucket struct {
	LogicalID string
	Name      string
	ARN       string
}

// Route is a route of the HTTP API.
type Route struct {
	// Method is upper case, or ANY; empty for the default route.
	Method string
	// Path has parameters in braces, or is DefaultRoute.
	Path   string
	Folder string
	// Timeout is the integration's, where the template sets one; else zero.
	Timeout time.Duration
}

// DefaultRoute is the Path, or the Key, of what no other route takes.
const DefaultRoute = "$default"

// SocketRoute is a route of the WebSocket API: `$connect`, `$disconnect`,
// `$default` or an action.
type SocketRoute struct {
	Key    string
	Folder string
}

// API is an HTTP or WebSocket API.
type API struct {
	LogicalID string
	// ID is what Ref gives, and what requestContext.apiId holds.
	ID string
	// Stage is the stage's name, `$default` where the path has none.
	Stage string
	// Host is the API's host on AWS: functions' variables that hold it are
	// rewritten for the laptop with Stack.Rewrite.
	Host string
	// RouteSelection is a WebSocket API's route selection expression.
	RouteSelection string
	// Rate and Burst are the stage's throttling (requests per second); 0 where
	// the template sets none.
	Rate  float64
	Burst int
	// Cors is nil where the template has no CorsConfiguration.
	Cors *Cors
}

// URL is the stage's address on AWS under a scheme, such as
// `wss://wsapi.execute-api.us-east-1.amazonaws.com/ws`.
func (a API) URL(scheme string) string {
	url := scheme + "://" + a.Host
	if a.Stage != DefaultRoute {
		url += "/" + a.Stage
	}
	return url
}

// Cors is an HTTP API's CORS configuration.
type Cors struct {
	AllowOrigins     []string
	AllowMethods     []string
	AllowHeaders     []string
	ExposeHeaders    []string
	MaxAge           time.Duration
	AllowCredentials bool
}

// Table is a table as CreateTable takes it, and its TTL attribute.
type Table struct {
	LogicalID string
	Name      string
	Create    *dynamodb.CreateTableInput
	// TTL is the time-to-live attribute, empty where there is none.
	TTL string
}

// Function gives the function of a folder.
func (s *Stack) Function(folder string) (Function, bool) {
	for _, f := range s.Functions {
		if f.Folder == folder {
			return f, true
		}
	}
	return Function{}, false
}

// Table gives the table of a logical id.
func (s *Stack) Table(logicalID string) (Table, bool) {
	for _, t := range s.Tables {
		if t.LogicalID == logicalID {
			return t, true
		}
	}
	return Table{}, false
}

// Queue gives the queue of an ARN.
func (s *Stack) Queue(arn string) (Queue, bool) {
	for _, q := range s.Queues {
		if q.ARN == arn {
			return q, true
		}
	}
	return Queue{}, false
}

// Rewrite replaces a text in the values of every function's environment and in
// the outputs: the runner puts its own addresses where the templates built those
// of AWS, as in Rewrite(stack.Socket.URL("wss"), "ws://localhost:3001").
func (s *Stack) Rewrite(old, replacement string) {
	for _, f := range s.Functions {
		for name, value := range f.Env {
			f.Env[name] = strings.ReplaceAll(value, old, replacement)
		}
	}
	for name, value := range s.Outputs {
		s.Outputs[name] = strings.ReplaceAll(value, old, replacement)
	}
}
