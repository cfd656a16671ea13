package issuer

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/rapport/rapport/shared/clock"
)

const (
	peopleFile = "issuer-users.jsonl"
	maxName    = 64
	maxPeople  = 100_000
	maxLine    = 4 << 10
)

// ErrFull says that the directory takes nobody any more.
var ErrFull = errors.New("the local directory is full")

// User is a local person.
type User struct {
	Name      string    `json:"name"`
	ID        string    `json:"id"`
	FirstName string    `json:"firstName"`
	LastName  string    `json:"lastName"`
	Email     string    `json:"email"`
	CreatedAt time.Time `json:"createdAt"`
}

// DisplayName is a person's full name.
func (u User) DisplayName() string { return strings.TrimSpace(u.FirstName + " " + u.LastName) }

// checkName says what is wrong with a name; empty for one that is good.
func checkName(name string) string {
	switch {
	case name == "":
		return "is required"
	case utf8.RuneCountInString(name) > maxName:
		return fmt.Sprintf("must have at most %d characters", maxName)
	case strings.TrimSpace(name) != name:
		return "must not begin or end with white space"
	}
	for _, r := range name {
		if !unicode.IsPrint(r) {
			return "must have printable characters only"
		}
	}
	return ""
}

// identifier is a name's user id: `user_ada`. Characters that don't stand well
// in a path become dashes, and then a part of the name's hash keeps two names
// apart.
func identifier(name string) string {
	plain := strings.Map(func(r rune) rune {
		if r == '-' || r == '_' || r < utf8.RuneSelf && (unicode.IsLetter(r) || unicode.IsDigit(r)) {
			return r
		}
		return '-'
	}, name)
	if plain != name {
		plain += fmt.Sprintf("-%x", sha256.Sum256([]byte(name)))[:9]
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

// directory holds the local people. It is a file of one JSON object a line,
// which is only appended to; a line that a crash cut short is dropped.
type directory struct {
	clock clock.Clock

	mu     sync.Mutex
	file   *os.File
	people []User
	byName map[string]User
	byID   map[string]User
}

func openDirectory(dir string, c clock.Clock) (*directory, error) {
	d := &directory{clock: c, byName: map[string]User{}, byID: map[string]User{}}
	for _, user := range founders() {
		d.add(user)
	}
	if dir == "" {
		return d, nil
	}
	path := filepath.Join(dir, peopleFile)
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open directory: %w", err)
	}
	if err := d.read(file); err != nil {
		return nil, fmt.Errorf("%s: %w", path, errors.Join(err, file.Close()))
	}
	d.file = file
	return d, nil
}

// read takes over the file's people and leaves it ready to be appended to.
func (d *directory) read(file *os.File) error {
	reader := bufio.NewReaderSize(file, maxLine)
	var whole int64
	for number := 1; ; number++ {
		line, err := reader.ReadSlice('\n')
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return fmt.Errorf("line %d: %w", number, err)
		}
		var user User
		if err := json.Unmarshal(line, &user); err != nil {
			return fmt.Errorf("line %d: %w", number, err)
		}
		d.add(user)
		whole += int64(len(line))
	}
	if err := file.Truncate(whole); err != nil {
		return err
	}
	_, err := file.Seek(whole, io.SeekStart)
	return err
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
func (d *directory) ensure(name string) (User, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if user, known := d.byName[name]; known {
		return user, nil
	}
	if len(d.people) >= maxPeople {
		return User{}, ErrFull
	}
	id := identifier(name)
	first, size := utf8.DecodeRuneInString(name)
	user := User{
		Name: name, ID: id, FirstName: string(unicode.ToUpper(first)) + name[size:],
		Email: strings.TrimPrefix(id, "user_") + "@example.com", CreatedAt: d.clock.Now(),
	}
	if err := d.store(user); err != nil {
		return User{}, fmt.Errorf("store local user: %w", err)
	}
	d.add(user)
	return user, nil
}

// store appends a line, or takes back what it wrote of it.
func (d *directory) store(user User) error {
	if d.file == nil {
		return nil
	}
	var line bytes.Buffer
	if err := json.NewEncoder(&line).Encode(user); err != nil {
		return err
	}
	end, err := d.file.Seek(0, io.SeekCurrent)
	if err != nil {
		return err
	}
	if _, err := d.file.Write(line.Bytes()); err != nil {
		_, back := d.file.Seek(end, io.SeekStart)
		return errors.Join(err, d.file.Truncate(end), back)
	}
	return nil
}

func (d *directory) find(id string) (User, bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	user, ok := d.byID[id]
	return user, ok
}

func (d *directory) list() []User {
	d.mu.Lock()
	defer d.mu.Unlock()
	return append([]User(nil), d.people...)
}

func (d *directory) close() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.file == nil {
		return nil
	}
	err := d.file.Close()
	d.file = nil
	return err
}
