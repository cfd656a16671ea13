package artifacts

import (
	"cmp"
	"embed"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
	"text/template"
	"time"

	"github.com/rapport/rapport/shared/core/endpoint"
)

//go:embed templates/*.tmpl
var templateFiles embed.FS

// domain is a nested stack of functions.
type domain struct {
	// Name is the folder's, ID its stack's logical id without "Stack".
	Name, ID  string
	Functions []function
	// Body is the resources and outputs, Extra the file whose sections it includes.
	Body, Extra string
	Extras      map[string]string
	Parameters  []parameter
}

// domainsOf are the nested stacks, in order of their names.
func domainsOf(tree fs.FS, specs []endpoint.FunctionSpec, ids map[string]string, known []parameter, w watched) ([]domain, error) {
	byName := map[string]*domain{}
	var found []*domain
	for _, spec := range specs {
		name := path.Dir(spec.Name)
		d := byName[name]
		if d == nil {
			d = &domain{Name: name, ID: strings.ToUpper(name[:1]) + name[1:]}
			byName[name], found = d, append(found, d)
		}
		if err := declaredWhole(spec); err != nil {
			return nil, fmt.Errorf("%s: %w", spec.Name, err)
		}
		f := functionOf(spec, ids[spec.Name])
		f.Named = w.looksAt(f.Name, f.ID)
		d.Functions = append(d.Functions, f)
	}
	slices.SortFunc(found, func(a, b *domain) int { return cmp.Compare(a.Name, b.Name) })
	done := make([]domain, 0, len(found))
	for _, d := range found {
		if err := d.complete(tree, known); err != nil {
			return nil, fmt.Errorf("stack of %s: %w", d.Name, err)
		}
		done = append(done, *d)
	}
	return done, nil
}

// complete writes the stack's body, and finds which parameters it needs.
func (d *domain) complete(tree fs.FS, known []parameter) error {
	var err error
	if d.Extra, d.Extras, err = extras(tree, d.Name); err != nil {
		return err
	}
	if d.Body, err = render("domain.yaml.tmpl", d); err != nil {
		return err
	}
	head, err := render("head.yaml.tmpl", d)
	if err != nil {
		return err
	}
	d.Parameters = given(known, mentioned(head+d.Body))
	return nil
}

// File is where the stack stands.
func (d domain) File() string { return stackFile(d.Name) }

// HTTP are its functions behind routes of the HTTP API.
func (d domain) HTTP() []function { return d.triggered(endpoint.TriggerHTTP) }

// Led are its functions that an API leads to.
func (d domain) Led() []function {
	return append(d.triggered(endpoint.TriggerHTTP), d.triggered(endpoint.TriggerSocket)...)
}

func (d domain) triggered(by endpoint.Trigger) []function {
	var some []function
	for _, f := range d.Functions {
		if f.Trigger == by {
			some = append(some, f)
		}
	}
	return some
}

// Uses reports whether the stack has a parameter.
func (d domain) Uses(name string) bool {
	return slices.ContainsFunc(d.Parameters, func(p parameter) bool { return p.Name == name })
}

// text is the whole template.
func (d domain) text() (string, error) {
	head, err := render("head.yaml.tmpl", d)
	return head + d.Body, err
}

func render(name string, data any) (string, error) {
	t, err := template.New(name).Delims("<<", ">>").Funcs(template.FuncMap{
		"join": strings.Join, "indent": indent, "times": func(a, b int) int { return a * b },
		"seconds": func(d time.Duration) int { return int(d.Seconds()) }, "visibility": func() int { return visibilityTimes },
	}).ParseFS(templateFiles, "templates/"+name)
	if err != nil {
		return "", err
	}
	var out strings.Builder
	err = t.Execute(&out, data)
	return out.String(), err
}

// indent moves every line that isn't empty to the right.
func indent(by int, text string) string {
	lines := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
	for i, line := range lines {
		if line != "" {
			lines[i] = strings.Repeat(" ", by) + line
		}
	}
	return strings.Join(lines, "\n")
}
