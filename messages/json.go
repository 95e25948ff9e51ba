package messages

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Limits of a request's body (contract, section 2).
const (
	MaxBodyBytes     = 64 << 10
	MaxBulkBodyBytes = 256 << 10 // of a bulk-copy
	MaxDepth         = 32
)

// MostBytes is how large the body of an operation's request may be.
func MostBytes(operation string) int {
	if operation == OperationBulkCopy {
		return MaxBulkBodyBytes
	}
	return MaxBodyBytes
}

// CheckJSON looks for what would make JSON mean different things to different
// readers: bad syntax (told with its place), text that is not UTF-8, nesting
// beyond MaxDepth, and a name given twice in one object (told with its path).
// Depth counts objects and arrays, the outermost as one.
func CheckJSON(data []byte) Problems {
	var ps Problems
	if checkSyntax(data, &ps); len(ps) > 0 {
		return ps
	}
	if evident(data) {
		return nil
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
	if json.Valid(data) {
		return
	}
	var whole json.RawMessage
	err := json.Unmarshal(data, &whole)
	if syntax, ok := errors.AsType[*json.SyntaxError](err); ok {
		ps.Add("", "%s", syntaxWords(data, syntax))
	} else if err != nil {
		ps.Add("", "the data is not JSON: %s", err)
	}
}

// syntaxWords says where JSON goes wrong and what a person can do. The
// parser's own words are those of its states ("in literal null").
func syntaxWords(data []byte, e *json.SyntaxError) string {
	line, column := place(data, e.Offset)
	at := fmt.Sprintf("line %d, column %d", line, column)
	found, _ := utf8.DecodeRune(data[min(max(e.Offset-1, 0), int64(len(data)-1)):])
	switch state := e.Error(); {
	case strings.Contains(state, "max depth"):
		return fmt.Sprintf("the data is nested deeper than %d levels; make it flatter", MaxDepth)
	case strings.Contains(state, "unexpected end"):
		return "the data is not JSON: it ends too early, at " + at + "; something that was opened is not closed"
	case strings.Contains(state, "after top-level value"):
		return fmt.Sprintf("the data is not JSON: at %s something follows, %q, although the value is complete; send one JSON object", at, found)
	case strings.Contains(state, "in string literal"):
		return fmt.Sprintf("the data is not JSON: the text at %s holds the control character %q; write it escaped", at, found)
	default:
		return fmt.Sprintf("the data is not JSON: %q at %s cannot stand there; texts and names stand in double quotes, members are separated by commas", found, at)
	}
}

// place turns the number of bytes read into line and column of the last one,
// both counted from one, columns in characters.
func place(data []byte, offset int64) (line, column int) {
	before := data[:min(max(offset-1, 0), int64(len(data)))]
	line = 1 + bytes.Count(before, []byte("\n"))
	return line, 1 + utf8.RuneCount(before[bytes.LastIndexByte(before, '\n')+1:])
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
