package issuer

import (
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/rapport/rapport/shared/core/clock"
	"github.com/rapport/rapport/shared/core/identity/workos/workostest"
	"github.com/rapport/rapport/shared/core/name"
)

const (
	peopleFile = "issuer-users.jsonl"
	maxName    = 64
	maxPeople  = 100_000
)

// ErrFull says that the directory takes nobody any more.
var ErrFull = errors.New("the local directory is full")

// User is a local person.
type User struct {
	Name string `json:"name"`
	// ID is the issuer's, which its tokens have as `sub`. Functions have another for
	// the same person; see Issuer.UserID.
	ID        string    `json:"id"`
	FirstName string    `json:"firstName"`
	LastName  string    `json:"lastName"`
	Email     string    `json:"email"`
	CreatedAt time.Time `json:"createdAt"`
}

// DisplayName is a person's full name as a list may show it: whoever has none that
// shows anything is called by their id.
func (u User) DisplayName() string {
	if shown := name.Clean(u.FirstName+" "+u.LastName, maxName); shown != "" {
		return shown
	}
	return u.ID
}

// checkName says what is wrong with the name under which somebody signs in; empty
// for a good name. The display name made of it is cleaned, not refused: an identity
// provider lets people be called anything.
func checkName(user string) string {
	switch {
	case user == "":
		return "is required"
	case utf8.RuneCountInString(user) > maxName:
		return fmt.Sprintf("must have at most %d characters", maxName)
	case strings.TrimSpace(user) != user:
		return "must not begin or end with white space"
	case strings.ContainsFunc(user, unicode.IsControl):
		return "must not have control characters"
	}
	return ""
}

// identifier is what the issuer calls the person of a name: `user_ada`. Characters that don't stand well
// in a path become dashes, and then a part of the name's hash keeps two names
// apart.
func identifier(user string) string {
	plain := strings.Map(func(r rune) rune {
		if r == '-' || r == '_' || r < utf8.RuneSelf && (unicode.IsLetter(r) || unicode.IsDigit(r)) {
			return r
		}
		return '-'
	}, user)
	if plain != user {
		plain += fmt.Sprintf("-%x", sha256.Sum256([]byte(user)))[:9]
	}
	return "user_" + plain
}

// founders are there from the start, so that there is somebody to pick.
func founders() []User {
	person := func(name, first, last string) User {
		return User{
			Name: name, ID: identifier(name), FirstName: first, LastName: last, Email: name + "@example.com",
			CreatedAt: time.Date(2026, time.January, 1, 0, 0, 0, 0, time.UTC),
		}
	}
	return []User{
		person("ada", "Ada", "Lovelace"),
		person("grace", "Grace", "Hopper"),
		person("linus", "Linus", "Torvalds"),
		person("margaret", "Margaret", "Hamilton"),
	}
}

// directory holds the local people, in a journal.
type directory struct {
	clock clock.Clock

	mu     sync.Mutex
	kept   *journal
	people []User
	byName map[string]User
	byID   map[string]User
}

func openDirectory(dir string, c clock.Clock) (*directory, error) {
	d := &directory{clock: c, byName: map[string]User{}, byID: map[string]User{}}
	for _, user := range founders() {
		d.add(user)
	}
	var err error
	d.kept, err = openJournal(dir, peopleFile, func(line []byte) error {
		var user User
		if err := json.Unmarshal(line, &user); err != nil {
			return err
		}
		d.add(user)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("open directory: %w", err)
	}
	return d, nil
}

func (d *directory) add(user User) {
	if _, known := d.byName[user.Name]; known {
		return
	}
	d.people = append(d.people, user)
	d.byName[user.Name] = user
	d.byID[user.ID] = user
}

// ensure gives the person of a name, who is created on first use. Whoever it
// gives is stored.
func (d *directory) ensure(called string) (User, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if user, known := d.byName[called]; known {
		return user, nil
	}
	if len(d.people) >= maxPeople {
		return User{}, ErrFull
	}
	id := identifier(called)
	first, size := utf8.DecodeRuneInString(called)
	user := User{
		Name: called, ID: id, FirstName: string(unicode.ToUpper(first)) + called[size:],
		Email: strings.TrimPrefix(id, "user_") + "@example.com", CreatedAt: d.clock.Now(),
	}
	if err := d.kept.add(user); err != nil {
		return User{}, fmt.Errorf("store local user: %w", err)
	}
	d.add(user)
	return user, nil
}

// of gives the person of an id.
func (d *directory) of(id string) (User, bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	user, ok := d.byID[id]
	return user, ok
}

// known gives a person as WorkOS knows one.
func (d *directory) known(id string) (workostest.User, bool) {
	user, ok := d.of(id)
	return workostest.User{ID: user.ID, Email: user.Email, FirstName: user.FirstName, LastName: user.LastName, CreatedAt: user.CreatedAt}, ok
}

func (d *directory) list() []User {
	d.mu.Lock()
	defer d.mu.Unlock()
	return append([]User(nil), d.people...)
}

func (d *directory) close() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.kept.close()
}
