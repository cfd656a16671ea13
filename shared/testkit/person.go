package testkit

import (
	"cmp"
	"context"
	"encoding/json"
	"maps"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/golang-jwt/jwt/v5"

	"github.com/rapport/rapport/shared/core/audit"
	"github.com/rapport/rapport/shared/core/caller"
	"github.com/rapport/rapport/shared/core/clock"
	"github.com/rapport/rapport/shared/core/endpoint"
	"github.com/rapport/rapport/shared/core/identity"
	"github.com/rapport/rapport/shared/core/identity/workos"
	"github.com/rapport/rapport/shared/core/identity/workos/workostest"
	"github.com/rapport/rapport/shared/core/session"
	"github.com/rapport/rapport/shared/core/table"
	"github.com/rapport/rapport/shared/users"
)

// Person is somebody who calls. The zero Subject is nobody: a caller without
// token.
type Person struct {
	// ID is the user's, empty for somebody who isn't known here yet.
	ID string
	// Subject, Email and DisplayName are what the directory knows.
	Subject, Email, DisplayName string
	// Session is the session of this person's tokens.
	Session string

	harness *Harness
	// role is a claim of the tokens, org another than everybody's; empty leaves both.
	role, org string
}

// User is a person who has been here, with one session: the same one every time
// for a name such as `ada`.
func (h *Harness) User(name string) *Person {
	p := h.Newcomer(name)
	p.ID = "user_" + name
	h.store(p)
	return p
}

// Newcomer is a person whom the directory knows, and nobody here: their first
// call makes them a user.
func (h *Harness) Newcomer(name string) *Person {
	p := h.Unknown(name)
	p.Email, p.DisplayName = name+"@example.com", strings.ToUpper(name[:1])+name[1:]+" Test"
	h.Directory.add(p)
	return p
}

// operatorOrg is the organisation whose admins operate the suite.
const operatorOrg = "org_operators"

// Operator is a person who operates the suite.
func (h *Harness) Operator(name string) *Person {
	p := h.User(name)
	p.role, p.org = "admin", operatorOrg
	return p
}

// Unknown is a person with good tokens whom the directory does not know.
func (h *Harness) Unknown(name string) *Person {
	return &Person{Subject: "subject_" + name, Session: "session_" + name, harness: h}
}

// store keeps a person as a user, once, whom the issuer's name for them names.
func (h *Harness) store(p *Person) {
	h.t.Helper()
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.stored[p.ID] {
		return
	}
	h.stored[p.ID] = true
	c := clock.System{}
	operator := caller.Caller{UserID: "operator", SessionID: "session_operator", RequestID: h.nextID()}
	people := users.New(h.Tables.Data, audit.New(h.Tables.Audit, c), c, nil)
	user := users.User{UserID: p.ID, Email: p.Email, DisplayName: p.DisplayName, Revision: 1, CreatedAt: joined()}
	err := h.Tables.Data.Put(h.t.Context(), users.Key(p.ID), user, table.If(table.Absent()))
	if err == nil {
		err = people.Attach(h.t.Context(), operator, p.ID, identity.ID{Issuer: h.Issuer.Name, Subject: p.Subject})
	}
	if err != nil {
		h.t.Errorf("store %s: %v", p.ID, err)
	}
}

// Nobody calls without a token.
func (h *Harness) Nobody() *Person { return &Person{harness: h} }

// Claims are what an identity provider says of this person for five minutes.
func (p *Person) Claims() jwt.MapClaims {
	claims := p.session().Claims(p.harness.Issuer.Name, time.Now(), 5*time.Minute)
	if p.role != "" {
		claims["role"] = p.role
	}
	return claims
}

func (p *Person) session() workostest.Session {
	return workostest.Session{ID: p.Session, UserID: p.Subject, Organization: cmp.Or(p.org, "org_test")}
}

// Token signs the person's claims after each change was applied to them; a nil
// value removes a claim.
func (p *Person) Token(t testing.TB, changes ...jwt.MapClaims) string {
	t.Helper()
	claims := p.Claims()
	for _, change := range changes {
		maps.Copy(claims, change)
	}
	maps.DeleteFunc(claims, func(_ string, v any) bool { return v == nil })
	return p.harness.Issuer.Sign(t, claims)
}

// Option changes a request before it is sent, or what its function is opened with.
type Option func(*request)

type request struct {
	*http.Request
	overrides *endpoint.Overrides
}

