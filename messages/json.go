package messages

import (
	"bytes"
	"encoding/json"
	"errors"
	"strconv"
	"unicode/utf8"
)

// Limits of a request's body (contract, section 2).
const (
	MaxBodyBytes = 64 << 10
	MaxDepth     = 32
)

// CheckJSON looks for what would make JSON mean different things to different
// readers: bad syntax (told with its place), text that is not UTF-8, nesting
// beyond MaxDepth, and a name given twice in one object (told with its path).
// Depth counts objects and arrays, the outermost as one.
func CheckJSON(data []byte) Problems {
	var ps Problems
	if checkSyntax(data, &ps); len(ps) > 0 {
		return ps
	}
	w := walker{dec: json.NewDecoder(bytes.NewReader(data)), ps: &ps}
	w.dec.UseNumber()
	w.value("", 0)
	return ps
}

func checkSyntax(data []byte, ps *Problems) {
	switch {
	case len(bytes.TrimSpace(data)) == 0:
		ps.Add("", "the data is empty; send the operation's fields as a JSON object")
		return
	case !utf8.Valid(data):
		ps.Add("", "the data is not UTF-8 text; send JSON in UTF-8")
		return
	}
	var whole json.RawMessage
	err := json.Unmarshal(data, &whole)
	var syntax *json.SyntaxError
	switch {
	case errors.As(err, &syntax):
		line, column := place(data, syntax.Offset)
		ps.Add("", "not JSON: %s at line %d, column %d", syntax, line, column)
	case err != nil:
		ps.Add("", "not JSON: %s", err)
	}
}

// place turns the number of bytes read into line and column of the last one,
// both counted from one, columns in characters.
func place(data []byte, offset int64) (line, column int) {
	read := data[:min(max(offset, 0), int64(len(data)))]
	line = 1 + bytes.Count(read, []byte("\n"))
	last := read[bytes.LastIndexByte(read, '\n')+1:]
	return line, max(1, utf8.RuneCount(last))
}

// walker goes through JSON whose syntax is known to be right.
type walker struct {
	dec *json.Decoder
	ps  *Problems
}

// value reads one value; false means that reading on is pointless.
func (w walker) value(path string, depth int) bool {
	token, err := w.dec.Token()
	if err != nil {
		return false
	}
	delim, ok := token.(json.Delim)
	if !ok {
		return true
	}
	if depth++; depth > MaxDepth {
		w.ps.Add("", "the data is nested deeper than %d levels, at %s; make it flatter", MaxDepth, cut(path, 80))
		return false
	}
	if delim == '[' {
		return w.array(path, depth)
	}
	return w.object(path, depth)
}

func (w walker) array(path string, depth int) bool {
	for i := 0; w.dec.More(); i++ {
		if !w.value(path+"["+strconv.Itoa(i)+"]", depth) {
			return false
		}
	}
	_, err := w.dec.Token()
	return err == nil
}

func (w walker) object(path string, depth int) bool {
	seen := make(map[string]int)
	for w.dec.More() {
		token, err := w.dec.Token()
		name, ok := token.(string)
		if err != nil || !ok {
			return false
		}
		field := JoinField(path, name)
		if seen[name]++; seen[name] == 2 {
			w.ps.Add(field, "the field is given twice in one object; give it once")
		}
		if !w.value(field, depth) {
			return false
		}
	}
	_, err := w.dec.Token()
	return err == nil
}

// JoinField appends a member's name to the path of its object.
func JoinField(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}
