package issuer

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// maxLine bounds a journal's line, in bytes.
const maxLine = 4 << 10

// journal is a file of one JSON object a line, which is only appended to; a line
// that a crash cut short is dropped. Without a file it keeps nothing. Its owner
// guards it.
type journal struct {
	path string
	file *os.File
}

// openJournal reads a folder's journal, line by line, and leaves it ready to be
// appended to; an empty folder keeps nothing.
func openJournal(dir, name string, take func(line []byte) error) (*journal, error) {
	if dir == "" {
		return &journal{}, nil
	}
	path := filepath.Join(dir, name)
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	if err := readLines(file, take); err != nil {
		return nil, fmt.Errorf("%s: %w", path, errors.Join(err, file.Close()))
	}
	return &journal{path: path, file: file}, nil
}

func readLines(file *os.File, take func(line []byte) error) error {
	reader := bufio.NewReaderSize(file, maxLine)
	var whole int64
	for number := 1; ; number++ {
		line, err := reader.ReadSlice('\n')
		if errors.Is(err, io.EOF) {
			break
		}
		if err == nil {
			err = take(line)
		}
		if err != nil {
			return fmt.Errorf("line %d: %w", number, err)
		}
		whole += int64(len(line))
	}
	if err := file.Truncate(whole); err != nil {
		return err
	}
	_, err := file.Seek(whole, io.SeekStart)
	return err
}

// add appends a line, or takes back what it wrote of it.
func (j *journal) add(value any) error {
	if j.file == nil {
		return nil
	}
	var line bytes.Buffer
	if err := json.NewEncoder(&line).Encode(value); err != nil {
		return err
	}
	end, err := j.file.Seek(0, io.SeekCurrent)
	if err != nil {
		return err
	}
	if _, err := j.file.Write(line.Bytes()); err != nil {
		_, back := j.file.Seek(end, io.SeekStart)
		return errors.Join(err, j.file.Truncate(end), back)
	}
	return nil
}

// replace puts a journal of these lines in the place of the one that is there,
// all or none.
func (j *journal) replace(values []any) error {
	if j.file == nil {
		return nil
	}
	file, err := os.OpenFile(j.path+".new", os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	buffer := bufio.NewWriter(file)
	encoder := json.NewEncoder(buffer)
	for _, value := range values {
		err = errors.Join(err, encoder.Encode(value))
	}
	if err := errors.Join(err, buffer.Flush(), file.Sync(), os.Rename(file.Name(), j.path)); err != nil {
		return errors.Join(err, file.Close())
	}
	old := j.file
	j.file = file
	return old.Close()
}

func (j *journal) close() error {
	if j.file == nil {
		return nil
	}
	err := j.file.Close()
	j.file = nil
	return err
}
