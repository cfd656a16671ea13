package template

import (
	"path/filepath"
	"strings"
)

// buildFunction adds an AWS::Serverless::Function and what its events lead to.
func (s *scope) buildFunction(r resource, v value) error {
	p := read(v, &s.load.errs)
	p.known("Handler", "Architectures", "Tracing", "AutoPublishAlias", "AutoPublishAliasAllProperties",
		"LoggingConfig", "DeploymentPreference", "Description", "Tags", "PropagateTags", "PermissionsBoundary",
		"RolePath", "KmsKeyArn", "EphemeralStorage", "RuntimeManagementConfig", "RecursiveLoop",
		"VersionDescription", "VersionDeletionPolicy", "EventInvokeConfig", "ProvisionedConcurrencyConfig", "PackageType")
	if runtime := p.text("Runtime", ""); !strings.HasPrefix(runtime, "provided.") {
		p.fail(v.at.at("Runtime").errorf("must be provided.al2023, not %q: functions are Go binaries", runtime))
	}
	k, _ := kindOf(r.kind)
	name, err := s.physicalName(r, k)
	if err != nil {
		return err
	}
	f := Function{
		LogicalID: r.id,
		Stack:     s.stack,
		Folder:    s.folder(p),
		Name:      name,
		ARN:       s.fill("{arn}", k, name, r.id),
		Env:       map[string]string{},
		Timeout:   p.seconds("Timeout", 3, 1, 900),
		MemoryMB:  p.within("MemorySize", 128, 128, 10240),
		Policies:  s.policies(p),
	}
	if _, ok := v.get("ReservedConcurrentExecutions"); ok {
		reserved := p.within("ReservedConcurrentExecutions", -1, 0, 1000)
		f.Reserved = &reserved
	}
	environment := p.sub("Environment")
	for _, variable := range environment.sub("Variables").v.fields {
		text, err := variable.asText()
		if err != nil {
			p.fail(err)
		}
		f.Env[variable.name] = text
	}
	environment.finish()
	for _, event := range p.sub("Events").v.fields {
		s.buildEvent(&f, event)
	}
	p.finish()
	for _, other := range s.load.stack.Functions {
		if other.Folder == f.Folder {
			p.fail(v.at.at("CodeUri").errorf("%s is the code of %s too", f.Folder, other.LogicalID))
		}
	}
	s.load.stack.Functions = append(s.load.stack.Functions, f)
	return nil
}

// folder is CodeUri, relative to the repository's `functions`.
func (s *scope) folder(p *reader) string {
	uri := p.needText("CodeUri")
	functions := filepath.Join(s.load.root, "functions")
	rel, err := filepath.Rel(functions, filepath.Join(s.dir, filepath.FromSlash(uri)))
	if uri != "" && (err != nil || rel == "." || strings.HasPrefix(rel, "..")) {
		p.fail(p.v.at.at("CodeUri").errorf("%q is not a folder below functions/", uri))
	}
	return filepath.ToSlash(rel)
}

// buildEvent adds one of a function's triggers.
func (s *scope) buildEvent(f *Function, event field) {
	e := read(event.value, &s.load.errs)
	switch kind := e.needText("Type"); kind {
	case "HttpApi":
		s.httpEvent(f.Folder, e.sub("Properties"))
	case "DynamoDB":
		s.streamEvent(f, event.name, e.sub("Properties"))
	case "SQS":
		s.queueEvent(f, event.name, e.sub("Properties"))
	case "ScheduleV2":
		s.scheduleEvent(f, event.name, e.sub("Properties"))
	default:
		e.fail(event.at.at("Type").errorf("the event type %q is not understood", kind))
	}
	e.finish()
}

func (s *scope) httpEvent(folder string, p *reader) {
	api, ok := p.need("ApiId")
	if ok {
		s.load.routes = append(s.load.routes, pendingRoute{at: p.v.at, api: api.text, folder: folder})
	}
	route := Route{Folder: folder, Path: p.text("Path", DefaultRoute), Method: strings.ToUpper(p.text("Method", ""))}
	p.oneOf("PayloadFormatVersion", "2.0", "2.0")
	route.Timeout = milliseconds(p, "TimeoutInMillis")
	if route.Path == DefaultRoute {
		route.Method = ""
	} else if route.Method == "" {
		p.fail(p.v.at.errorf("Method is missing"))
	}
	p.finish()
	if ok {
		s.load.routes[len(s.load.routes)-1].route = route
	}
}

// pendingReader is a stream reader whose table isn't known yet.
type pendingReader struct {
	at     location
	folder string
	stream string
	source EventSource
}

func (s *scope) streamEvent(f *Function, name string, p *reader) {
	p.known("MetricsConfig", "KmsKeyArn")
	if enabled := p.text("Enabled", "true"); enabled != "true" {
		p.fail(p.v.at.at("Enabled").errorf("a reader that is not enabled is not understood"))
	}
	source := EventSource{
		Name:                    name,
		StartingPosition:        p.oneOf("StartingPosition", "", "LATEST", "TRIM_HORIZON"),
		BatchSize:               p.within("BatchSize", 100, 1, 10000),
		Window:                  p.seconds("MaximumBatchingWindowInSeconds", 0, 0, 300),
		MaximumRetryAttempts:    p.within("MaximumRetryAttempts", -1, 0, 10000),
		MaximumRecordAgeSeconds: p.within("MaximumRecordAgeInSeconds", -1, 60, 604800),
		Bisect:                  p.flag("BisectBatchOnFunctionError"),
		ParallelizationFactor:   p.within("ParallelizationFactor", 1, 1, 10),
	}
	if source.StartingPosition == "" {
		p.fail(p.v.at.errorf("StartingPosition is missing"))
	}
	for _, item := range p.items("FunctionResponseTypes") {
		if item.text != "ReportBatchItemFailures" {
			p.fail(item.at.errorf("%q is not understood", item.text))
		}
		source.ReportBatchItemFailures = true
	}
	criteria := p.sub("FilterCriteria")
	for _, item := range criteria.items("Filters") {
		filter := read(item, &s.load.errs)
		source.Filters = append(source.Filters, filter.needText("Pattern"))
		filter.finish()
	}
	criteria.finish()
	destinations := p.sub("DestinationConfig")
	failure := destinations.sub("OnFailure")
	source.Destination = failure.text("Destination", "")
	failure.oneOf("Type", "", "SQS", "SNS")
	failure.finish()
	destinations.finish()
	stream := p.needText("Stream")
	p.finish()
	s.load.readers = append(s.load.readers, pendingReader{at: p.v.at, folder: f.Folder, stream: stream, source: source})
}
