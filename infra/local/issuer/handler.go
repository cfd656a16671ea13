package issuer

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"github.com/rapport/rapport/infra/local/dev"
	"github.com/rapport/rapport/infra/local/gateway"
	"github.com/rapport/rapport/shared/core/identity/workos/workostest"
)

// Handler serves everything under /dev. It expects requests for this machine
// from pages of its own; see gateway.LoopbackOnly and gateway.SameOriginOnly.
func (i *Issuer) Handler(log *slog.Logger) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/dev/token", dev.Only(http.MethodPost, func(w http.ResponseWriter, r *http.Request) { i.serveToken(w, r, log) }))
	mux.Handle("/dev/revoke", dev.Only(http.MethodPost, func(w http.ResponseWriter, r *http.Request) { i.serveRevoke(w, r, log) }))
	mux.Handle("/dev/jwks", dev.Only(http.MethodGet, i.serveKeys))
	mux.Handle("/dev/users", dev.Only(http.MethodGet, func(w http.ResponseWriter, r *http.Request) { i.serveUsers(w, r, log) }))
	mux.Handle("/dev/workos/", http.StripPrefix("/dev/workos", workostest.Users(i.APIKey, i.people.known)))
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
		gateway.WriteProblem(w, http.StatusNotFound, "NOT_FOUND", "There is nothing at this path.")
	})
	return mux
}

// serveToken answers POST /dev/token. The body's type does not matter: a page
// of another origin, which a type would stop, is refused before.
func (i *Issuer) serveToken(w http.ResponseWriter, r *http.Request, log *slog.Logger) {
	var in TokenRequest
	if !dev.Read(w, r, &in) {
		return
	}
	if location, problem := in.check(); problem != "" {
		dev.Refuse(w, location, problem)
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
	dev.WriteJSON(w, issued{token.AccessToken, userID, token.ExpiresIn})
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

// check says where a request is wrong and how, or nothing.
func (r TokenRequest) check() (location, problem string) {
	if problem := checkName(r.User); problem != "" {
		return "body.user", problem
	}
	most := int(maxTokenLife / time.Second)
	if life := r.ExpiresInSeconds; life != nil && (*life < 1 || *life > most) {
		return "body.expiresInSeconds", fmt.Sprintf("must be 1 to %d", most)
	}
	return "", ""
}

func (i *Issuer) serveKeys(w http.ResponseWriter, _ *http.Request) {
	set, err := workostest.KeySet(i.key)
	if err != nil {
		gateway.WriteProblem(w, http.StatusInternalServerError, "INTERNAL", "The keys could not be written.")
		return
	}
	w.Header().Set("Content-Type", "application/json")
	// The client may be gone; nobody else needs this error.
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
	dev.WriteJSON(w, map[string][]listed{"items": items})
}
