package simulation

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"slices"
	"strings"
)

// call is a call of a table, a queue or a secret as it stands on the wire.
type call struct {
	operation string
	body      []byte
	fields    map[string]any
}

func parseCall(target string, body []byte) (call, error) {
	_, operation, _ := strings.Cut(target, ".")
	c := call{operation: operation, body: body}
	if err := json.Unmarshal(body, &c.fields); err != nil {
		return c, fmt.Errorf("read a %s: %w", operation, err)
	}
	return c, nil
}

// written is one item that a call writes, as far as it says so.
type written struct {
	table string
	// verb is Put, Update or Delete.
	verb   string
	pk, sk string
	item   map[string]any
}

// writes are the items that a call writes if it succeeds.
func (c call) writes() []written {
	verb := strings.TrimSuffix(c.operation, "Item")
	switch c.operation {
	case "PutItem", "UpdateItem", "DeleteItem":
		return []written{writtenBy(verb, c.fields)}
	case "TransactWriteItems":
		var all []written
		for _, element := range members(c.fields["TransactItems"]) {
			for verb, fields := range object(element) {
				if verb != "ConditionCheck" {
					all = append(all, writtenBy(verb, object(fields)))
				}
			}
		}
		return all
	case "BatchWriteItem":
		var all []written
		for table, requests := range object(c.fields["RequestItems"]) {
			for _, element := range members(requests) {
				for verb, fields := range object(element) {
					w := writtenBy(strings.TrimSuffix(verb, "Request"), object(fields))
					w.table = table
					all = append(all, w)
				}
			}
		}
		return all
	}
	return nil
}

func writtenBy(verb string, fields map[string]any) written {
	w := written{verb: verb, item: object(fields["Item"])}
	w.table, _ = fields["TableName"].(string)
	key := w.item
	if verb != "Put" {
		key = object(fields["Key"])
	}
	w.pk, w.sk = text(key, "PK"), text(key, "SK")
	return w
}

// token is what makes two sendings of a transaction one.
func (c call) token() string {
	token, _ := c.fields["ClientRequestToken"].(string)
	return token
}

var random = regexp.MustCompile(`[0-9a-f]{32,}|[0-9A-Z]{26}`)

// name says what a call is about, the same in every run of a seed: its
// operation and keys, with names for the ids that are made at random.
func (c call) name(names *strings.Replacer) string {
	var about []string
	collect(c.fields, &about)
	for i, key := range about {
		about[i] = random.ReplaceAllString(names.Replace(key), "?")
	}
	slices.Sort(about)
	about = slices.Compact(about)
	about = about[:min(len(about), 4)]
	return c.operation + " " + strings.Join(about, " ")
}

// collect finds the keys in a request: what PK and SK are, and the texts that a
// query compares with.
func collect(v any, into *[]string) {
	switch v := v.(type) {
	case []any:
		for _, element := range v {
			collect(element, into)
		}
	case map[string]any:
		for name, member := range v {
			switch name {
			case "PK", "SK":
				*into = append(*into, text(v, name))
			case "ExpressionAttributeValues":
				for name := range object(member) {
					if value := text(object(member), name); strings.Contains(value, "#") {
						*into = append(*into, value)
					}
				}
			default:
				collect(member, into)
			}
		}
	}
}

func object(v any) map[string]any {
	m, _ := v.(map[string]any)
	return m
}

func members(v any) []any {
	list, _ := v.([]any)
	return list
}

// text is the string attribute of a name, empty where there is none.
func text(item map[string]any, name string) string {
	s, _ := object(item[name])["S"].(string)
	return s
}

// number is the number attribute of a name, as it is written.
func number(item map[string]any, name string) string {
	n, _ := object(item[name])["N"].(string)
	return n
}

// receive reads a call of a queue or a secret, and lets the time pass until it arrives.
func (s *simulation) receive(r *http.Request) (*operation, call, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, call{}, err
	}
	c, err := parseCall(r.Header.Get("X-Amz-Target"), body)
	if err != nil {
		return nil, call{}, err
	}
	o := operationOf(r.Context())
	s.wire.settle(o, c, c.operation, r)
	return o, c, o.sleep(r.Context(), c.operation, s.paces.post)
}

// request gives the call as a request that can be read.
func (c call) request(r *http.Request) *http.Request {
	again := r.Clone(r.Context())
	again.Body = io.NopCloser(bytes.NewReader(c.body))
	return again
}

// recorded is an answer of a handler.
type recorded struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (r *recorded) Header() http.Header         { return r.header }
func (r *recorded) WriteHeader(status int)      { r.status = status }
func (r *recorded) Write(p []byte) (int, error) { return r.body.Write(p) }
