package issuer

import (
	"crypto/subtle"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
)

// workosTime is how WorkOS writes times.
const workosTime = "2006-01-02T15:04:05.000Z"

// workosUser is WorkOS's user object.
type workosUser struct {
	Object            string            `json:"object"`
	ID                string            `json:"id"`
	Email             string            `json:"email"`
	FirstName         *string           `json:"first_name"`
	LastName          *string           `json:"last_name"`
	EmailVerified     bool              `json:"email_verified"`
	ProfilePictureURL *string           `json:"profile_picture_url"`
	LastSignInAt      *string           `json:"last_sign_in_at"`
	ExternalID        *string           `json:"external_id"`
	Metadata          map[string]string `json:"metadata"`
	CreatedAt         string            `json:"created_at"`
	UpdatedAt         string            `json:"updated_at"`
}

// workosError is WorkOS's error object.
type workosError struct {
	Message  string `json:"message"`
	Code     string `json:"code,omitempty"`
	EntityID string `json:"entity_id,omitempty"`
}

// workos is what functions call of WorkOS's REST interface, with
// `/dev/workos` as its endpoint.
func (i *Issuer) workos() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /dev/workos/user_management/users/{id}", i.serveUser)
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
		writeWorkOS(w, http.StatusNotFound, workosError{Message: "Not Found", Code: "not_found"})
	})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		key, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
		if !ok || subtle.ConstantTimeCompare([]byte(key), []byte(i.APIKey)) != 1 {
			writeWorkOS(w, http.StatusUnauthorized, workosError{Message: "Unauthorized", Code: "unauthorized"})
			return
		}
		mux.ServeHTTP(w, r)
	})
}

func (i *Issuer) serveUser(w http.ResponseWriter, r *http.Request) {
	id := r.PathValue("id")
	user, ok := i.people.find(id)
	if !ok {
		writeWorkOS(w, http.StatusNotFound, workosError{
			Message: fmt.Sprintf("User not found: '%s'.", id), Code: "entity_not_found", EntityID: id,
		})
		return
	}
	writeWorkOS(w, http.StatusOK, user.workos())
}

func (u User) workos() workosUser {
	at := u.CreatedAt.UTC().Format(workosTime)
	return workosUser{
		Object: "user", ID: u.ID, Email: u.Email, FirstName: optional(u.FirstName), LastName: optional(u.LastName),
		EmailVerified: true, Metadata: map[string]string{}, CreatedAt: at, UpdatedAt: at,
	}
}

// optional is null for what a person doesn't have.
func optional(text string) *string {
	if text == "" {
		return nil
	}
	return &text
}

func writeWorkOS(w http.ResponseWriter, status int, value any) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	// The client may be gone; there is nobody else to tell.
	_ = json.NewEncoder(w).Encode(value)
}