// Header sets a header; an empty value removes it.
func Header(name, value string) Option {
	return func(r *request) {
		r.Header.Set(name, value)
		if value == "" {
			r.Header.Del(name)
		}
	}
}

// Key sets the Idempotency-Key.
func Key(key string) Option { return Header("Idempotency-Key", key) }

// Bearer sends another token than the person's own.
func Bearer(token string) Option { return Header("Authorization", "Bearer "+token) }

// With has the request answered by an instance that is opened with overrides.
func With(overrides endpoint.Overrides) Option {
	return func(r *request) { r.overrides = &overrides }
}

// Call sends a request such as `GET /v1/meetings?limit=2` and gives the answer.
// A body that is a string or []byte goes as it is, nil is no body, all else is
// written as JSON. The answer of a function that failed as a whole, which AWS
// would turn into a 500 of its own, has Status 0 and fails the test.
func (p *Person) Call(t testing.TB, line string, body any, options ...Option) Answer {
	t.Helper()
	verb, target, _ := strings.Cut(line, " ")
	raw, err := bodyOf(body)
	if err != nil {
		t.Errorf("%s: encode body: %v", line, err)
		return Answer{Request: line}
	}
	sent, err := http.NewRequestWithContext(t.Context(), verb, "https://api.test"+target, nil)
	if err != nil {
		t.Errorf("%s: %v", line, err)
		return Answer{Request: line}
	}
	r := &request{Request: sent}
	if p.Subject != "" {
		r.Header.Set("Authorization", "Bearer "+p.Token(t))
	}
	if raw != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	for _, option := range options {
		option(r)
	}
	return p.harness.call(t, line, r, raw)
}

func (h *Harness) call(t testing.TB, line string, r *request, body []byte) Answer {
	t.Helper()
	function, parameters := h.route(r.Method, r.URL)
	event := httpEvent(r.Request, function.Route, parameters, body, h.nextID())
	payload, err := h.invoke(r.Context(), function.Name, r.overrides, event)
	if err != nil {
		t.Errorf("%s: %s failed: %v", line, function.Name, err)
		return Answer{Request: line}
	}
	var given events.APIGatewayV2HTTPResponse
	if err := json.Unmarshal(payload, &given); err != nil {
		t.Errorf("%s: %s gave no HTTP answer: %v", line, function.Name, err)
		return Answer{Request: line}
	}
	answer := Answer{Request: line, Status: given.StatusCode, Header: http.Header{}, Body: []byte(given.Body)}
	for name, value := range given.Headers {
		answer.Header.Set(name, value)
	}
	if err := h.document.check(function, answer); err != nil {
		t.Errorf("%s: the answer is not what docs/openapi.json says: %v: %d %s", line, err, answer.Status, answer.Body)
	}
	return answer
}

func bodyOf(body any) ([]byte, error) {
	switch body := body.(type) {
	case nil:
		return nil, nil
	case string:
		return []byte(body), nil
	case []byte:
		return body, nil
	}
	return json.Marshal(body)
}

// Webhook sends an event as WorkOS does, signed now; options may change that.
func (h *Harness) Webhook(t testing.TB, event any, options ...Option) Answer {
	t.Helper()
	body, err := bodyOf(event)
	if err != nil {
		t.Fatalf("encode event: %v", err)
	}
	signature := workos.Sign(WebhookSecret, time.Now(), body)
	options = append([]Option{Header(workos.SignatureHeader, signature)}, options...)
	return h.Nobody().Call(t, "POST /v1/webhooks/workos", body, options...)
}

// Revoke ends the person's session as WorkOS does: by its event.
func (p *Person) Revoke(t testing.TB) Answer {
	t.Helper()
	event, err := p.session().Revoked("event_"+p.Session, joined())
	if err != nil {
		t.Fatalf("encode event: %v", err)
	}
	return p.harness.Webhook(t, event)
}

// EndSession marks the person's session as ended and does no more, as a function
// that dies then.
func (p *Person) EndSession(ctx context.Context) error {
	return p.harness.sessions().End(ctx, session.Name(p.harness.Issuer.Name, p.Session))
}

func pathSegments(u *url.URL) []string {
	segments := strings.Split(strings.TrimPrefix(u.EscapedPath(), "/"), "/")
	for i, segment := range segments {
		if plain, err := url.PathUnescape(segment); err == nil {
			segments[i] = plain
		}
	}
	return segments
}
