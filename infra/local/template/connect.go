package template

import "strings"

// connect finds the functions, tables and queues that routes and readers name by
// ARN, now that every stack has been read.
func (l *loader) connect() {
	taken := map[string]bool{}
	for _, pending := range l.routes {
		route, ok := l.route(pending)
		if !ok {
			continue
		}
		key := route.Method + " " + route.Path
		if taken[key] {
			l.fail(pending.at.errorf("the route %s stands twice", strings.TrimSpace(key)))
			continue
		}
		taken[key] = true
		l.stack.Routes = append(l.stack.Routes, route)
	}
	for _, pending := range l.sockets {
		f, ok := l.function(pending.arn)
		if !ok {
			l.fail(pending.at.at("FunctionArn").errorf("%q is no function of these stacks", pending.arn))
			continue
		}
		l.stack.SocketRoutes = append(l.stack.SocketRoutes, SocketRoute{Key: pending.key, Folder: f.Folder})
	}
	for _, pending := range l.readers {
		l.reader(pending)
	}
	for _, pending := range l.takers {
		l.taker(pending)
	}
	for _, q := range l.stack.Queues {
		if _, known := l.stack.Queue(q.DeadLetters); q.DeadLetters != "" && !known {
			l.fail(l.queuePlaces[q.ARN].at("RedrivePolicy").errorf("%q is no queue of these stacks", q.DeadLetters))
		}
	}
}

func (l *loader) route(pending pendingRoute) (Route, bool) {
	route := pending.route
	if l.stack.HTTP == nil || pending.api != l.stack.HTTP.ID {
		l.fail(pending.at.errorf("ApiId %q is no HTTP API of these stacks", pending.api))
		return route, false
	}
	if pending.folder != "" {
		return route, true
	}
	arn, ok := integrationARN(pending.uri)
	if !ok {
		l.fail(pending.at.errorf("%q is not a Lambda invocation URI", pending.uri))
		return route, false
	}
	f, ok := l.function(arn)
	if !ok {
		l.fail(pending.at.errorf("%q is no function of these stacks", arn))
		return route, false
	}
	route.Folder = f.Folder
	return route, true
}

// function is the one that an ARN, or its alias's, names.
func (l *loader) function(arn string) (Function, bool) {
	for _, f := range l.stack.Functions {
		if arn == f.ARN || strings.HasPrefix(arn, f.ARN+":") {
			return f, true
		}
	}
	return Function{}, false
}

func (l *loader) reader(pending pendingReader) {
	_, rest, _ := strings.Cut(pending.stream, ":table/")
	name, _, isStream := strings.Cut(rest, "/stream/")
	for _, table := range l.stack.Tables {
		if !isStream || table.Name != name {
			continue
		}
		if table.Create.StreamSpecification == nil {
			l.fail(pending.at.at("Stream").errorf("the table %s has no StreamSpecification", table.LogicalID))
			return
		}
		pending.source.Table, pending.source.TableName = table.LogicalID, table.Name
		for i := range l.stack.Functions {
			if f := &l.stack.Functions[i]; f.Folder == pending.folder {
				f.Streams = append(f.Streams, pending.source)
			}
		}
		return
	}
	l.fail(pending.at.at("Stream").errorf("%q is no stream of a table of these stacks", pending.stream))
}

// taker finds the queue of a function, whose visibility timeout must leave it
// time.
func (l *loader) taker(pending pendingTaker) {
	q, known := l.stack.Queue(pending.queue)
	if !known {
		l.fail(pending.at.at("Queue").errorf("%q is no queue of these stacks", pending.queue))
		return
	}
	pending.source.Queue, pending.source.QueueName = q.LogicalID, q.Name
	for i := range l.stack.Functions {
		f := &l.stack.Functions[i]
		if f.Folder != pending.folder {
			continue
		}
		if q.Visibility < f.Timeout {
			l.fail(pending.at.errorf("the visibility timeout of %s, %v, is below the function's timeout, %v", q.LogicalID, q.Visibility, f.Timeout))
		}
		f.Queues = append(f.Queues, pending.source)
	}
}
