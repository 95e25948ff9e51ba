package messages

import (
	"bytes"
	"slices"
)

// mostNames is how many names may stand in the objects around one place for
// evident to look at them.
const mostNames = 64

// frame is an object or array that is open.
type frame struct {
	object bool
	names  int // how many names stood in the objects around it
}

// evident reports whether JSON whose syntax is right surely has no name twice
// and is not too deep. It goes over the bytes once, since nearly all data is
// like that; what is written in an unusual way is left to the walker.
func evident(data []byte) bool {
	var open [MaxDepth]frame
	var room [mostNames][]byte
	names, depth, named := room[:0], 0, false // named: the next string is a name
	for i := 0; i < len(data); i++ {
		switch c := data[i]; c {
		case '{', '[':
			if depth == MaxDepth {
				return false
			}
			open[depth] = frame{object: c == '{', names: len(names)}
			depth, named = depth+1, c == '{'
		case '}', ']':
			depth--
			names, named = names[:open[depth].names], false
		case ',':
			named = open[depth-1].object
		case '"':
			text := quoted(data[i+1:])
			i += len(text) + 1
			if !named {
				continue
			}
			same := func(name []byte) bool { return bytes.Equal(name, text) }
			if bytes.IndexByte(text, '\\') >= 0 || len(names) == mostNames || slices.ContainsFunc(names[open[depth-1].names:], same) {
				return false
			}
			names, named = append(names, text), false
		}
	}
	return true
}

// quoted is what stands before the quotation mark that ends a text.
func quoted(rest []byte) []byte {
	for i := 0; i < len(rest); i++ {
		switch rest[i] {
		case '\\':
			i++
		case '"':
			return rest[:i]
		}
	}
	return rest
}
