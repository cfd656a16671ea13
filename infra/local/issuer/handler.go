package issuer

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"time"
	"unicode/utf8"

	"github.com/rapport/rapport/infra/local/gateway"
	"github.com/rapport/rapport/shared/identity/workos/workostest"
)

// maxBody bounds a request's body, in bytes.
const maxBody = 16 << 10

// Handler serves everything under /dev. It expects requests for this machine
// from pages of its own; see gateway.LoopbackOnly and gateway.SameOriginOnly.
func (i *Issuer) Handler(log *slog.Logger) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/dev/token", only(http.MethodPost, func(w http.ResponseWriter, r *http.Request) { i.serveToken(w, r, log) }))
	mux.Handle("/dev/revoke", only(http.MethodPost, func(w http.ResponseWriter, r *http.Request) { i.serveRevoke(w, r, log) }))
	mux.Handle("/dev/jwks", only(http.MethodGet, i.serveKeys))
	mux.Handle("/dev/users", only(http.MethodGet, func(w http.ResponseWriter, r *http.Request) { i.serveUsers(w, r, log) }))
	mux.Handle("/dev/workos/", http.StripPrefix("/dev/workos", workostest.Users(i.APIKey, i.people.known)))
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
		gateway.WriteProblem(w, http.StatusNotFound, "NOT_FOUND", "There is nothing at this path.")
	})
	return mux
}

func only(method string, handler http.HandlerFunc) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != method {
			w.Header().Set("Allow", method)
			gateway.WriteProblem(w, http.StatusMethodNotAllowed, "METHOD_NOT_ALLOWED", "This path takes "+method+".")
			return
		}
		handler(w, r)
	})
}

// serveToken answers POST /dev/token. The body's type does not matter: a page
// of another origin, which a type would stop, is refused before.
func (i *Issuer) serveToken(w http.ResponseWriter, r *http.Request, log *slog.Logger) {
	var in TokenRequest
	if !readRequest(w, r, &in) {
		return
	}
	if location, problem := in.check(); problem != "" {
		refuse(w, location, problem)
		return
	}
	token, err := i.Mint(in)
	if errors.Is(err, ErrFull) {
		gateway.WriteProblem(w, http.StatusTooManyRequests, "RATE_LIMITED", "There are too many local users or sessions.")
		return
	}
	if err != nil {
		log.Error("mint token", "error", err.Error())
		gateway.WriteProblem(w, http.StatusInternalServerError, "INTERNAL", "The token could not be made.")
		return
	}
	userID, err := i.UserID(r.Context(), token.User)
	if err != nil {
		refuseUnknown(w, err, log)
		return
	}
	writeJSON(w, issued{token.AccessToken, userID, token.ExpiresIn})
}

// issued is a token as it is given out, with the id that the functions have for
// its person.
type issued struct {
	AccessToken string `json:"accessToken"`
	UserID      string `json:"userId"`
	ExpiresIn   int    `json:"expiresIn"`
}

// refuseUnknown answers where the functions didn't tell what they call somebody.
func refuseUnknown(w http.ResponseWriter, err error, log *slog.Logger) {
	log.Error("user id", "error", err.Error())
	gateway.WriteProblem(w, http.StatusBadGateway, "PROVIDER_ERROR", "The functions did not say who this is. Please try again.")
}

// readRequest reads a request's body into what in points to, or refuses it.
func readRequest(w http.ResponseWriter, r *http.Request, in any) bool {
	raw, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if _, tooLarge := errors.AsType[*http.MaxBytesError](err); tooLarge {
		gateway.WriteProblem(w, http.StatusRequestEntityTooLarge, "PAYLOAD_TOO_LARGE", fmt.Sprintf("A body may have at most %d bytes.", maxBody))
		return false
	}
	if err != nil {
		refuse(w, "body", "can't be read")
		return false
	}
	if location, problem := parseRequest(raw, in); problem != "" {
		refuse(w, location, problem)
		return false
	}
	return true
}

// parseRequest reads a request: where it is wrong and how, or no problem.
func parseRequest(raw []byte, in any) (location, problem string) {
	if !utf8.Valid(raw) {
		return "body", "is not UTF-8"
	}
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.DisallowUnknownFields()
	err := decoder.Decode(in)
	if wrong, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		if wrong.Field == "" {
			return "body", "must be an object"
		}
		return "body." + wrong.Field, "must not be a " + wrong.Value
	}
	if err != nil {
		return "body", "is not a JSON object with the fields that this path takes"
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return "body", "must be one JSON object"
	}
	return "", ""
}

// check says where a request is wrong and how, or nothing.
func (in TokenRequest) check() (location, problem string) {
	if problem := checkName(in.User); problem != "" {
		return "body.user", problem
	}
	most := int(maxTokenLife / time.Second)
	if life := in.ExpiresInSeconds; life != nil && (*life < 1 || *life > most) {
		return "body.expiresInSeconds", fmt.Sprintf("must be 1 to %d", most)
	}
	return "", ""
}

func refuse(w http.ResponseWriter, location, detail string) {
	gateway.WriteProblem(w, http.StatusBadRequest, "VALIDATION_ERROR", "The request is not valid.",
		gateway.Location{Location: location, Detail: detail})
}

func (i *Issuer) serveKeys(w http.ResponseWriter, _ *http.Request) {
	set, err := workostest.KeySet(i.key)
	if err != nil {
		gateway.WriteProblem(w, http.StatusInternalServerError, "INTERNAL", "The keys could not be written.")
		return
	}
	w.Header().Set("Content-Type", "application/json")
	// The client may be gone; there is nobody else to tell.
	_, _ = w.Write(set)
}

// listed is a local person as the console shows one.
type listed struct {
	User        string `json:"user"`
	UserID      string `json:"userId"`
	DisplayName string `json:"displayName"`
	Email       string `json:"email"`
}

func (i *Issuer) serveUsers(w http.ResponseWriter, r *http.Request, log *slog.Logger) {
	people := i.Users()
	ids, err := i.userIDs(r.Context(), people)
	if err != nil {
		refuseUnknown(w, err, log)
		return
	}
	items := make([]listed, len(people))
	for n, user := range people {
		items[n] = listed{user.Name, ids[n], user.DisplayName(), user.Email}
	}
	writeJSON(w, map[string][]listed{"items": items})
}

// writeJSON answers 200 with a value that always encodes.
func writeJSON(w http.ResponseWriter, value any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	// The client may be gone; there is nobody else to tell.
	_ = json.NewEncoder(w).Encode(value)
}
