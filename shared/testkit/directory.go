package testkit

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rapport/rapport/shared/core/identity/workos/workostest"
)

const workosKey = "sk_test_directory"

// joined is when everybody came to WorkOS.
func joined() time.Time { return time.Date(2026, time.January, 1, 0, 0, 0, 0, time.UTC) }

// WebhookSecret is what WorkOS's webhooks are signed with here, unless a test says
// otherwise.
const WebhookSecret = "whsec_test"

// Directory is WorkOS's list of people, as far as functions ask it, over its
// own protocol.
type Directory struct {
	url string

	mu      sync.Mutex
	key     string
	people  map[string]*Person
	status  int
	lookups int
}

func newDirectory(t testing.TB) *Directory {
	d := &Directory{key: workosKey, people: map[string]*Person{}}
	server := httptest.NewServer(http.HandlerFunc(d.serve))
	t.Cleanup(server.Close)
	d.url = server.URL
	return d
}

func (d *Directory) add(p *Person) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.people[p.Subject] = p
}

// Down answers every question with a status; 0 ends that.
func (d *Directory) Down(status int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.status = status
}

// Lookups counts the questions.
func (d *Directory) Lookups() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.lookups
}

// TakeKey has the directory take another API key, and that one alone.
func (d *Directory) TakeKey(key string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.key = key
}

// serve counts the questions before they are answered, or is down.
func (d *Directory) serve(w http.ResponseWriter, r *http.Request) {
	d.mu.Lock()
	d.lookups++
	status, key := d.status, d.key
	d.mu.Unlock()
	if status != 0 {
		writeJSON(w, status, map[string]string{"message": "Down for the test"})
		return
	}
	workostest.Users(key, d.find).ServeHTTP(w, r)
}

func (d *Directory) find(id string) (workostest.User, bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	p, known := d.people[id]
	if !known {
		return workostest.User{}, false
	}
	first, last, _ := strings.Cut(p.DisplayName, " ")
	return workostest.User{ID: p.Subject, Email: p.Email, FirstName: first, LastName: last, CreatedAt: joined()}, true
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	// Strings always encode, and a client that is gone needs no answer.
	_ = json.NewEncoder(w).Encode(v)
}
