package simulation

import (
	"encoding/json"
	"net/http"
	"strings"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"github.com/rapport/rapport/shared/core/endpoint"
)

// reply is what a request got. Status 500 without a code is a function that
// failed: API Gateway's own.
type reply struct {
	status int
	code   string
	body   []byte
	// at is when the function answered.
	at int64
}

// ok reports a success.
func (r reply) ok() bool { return r.status >= 200 && r.status < 300 }

// passing reports an answer after which the same request may be sent again.
func (r reply) passing() bool { return r.status >= 500 || r.status == http.StatusTooManyRequests }

// request sends an HTTP request for a person and waits for its answer.
func (s *simulation) request(name string, who *person, request string, body any, key string) reply {
	method, path, _ := strings.Cut(request, " ")
	path, query, _ := strings.Cut(path, "?")
	function, parameters := s.route(method, path)
	o := s.operation(name, function.Name)
	_ = o.sleep(s.ctx, "to the function", s.paces.network) // at the run's end nobody waits any more
	e := events.APIGatewayV2HTTPRequest{
		Version: "2.0", RouteKey: function.Route, RawPath: path, RawQueryString: query, PathParameters: parameters,
		Headers: map[string]string{"host": "api.test", "authorization": "Bearer " + who.token},
		RequestContext: events.APIGatewayV2HTTPRequestContext{
			RouteKey: function.Route, Stage: "$default", RequestID: o.name, APIID: "api", DomainName: "api.test",
			TimeEpoch: time.Now().UnixMilli(),
			HTTP: events.APIGatewayV2HTTPRequestContextHTTPDescription{
				Method: method, Path: path, Protocol: "HTTP/1.1", SourceIP: "203.0.113.7",
			},
		},
	}
	for pair := range strings.SplitSeq(query, "&") {
		if parameter, value, found := strings.Cut(pair, "="); found {
			if e.QueryStringParameters == nil {
				e.QueryStringParameters = map[string]string{}
			}
			e.QueryStringParameters[parameter] = value
		}
	}
	if key != "" {
		e.Headers["idempotency-key"] = key
	}
	if body != nil {
		text, err := json.Marshal(body)
		if err != nil {
			s.t.Errorf("%s: %v", name, err)
			return reply{}
		}
		e.Body, e.Headers["content-type"] = string(text), "application/json"
	}
	payload, at, err := s.invoke(o, function, e)
	r := reply{status: http.StatusInternalServerError, at: at}
	if err == nil {
		var given events.APIGatewayV2HTTPResponse
		if err := json.Unmarshal(payload, &given); err != nil {
			s.t.Errorf("%s: %v", name, err)
		}
		r.status, r.body = given.StatusCode, []byte(given.Body)
	}
	if r.status >= 400 && len(r.body) > 0 {
		var problem struct{ Code, Detail string }
		if err := json.Unmarshal(r.body, &problem); err != nil {
			s.t.Errorf("%s: %v: %s", name, err, r.body)
		}
		r.code = problem.Code
	}
	s.note(o, "answered %d %s", r.status, r.code)
	_ = o.sleep(s.ctx, "from the function", s.paces.network) // as above
	return r
}

const (
	// again is how often a request that may be repeated is sent at most.
	again = 16
	// underWay is how often that is where another may be under way: an execution
	// that died keeps its key for 35 seconds.
	underWay = 12
)

// insist sends a request until its answer says what became of it, and gives how
// often.
func (s *simulation) insist(name string, who *person, request string, body any, key string) (last reply, tries int) {
	s.mu.Lock()
	s.insisting++
	s.mu.Unlock()
	defer func() {
		s.mu.Lock()
		s.insisting--
		s.mu.Unlock()
	}()
	for tries = 1; ; tries++ {
		last = s.request(name+strings.Repeat("'", tries-1), who, request, body, key)
		busy := last.status == http.StatusConflict && tries > 1 && tries < underWay
		if !last.passing() && !busy || tries == again || s.over() {
			return last, tries
		}
		wait := pace{low: 200 * time.Millisecond, high: 2 * time.Second}
		if busy {
			wait = pace{low: 3 * time.Second, high: 6 * time.Second}
		}
		o := s.operation(name+" waits", "")
		_ = o.sleep(s.ctx, strings.Repeat("'", tries), wait) // as above
	}
}

// route finds the function of a request: the one with the most literal steps.
func (s *simulation) route(method, path string) (best endpoint.FunctionSpec, parameters map[string]string) {
	steps := strings.Split(path, "/")
	most := -1
	for _, function := range s.functions {
		verb, pattern, _ := strings.Cut(function.Route, " ")
		if function.Trigger != endpoint.TriggerHTTP || verb != method {
			continue
		}
		if found, literals, ok := match(strings.Split(pattern, "/"), steps); ok && literals > most {
			best, parameters, most = function, found, literals
		}
	}
	if most < 0 {
		s.t.Errorf("no function takes %s %s", method, path)
	}
	return best, parameters
}

func match(pattern, steps []string) (parameters map[string]string, literals int, ok bool) {
	if len(pattern) != len(steps) {
		return nil, 0, false
	}
	parameters = map[string]string{}
	for i, step := range pattern {
		switch {
		case strings.HasPrefix(step, "{"):
			parameters[strings.Trim(step, "{}")] = steps[i]
		case step != steps[i]:
			return nil, 0, false
		default:
			literals++
		}
	}
	return parameters, literals, true
}
