package artifacts

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/rapport/rapport/shared/core/endpoint"
)

// function is one of its functions in the templates' terms.
type function struct {
	endpoint.FunctionSpec
	// ID is its logical id without "Function".
	ID string
	// Needed is what it may do.
	Needed     endpoint.Deployment
	Memory     int
	Seconds    int
	Variables  []variable
	Statements []statement
	// Gates are the alarms that roll its deployment back.
	Gates []string
	// Named is true where the stack of alarms needs its physical name.
	Named bool
}

type variable struct{ Name, Value string }

type statement struct {
	Sid, Resource string
	Actions       []string
}

// What functions have unless they say otherwise.
const (
	memoryHTTP     = 256
	memoryElse     = 512
	defaultTimeout = 10 * time.Second
	// visibilityTimes is how many of a function's timeouts a message is hidden for.
	visibilityTimes = 6
)

// idsOf are the names of the functions' declarations, by the functions' names.
func idsOf(tree fs.FS, specs []endpoint.FunctionSpec) (map[string]string, error) {
	ids := map[string]string{}
	for _, spec := range specs {
		domain, folder := path.Split(spec.Name)
		listed, err := Declared(tree, path.Clean(domain))
		if err != nil {
			return nil, err
		}
		if ids[spec.Name] = listed[folder]; ids[spec.Name] == "" {
			return nil, fmt.Errorf("%s: Functions of functions/%s lists no declaration under its folder", spec.Name, domain)
		}
	}
	return ids, nil
}

// declaredWhole finds what a trigger needs and its declaration lacks.
func declaredWhole(spec endpoint.FunctionSpec) error {
	d := spec.Deployment
	if spec.Trigger != endpoint.TriggerStream && spec.Trigger != endpoint.TriggerQueue {
		return nil
	}
	if d.Lag < time.Second {
		return errors.New("it doesn't say how far behind it may be: endpoint.Lag")
	}
	if spec.Trigger == endpoint.TriggerQueue {
		if d.Messages.Kept < time.Minute || d.Messages.Concurrency < 2 {
			return errors.New("it doesn't say how long messages are kept, or how many batches are under way: endpoint.Takes")
		}
		return nil
	}
	read := make([]string, 0, len(d.Sources))
	for _, source := range d.Sources {
		read = append(read, string(source.Table))
		if source.BatchSize < 1 || source.Parallel < 1 || len(source.Filters) == 0 {
			return fmt.Errorf("its source %s lacks a batch size, a number of batches or a filter: endpoint.From", source.Table)
		}
	}
	if strings.Join(read, ",") != spec.Route {
		return fmt.Errorf("it reads %s, and its sources are of %s", spec.Route, strings.Join(read, ","))
	}
	return nil
}

func functionOf(spec endpoint.FunctionSpec, id string) function {
	f := function{FunctionSpec: spec, ID: id, Needed: spec.Needed(), Memory: spec.Deployment.MemoryMB}
	if f.Memory == 0 {
		f.Memory = memoryElse
		if spec.Trigger == endpoint.TriggerHTTP {
			f.Memory = memoryHTTP
		}
	}
	f.Seconds = int(cmp.Or(spec.Deployment.Timeout, defaultTimeout).Seconds())
	f.Variables = variables(spec)
	f.Statements = statements(f.Needed)
	f.Gates = []string{id + "Errors"}
	switch spec.Trigger {
	case endpoint.TriggerStream:
		// A batch that is tried again is no failed call: the age alone tells of it.
		f.Gates = append(f.Gates, id+"Age")
	case endpoint.TriggerQueue:
		f.Gates = append(f.Gates, spec.Route+"Age")
	case endpoint.TriggerSchedule:
		f.Gates = []string{id + "Failed"} // too rare for a rate
	}
	return f
}

