package template

import (
	"cmp"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"
)

const (
	accountID     = "000000000000"
	urlSuffix     = "amazonaws.com"
	defaultRegion = "us-east-1"
	defaultStack  = "rapport"
)

// Load reads the root template at path, and the nested stacks it names, with
// parameters for the root. Parameters without a value take their defaults; the
// names AWS::Region and AWS::StackName set those pseudo parameters (us-east-1,
// rapport). The error joins every *Problem found.
//
// The folder of the root template is the repository's root: functions lie in its
// folder `functions`.
func Load(path string, params map[string]string) (*Stack, error) {
	absolute, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("load template: %w", err)
	}
	given := map[string]value{}
	for name, text := range params {
		given[name] = textOf(location{file: filepath.Base(path), path: "Parameters"}, text)
	}
	take := func(name, fallback string) string {
		defer delete(given, name)
		return cmp.Or(params[name], fallback)
	}
	l := &loader{
		root:   filepath.Dir(absolute),
		region: take("AWS::Region", defaultRegion), queuePlaces: map[string]location{},
	}
	l.stack = &Stack{Name: take("AWS::StackName", defaultStack), Region: l.region, AccountID: accountID, Outputs: map[string]string{}}
	root, err := l.open(absolute, l.stack.Name, given)
	if err != nil {
		return nil, err
	}
	root.build()
	l.connect()
	if len(l.errs) == 0 {
		root.outputs()
	}
	if len(l.errs) > 0 {
		return nil, errors.Join(l.errs...)
	}
	l.order()
	return l.stack, nil
}

// loader gathers the model while scopes are built.
type loader struct {
	root   string
	region string
	stack  *Stack
	errs   []error
	// What refers to functions, tables and queues by ARN is connected when all are
	// known.
	routes  []pendingRoute
	sockets []pendingSocket
	readers []pendingReader
	takers  []pendingTaker
	// queuePlaces are where the queues stand, by ARN.
	queuePlaces map[string]location
}

func (l *loader) fail(err error) { l.errs = append(l.errs, err) }

func (l *loader) host(id string) string {
	return id + ".execute-api." + l.region + "." + urlSuffix
}

// relative is a path as errors show it: from the repository's root.
func (l *loader) relative(path string) string {
	if rel, err := filepath.Rel(l.root, path); err == nil {
		return filepath.ToSlash(rel)
	}
	return path
}

// scope is one template under evaluation, with its parameters bound.
type scope struct {
	load   *loader
	doc    *document
	file   string
	dir    string
	stack  string
	params map[string]value
	// asking guards against conditions that depend on themselves.
	asking   map[string]bool
	children map[string]*scope
	// opening guards against nested stacks that wait for each other.
	opening map[string]bool
}

func (l *loader) open(path, stack string, given map[string]value) (*scope, error) {
	name := l.relative(path)
	doc, err := parse(path, name)
	if err != nil {
		return nil, err
	}
	if !slices.Contains(l.stack.Files, path) {
		l.stack.Files = append(l.stack.Files, path)
	}
	s := &scope{
		load: l, doc: doc, file: name, dir: filepath.Dir(path), stack: stack,
		params: map[string]value{}, asking: map[string]bool{},
		children: map[string]*scope{}, opening: map[string]bool{},
	}
	if errs := s.bind(given); len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	for key, section := range pairs(doc.globals) {
		if key.Value != "Function" && key.Value != "HttpApi" && key.Value != "WebSocketApi" || section.Kind != yaml.MappingNode {
			return nil, location{file: name, line: key.Line, path: "Globals." + key.Value}.errorf("these globals are not understood")
		}
	}
	return s, nil
}

// build adds what the template's resources describe to the model.
func (s *scope) build() {
	for key, n := range pairs(s.doc.resources) {
		if err := s.buildResource(key.Value, n); err != nil {
			s.load.fail(err)
		}
	}
}

