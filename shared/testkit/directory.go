package testkit

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
)

const workosKey = "sk_test_directory"

// WebhookSecret is what WorkOS's webhooks are signed with here.
const WebhookSecret = "whsec_test"

// Directory is WorkOS's list of people, as far as functions ask it, over its
// own protocol.
type Directory struct {
	url string

	mu      sync.Mutex
	people  map[string]*Person
	status  int
	lookups int
}

func newDirectory(t testing.TB) *Directory {
	d := &Directory{people: map[string]*Person{}}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /user_management/users/{id}", d.serve)
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	d.url = server.URL
	return d
}

func (d *Directory) add(p *Person) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.people[p.ID] = p
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

func (d *Directory) serve(w http.ResponseWriter, r *http.Request) {
	id := r.PathValue("id")
	d.mu.Lock()
	d.lookups++
	p, known := d.people[id]
	status := d.status
	d.mu.Unlock()
	switch {
	case r.Header.Get("Authorization") != "Bearer "+workosKey:
		writeJSON(w, http.StatusUnauthorized, map[string]string{"message": "Unauthorized", "code": "unauthorized"})
	case status != 0:
		writeJSON(w, status, map[string]string{"message": "Down for the test"})
	case !known:
		writeJSON(w, http.StatusNotFound, map[string]string{
			"message": fmt.Sprintf("User not found: '%s'.", id), "code": "entity_not_found", "entity_id": id,
		})
	default:
		first, last, _ := strings.Cut(p.DisplayName, " ")
		writeJSON(w, http.StatusOK, map[string]any{
			"object": "user", "id": p.ID, "email": p.Email, "first_name": first, "last_name": last, "email_verified": true,
			"created_at": "2026-01-01T00:00:00.000Z", "updated_at": "2026-01-01T00:00:00.000Z",
		})
	}
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	// Strings always encode, and a client that is gone needs no answer.
	_ = json.NewEncoder(w).Encode(v)
}