// variables are those that not every function has.
func variables(spec endpoint.FunctionSpec) []variable {
	var all []variable
	if spec.Class == endpoint.Admins {
		all = append(all, variable{"OPERATOR_ORG_ID", "!Ref OperatorOrgId"})
	}
	needed := spec.Needed()
	for _, queue := range needed.Queues {
		all = append(all, variable{strings.ToUpper(queue) + "_QUEUE_URL", "!Ref " + queue + "Url"})
	}
	for _, service := range needed.Services {
		for _, name := range slices.Sorted(maps.Keys(service.Variables)) {
			all = append(all, variable{name, service.Variables[name]})
		}
	}
	return all
}

// statements write a function's grants out: one for each table, index, queue and the
// sockets.
func statements(needed endpoint.Deployment) []statement {
	var all []statement
	for _, g := range needed.Grants {
		s := statement{Sid: string(g.Table), Resource: "!Ref " + string(g.Table) + "TableArn"}
		if g.Index != "" {
			s = statement{Sid: string(g.Table) + "Index", Resource: fmt.Sprintf(`!Sub "${%sTableArn}/index/%s"`, g.Table, g.Index)}
		}
		for _, action := range g.Actions {
			s.Actions = append(s.Actions, "dynamodb:"+action)
		}
		all = append(all, s)
	}
	arns := map[endpoint.SocketCall]string{
		endpoint.SocketPost: "!Ref ConnectionsArn", endpoint.SocketLookup: "!Ref ConnectionLookupsArn", endpoint.SocketClose: "!Ref ConnectionEndsArn",
	}
	var sockets []string
	for _, call := range []endpoint.SocketCall{endpoint.SocketPost, endpoint.SocketLookup, endpoint.SocketClose} {
		if slices.Contains(needed.Sockets, call) {
			sockets = append(sockets, arns[call])
		}
	}
	switch {
	case len(sockets) == 1:
		all = append(all, statement{"Sockets", sockets[0], []string{"execute-api:ManageConnections"}})
	case len(sockets) > 1:
		all = append(all, statement{"Sockets", "[" + strings.Join(sockets, ", ") + "]", []string{"execute-api:ManageConnections"}})
	}
	for _, queue := range needed.Queues {
		all = append(all, statement{queue, "!Ref " + queue + "Arn", []string{"sqs:SendMessage"}})
	}
	for _, service := range needed.Services {
		if len(service.Actions) > 0 {
			all = append(all, statement{service.Name, "[" + strings.Join(service.Resources, ", ") + "]", service.Actions})
		}
	}
	return all
}

// LagMillis is the lag in milliseconds, as a stream's age is.
func (f function) LagMillis() int64 { return f.Deployment.Lag.Milliseconds() }

// LagSeconds is the lag in seconds, as a queue's age is.
func (f function) LagSeconds() int { return int(f.Deployment.Lag.Seconds()) }

// Patience is what an alarm on missed runs waits for: how long one period is, in
// seconds, and how many may go by.
func (f function) Patience() (string, error) {
	period, count, err := patience(f.Route)
	return fmt.Sprintf("Period: %d\n      EvaluationPeriods: %d", period, count), err
}

// patience waits for three runs of a rate, and for two days of what runs at times
// that a cron expression names.
func patience(expression string) (period, count int, err error) {
	inner, isRate := strings.CutPrefix(strings.TrimSuffix(expression, ")"), "rate(")
	if !isRate {
		return 86400, 2, nil
	}
	var n int
	var unit string
	if _, err := fmt.Sscanf(inner, "%d %s", &n, &unit); err != nil {
		return 0, 0, fmt.Errorf("schedule %s: %w", expression, err)
	}
	seconds := map[string]int{"minute": 60, "hour": 3600, "day": 86400}[strings.TrimSuffix(unit, "s")]
	if period = n * seconds; period <= 0 || period > 86400 {
		return 0, 0, fmt.Errorf("schedule %s: no alarm watches a period of %d seconds", expression, period)
	}
	return period, 3, nil
}
