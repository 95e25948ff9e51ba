package fakecloud

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
)

// journal is the state file: one line a change, the newest line of a thing is
// its value, a line without data removes it. A change costs one write whatever
// the fake holds, and is in the file before its answer leaves, so that a kill
// loses nothing. It is made small again at every start and at Close. A nil
// journal keeps nothing.
type journal struct {
	path string
	mu   sync.Mutex
	file *os.File
	err  error // the first failure, told by close
}

type row struct {
	Cloud string          `json:"cloud,omitempty"`
	Kind  string          `json:"kind"`
	ID    string          `json:"id,omitempty"`
	Data  json.RawMessage `json:"data,omitempty"`
}

// readJournal calls each for every row of the file, oldest first. A last line
// that was cut off by a kill is no error.
func readJournal(path string, each func(row) error) error {
	file, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("open state: %w", err)
	}
	defer file.Close()
	reader := bufio.NewReaderSize(file, 1<<16)
	for number := 1; ; number++ {
		line, err := reader.ReadBytes('\n')
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err == nil {
			err = readRow(line, each)
		}
		if err != nil {
			return fmt.Errorf("state %s line %d: %w", path, number, err)
		}
	}
}

func readRow(line []byte, each func(row) error) error {
	var r row
	if err := json.Unmarshal(line, &r); err != nil {
		return err
	}
	return each(r)
}

// openJournal replaces the file by the given rows, atomically, and goes on
// from there.
func openJournal(path string, dump func(put func(row) error) error) (*journal, error) {
	if err := rewrite(path, dump); err != nil {
		return nil, fmt.Errorf("write state: %w", err)
	}
	file, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open state: %w", err)
	}
	return &journal{path: path, file: file}, nil
}

func rewrite(path string, dump func(put func(row) error) error) error {
	file, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*")
	if err != nil {
		return err
	}
	defer os.Remove(file.Name())
	out := bufio.NewWriterSize(file, 1<<16)
	encoder := json.NewEncoder(out)
	err = dump(func(r row) error { return encoder.Encode(r) })
	if err := errors.Join(err, out.Flush(), file.Sync(), file.Close()); err != nil {
		return err
	}
	return os.Rename(file.Name(), path)
}

// put writes one change; a nil value removes the thing.
func (j *journal) put(cloud, kind, id string, value any) {
	if j == nil {
		return
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.file == nil {
		return
	}
	line, err := encodeRow(cloud, kind, id, value)
	if err == nil {
		_, err = j.file.Write(line)
	}
	if j.err == nil {
		j.err = err
	}
}

func encodeRow(cloud, kind, id string, value any) ([]byte, error) {
	r, err := newRow(cloud, kind, id, value)
	if err != nil {
		return nil, err
	}
	var line bytes.Buffer
	err = json.NewEncoder(&line).Encode(r)
	return line.Bytes(), err
}

func newRow(cloud, kind, id string, value any) (row, error) {
	r := row{Cloud: cloud, Kind: kind, ID: id}
	if value == nil {
		return r, nil
	}
	data, err := json.Marshal(value)
	r.Data = data
	return r, err
}

// close makes the file small and ends the journal. What is put afterwards is
// not kept. It may be called twice.
func (j *journal) close(dump func(put func(row) error) error) error {
	if j == nil {
		return nil
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.file == nil {
		return nil
	}
	err := errors.Join(j.err, j.file.Close(), rewrite(j.path, dump))
	j.file = nil
	return err
}
