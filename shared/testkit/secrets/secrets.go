// Package secrets is Secrets Manager without AWS: secrets in memory, with the value
// before the last rotation, behind the part of the protocol that functions speak.
package secrets

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/rapport/rapport/shared/core/clock"
)

const (
	// maxRequest bounds a request's body, in bytes.
	maxRequest = 64 << 10
	// suffix is how many characters an ARN has after its secret's name and a hyphen.
	suffix = 6

	current  = "AWSCURRENT"
	previous = "AWSPREVIOUS"
)

// Store keeps secrets. It is safe for concurrent use and implements http.Handler.
type Store struct {
	account string
	clock   clock.Clock

	mu    sync.Mutex
	kept  map[string]map[string]version
	reads int
}

type version struct {
	id, value string
	createdAt time.Time
}

// New makes a store of an account's region, whose ARNs begin with
// `arn:aws:secretsmanager:<region>:<account>:secret:`.
func New(region, accountID string, c clock.Clock) *Store {
	return &Store{account: Prefix(region, accountID), clock: c, kept: map[string]map[string]version{}}
}

// Prefix begins the ARNs of an account's secrets in a region.
func Prefix(region, accountID string) string {
	return "arn:aws:secretsmanager:" + region + ":" + accountID + ":secret:"
}

// ARN is a secret's under its name, or under its ARN: with six characters that AWS
// draws, and that follow here from the name.
func ARN(prefix, secretID string) string {
	if strings.HasPrefix(secretID, "arn:") {
		return secretID
	}
	sum := sha256.Sum256([]byte(secretID))
	return prefix + secretID + "-" + hex.EncodeToString(sum[:])[:suffix]
}

// Put gives a secret a value, and makes it where it isn't there. The value that it had
// is the previous one.
func (s *Store) Put(name, value string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	versions, rotates := s.kept[name]
	if !rotates {
		versions = map[string]version{}
		s.kept[name] = versions
	}
	if rotates {
		versions[previous] = versions[current]
	}
	versions[current] = version{rand.Text(), value, s.clock.Now()}
}

// Reads counts the values that were asked for.
func (s *Store) Reads() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.reads
}

// ServeHTTP speaks Secrets Manager's protocol, JSON 1.1, as far as GetSecretValue.
func (s *Store) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Header.Get("X-Amz-Target") != "secretsmanager.GetSecretValue" {
		Fail(w, http.StatusBadRequest, "UnknownOperationException", "This operation is not served here.")
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxRequest))
	if err != nil {
		Fail(w, http.StatusBadRequest, "InvalidRequestException", "The request can't be read.")
		return
	}
	in := struct {
		ID    string `json:"SecretId"`
		Stage string `json:"VersionStage"`
	}{Stage: current}
	if err := json.Unmarshal(body, &in); err != nil || in.ID == "" {
		Fail(w, http.StatusBadRequest, "InvalidParameterException", "The request needs a SecretId.")
		return
	}
	name, found := s.find(in.ID, in.Stage)
	if name == "" {
		Fail(w, http.StatusBadRequest, "ResourceNotFoundException", "Secrets Manager can't find the specified secret.")
		return
	}
	if found.id == "" {
		Fail(w, http.StatusBadRequest, "ResourceNotFoundException",
			"Secrets Manager can't find the specified secret value for staging label: "+in.Stage)
		return
	}
	write(w, http.StatusOK, map[string]any{
		"ARN": ARN(s.account, name), "Name": name, "VersionId": found.id, "VersionStages": []string{in.Stage},
		"SecretString": found.value, "CreatedDate": json.Number(fmt.Sprintf("%.3f", float64(found.createdAt.UnixMilli())/1000)),
	})
}

// find gives the name of a secret, and its version of a stage; neither where it isn't
// there.
func (s *Store) find(secretID, stage string) (name string, v version) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.reads++
	for name, versions := range s.kept {
		if name == secretID || ARN(s.account, name) == secretID {
			return name, versions[stage]
		}
	}
	return "", version{}
}

// Fail answers with an error as Secrets Manager words it.
func Fail(w http.ResponseWriter, status int, code, message string) {
	write(w, status, map[string]string{"__type": code, "Message": message})
}

func write(w http.ResponseWriter, status int, value any) {
	w.Header().Set("Content-Type", "application/x-amz-json-1.1")
	w.Header().Set("X-Amzn-Requestid", rand.Text())
	w.WriteHeader(status)
	// The client may be gone; there is nobody else to tell.
	_ = json.NewEncoder(w).Encode(value)
}