func (s *scope) buildResource(id string, n *yaml.Node) error {
	at := location{file: s.file, line: n.Line, path: id}
	for key := range pairs(n) {
		switch key.Value {
		case "Type", "Properties", "Condition", "DependsOn", "DeletionPolicy", "UpdateReplacePolicy", "Metadata":
		default:
			return at.at(key.Value).errorf("this attribute of a resource is not understood")
		}
	}
	r, _ := s.resource(id)
	if _, known := kindOf(r.kind); !known {
		return at.at("Type").errorf("the resource type %q is not understood", r.kind)
	}
	if r.condition != "" {
		holds, err := s.condition(r.condition, at)
		if err != nil || !holds {
			return err
		}
	}
	switch r.kind {
	case functionType, httpType, socketType, tableType, queueType, bucketType, applicationType:
	default:
		return nil
	}
	section := strings.TrimPrefix(r.kind, "AWS::Serverless::")
	properties := merge(child(s.doc.globals, section), r.properties)
	if properties == nil && r.kind == queueType {
		return s.buildQueue(r, value{at: at, kind: mapValue})
	}
	if properties == nil {
		return at.errorf("has no Properties")
	}
	v, err := s.eval(properties, at.at("Properties"))
	if err != nil {
		return err
	}
	switch r.kind {
	case functionType:
		return s.buildFunction(r, v)
	case httpType:
		return s.buildHTTP(r, v)
	case socketType:
		return s.buildSocket(r, v)
	case tableType:
		return s.buildTable(r, v)
	case queueType:
		return s.buildQueue(r, v)
	case bucketType:
		return s.buildBucket(r, v)
	}
	nested, err := s.nested(r)
	if err != nil {
		return err
	}
	nested.build()
	return nil
}

// nested opens a nested stack, once, with the parameters its parent gives.
func (s *scope) nested(r resource) (*scope, error) {
	if opened, ok := s.children[r.id]; ok {
		return opened, nil
	}
	at := location{file: s.file, line: r.line, path: r.id}
	if s.opening[r.id] {
		return nil, at.errorf("depends on itself: its parameters need its own outputs, by way of another stack")
	}
	s.opening[r.id] = true
	defer delete(s.opening, r.id)
	v, err := s.eval(r.properties, at.at("Properties"))
	if err != nil {
		return nil, err
	}
	var errs []error
	p := read(v, &errs)
	p.known("Tags", "TimeoutInMinutes", "NotificationARNs")
	location := p.needText("Location")
	given := map[string]value{}
	for _, f := range p.sub("Parameters").v.fields {
		given[f.name] = f.value
	}
	p.finish()
	if len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	if strings.Contains(location, "://") {
		return nil, v.at.at("Location").errorf("only templates in this repository are understood, not %q", location)
	}
	opened, err := s.load.open(filepath.Join(s.dir, filepath.FromSlash(location)), s.stack+"-"+r.id, given)
	if err != nil {
		return nil, err
	}
	s.children[r.id] = opened
	return opened, nil
}

func (s *scope) outputs() {
	for key, n := range pairs(s.doc.outputs) {
		at := location{file: s.file, line: n.Line, path: "Outputs." + key.Value}
		if c := child(n, "Condition"); c != nil {
			holds, err := s.condition(c.Value, at)
			if err != nil {
				s.load.fail(err)
			}
			if !holds {
				continue
			}
		}
		v, err := s.output(key.Value, at)
		if err != nil {
			s.load.fail(err)
			continue
		}
		s.load.stack.Outputs[key.Value] = v.text
	}
}

// order makes the model independent of the templates' order where that means
// nothing.
func (l *loader) order() {
	slices.SortFunc(l.stack.Functions, func(a, b Function) int { return cmp.Compare(a.Folder, b.Folder) })
	slices.SortFunc(l.stack.SocketRoutes, func(a, b SocketRoute) int { return cmp.Compare(a.Key, b.Key) })
}
