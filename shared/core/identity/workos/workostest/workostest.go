// Package workostest stands in for WorkOS, for tests and for the local runner:
// the keys and claims of its access tokens, the event that ends a session, and
// the part of its REST interface that functions call. It keeps nothing: its
// callers keep people and sessions.
package workostest

import (
	"crypto/subtle"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// layout is how WorkOS writes times.
const layout = "2006-01-02T15:04:05.000Z"

// Session is somebody's, in the words of WorkOS.
type Session struct{ ID, UserID, Organization string }

// Claims are those of an access token of the session that an issuer signs now.
func (s Session) Claims(issuer string, now time.Time, life time.Duration) jwt.MapClaims {
	return jwt.MapClaims{
		"iss": issuer, "sub": s.UserID, "sid": s.ID, "org_id": s.Organization, "role": "member", "permissions": []string{},
		"iat": now.Unix(), "exp": now.Add(life).Unix(),
	}
}

// Revoked is the body of the event that the session has ended.
func (s Session) Revoked(eventID string, now time.Time) ([]byte, error) {
	at := now.UTC().Format(layout)
	return json.Marshal(map[string]any{
		"id": eventID, "event": "session.revoked", "created_at": at,
		"data": map[string]any{
			"object": "session", "id": s.ID, "user_id": s.UserID, "organization_id": s.Organization, "impersonator": nil,
			"status": "revoked", "ended_at": at, "updated_at": at,
		},
	})
}

// User is somebody whom WorkOS knows.
type User struct {
	ID, Email, FirstName, LastName string
	CreatedAt                      time.Time
}

// object is WorkOS's user object.
type object struct {
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

// refusal is WorkOS's error object.
type refusal struct {
	Message  string `json:"message"`
	Code     string `json:"code,omitempty"`
	EntityID string `json:"entity_id,omitempty"`
}

// Users serves `GET /user_management/users/{id}` to whoever presents the key.
func Users(apiKey string, find func(id string) (User, bool)) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /user_management/users/{id}", func(w http.ResponseWriter, r *http.Request) {
		id := r.PathValue("id")
		user, ok := find(id)
		if !ok {
			answer(w, http.StatusNotFound, refusal{Message: fmt.Sprintf("User not found: '%s'.", id), Code: "entity_not_found", EntityID: id})
			return
		}
		answer(w, http.StatusOK, user.object())
	})
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, http.StatusNotFound, refusal{Message: "Not Found", Code: "not_found"})
	})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		key, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
		if !ok || subtle.ConstantTimeCompare([]byte(key), []byte(apiKey)) != 1 {
			answer(w, http.StatusUnauthorized, refusal{Message: "Unauthorized", Code: "unauthorized"})
			return
		}
		mux.ServeHTTP(w, r)
	})
}

func (u User) object() object {
	at := u.CreatedAt.UTC().Format(layout)
	return object{
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

func answer(w http.ResponseWriter, status int, value any) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	// The client may be gone; nobody else needs this error.
	_ = json.NewEncoder(w).Encode(value)
}
