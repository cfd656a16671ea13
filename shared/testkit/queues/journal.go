package queues

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
)

const (
	// compactAfter is how many lines a journal has at least before it is written
	// anew, and wasteful how many for each message that is still there.
	compactAfter = 2000
	wasteful     = 4
)

// entry is a line of the journal: a message was put, received (its state alone),
// or is gone, perhaps to the dead letters.
type entry struct {
	Queue string   `json:"queue"`
	Put   *message `json:"put,omitempty"`
	Got   *message `json:"got,omitempty"`
	Gone  string   `json:"gone,omitempty"`
	To    string   `json:"to,omitempty"`
}

// journal is a file of one entry a line, which is only appended to, and written
// anew when most of it is of no more use. A line that a crash cut short is
// dropped: nobody was told that it was kept. Without a file it keeps nothing.
type journal struct {
	path  string
	file  *os.File
	lines int
	// written counts the bytes of this file and those before it.
	written atomic.Int64

	// syncing is held while the file is synced or replaced.
	syncing sync.Mutex
	synced  int64
}

func openJournal(path string, take func(entry) error) (*journal, error) {
	if path == "" {
		return &journal{}, nil
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, err
	}
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	j := &journal{path: path, file: file}
	if err := j.read(take); err != nil {
		return nil, fmt.Errorf("%s: %w", path, errors.Join(err, file.Close()))
	}
	return j, nil
}

func (j *journal) read(take func(entry) error) error {
	reader := bufio.NewReader(j.file)
	var whole int64
	for {
		line, err := reader.ReadBytes('\n')
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
		j.lines++
		var one entry
		if err := json.Unmarshal(line, &one); err != nil {
			return fmt.Errorf("line %d: %w", j.lines, err)
		}
		if err := take(one); err != nil {
			return fmt.Errorf("line %d: %w", j.lines, err)
		}
		whole += int64(len(line))
	}
	if err := j.file.Truncate(whole); err != nil {
		return err
	}
	_, err := j.file.Seek(whole, io.SeekStart)
	return err
}

// add appends entries, all or none as far as the file can take that back, and
// gives the place up to which they are to be synced where they must be.
func (j *journal) add(entries ...entry) (upTo int64, err error) {
	if j.file == nil {
		return 0, nil
	}
	var lines bytes.Buffer
	encoder := json.NewEncoder(&lines)
	for _, entry := range entries {
		if err := encoder.Encode(entry); err != nil {
			return 0, fmt.Errorf("messages: %w", err)
		}
	}
	end, err := j.file.Seek(0, io.SeekCurrent)
	if err != nil {
		return 0, fmt.Errorf("messages: %w", err)
	}
	if _, err := j.file.Write(lines.Bytes()); err != nil {
		_, back := j.file.Seek(end, io.SeekStart)
		return 0, fmt.Errorf("messages: %w", errors.Join(err, j.file.Truncate(end), back))
	}
	j.lines += len(entries)
	return j.written.Add(int64(lines.Len())), nil
}

// sync returns when all up to a place is on the disk. Those who come while it is
// being written share the next writing.
func (j *journal) sync(upTo int64) error {
	j.syncing.Lock()
	defer j.syncing.Unlock()
	if j.file == nil || j.synced >= upTo {
		return nil
	}
	all := j.written.Load()
	if err := j.file.Sync(); err != nil {
		return fmt.Errorf("messages: %w", err)
	}
	j.synced = all
	return nil
}

// replace puts a journal of these entries in the place of the one that is there,
// all or none.
func (j *journal) replace(entries []entry) error {
	j.syncing.Lock()
	defer j.syncing.Unlock()
	file, err := os.OpenFile(j.path+".new", os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	buffer := bufio.NewWriter(file)
	encoder := json.NewEncoder(buffer)
	for _, entry := range entries {
		err = errors.Join(err, encoder.Encode(entry))
	}
	err = errors.Join(err, buffer.Flush(), file.Sync())
	if err == nil {
		err = os.Rename(file.Name(), j.path)
	}
	if err != nil {
		return errors.Join(err, file.Close())
	}
	old := j.file
	j.file, j.lines, j.synced = file, len(entries), j.written.Load()
	return errors.Join(syncDir(filepath.Dir(j.path)), old.Close())
}

func syncDir(path string) error {
	dir, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}

func (j *journal) close() error {
	if j.file == nil {
		return nil
	}
	j.syncing.Lock()
	defer j.syncing.Unlock()
	return errors.Join(j.file.Sync(), j.file.Close())
}

// replay takes an entry in. What is said of queues that the templates don't have
// any more is left out.
func (q *Queues) replay(e entry) error {
	b := q.boxes[e.Queue]
	if b == nil {
		return nil
	}
	switch {
	case e.Put != nil:
		b.add(e.Put)
	case e.Got != nil:
		if m := b.messages[e.Got.ID]; m != nil {
			m.VisibleAt, m.FirstReceived, m.Received, m.Receipt = e.Got.VisibleAt, e.Got.FirstReceived, e.Got.Received, e.Got.Receipt
			b.moved(m)
		}
	case e.Gone != "":
		m := b.messages[e.Gone]
		switch {
		case m == nil:
		case e.To == "":
			b.remove(m)
		case b.spec.DeadLetters != "":
			q.bury(b, m)
		}
	}
	return nil
}

// compactIfDue writes the journal anew where most of it is of no more use.
func (q *Queues) compactIfDue() error {
	live := 0
	for _, b := range q.boxes {
		live += len(b.messages)
	}
	if q.journal.lines < compactAfter || q.journal.lines < wasteful*live {
		return nil
	}
	return q.compact()
}

func (q *Queues) compact() error {
	if q.journal.file == nil {
		return nil
	}
	var entries []entry
	for name, b := range q.boxes {
		for _, m := range b.messages {
			entries = append(entries, entry{Queue: name, Put: m})
		}
	}
	if err := q.journal.replace(entries); err != nil {
		return fmt.Errorf("messages: %w", err)
	}
	return nil
}
