package messages

import (
	"errors"
	"strings"
	"unicode/utf8"
)

const upperHex = "0123456789ABCDEF"

// encodeValue writes an attribute as the CloudEvents bindings want it in a
// header: space, the double quote, the percent sign and all that lies outside
// U+0021 to U+007E become percent-encoded UTF-8.
func encodeValue(value string) string {
	clean := 0
	for clean < len(value) && plainByte(value[clean]) {
		clean++
	}
	if clean == len(value) {
		return value
	}
	var b strings.Builder
	b.WriteString(value[:clean])
	for _, c := range []byte(value[clean:]) {
		if plainByte(c) {
			b.WriteByte(c)
			continue
		}
		b.WriteByte('%')
		b.WriteByte(upperHex[c>>4])
		b.WriteByte(upperHex[c&0xf])
	}
	return b.String()
}

// plainByte reports whether a byte stands for itself in a header.
func plainByte(c byte) bool { return c > 0x20 && c < 0x7f && c != '"' && c != '%' }

// decodeValue reads a header value: a quoted string is unquoted first, then
// percent-encodings are decoded. What is not valid UTF-8 after that is
// refused, as the binding asks.
func decodeValue(value string) (string, error) {
	text, err := unquote(strings.TrimSpace(value))
	if err != nil {
		return "", err
	}
	text, err = decodePercent(text)
	if err != nil {
		return "", err
	}
	if !utf8.ValidString(text) {
		return "", errors.New("is not valid UTF-8 after decoding")
	}
	return text, nil
}

func decodePercent(text string) (string, error) {
	if !strings.Contains(text, "%") {
		return text, nil
	}
	var b strings.Builder
	for i := 0; i < len(text); i++ {
		if text[i] != '%' {
			b.WriteByte(text[i])
			continue
		}
		if i+2 >= len(text) || unhex(text[i+1]) < 0 || unhex(text[i+2]) < 0 {
			return "", errors.New("has a % that is not followed by two hexadecimal digits; write a percent sign as %25")
		}
		b.WriteByte(byte(unhex(text[i+1])<<4 | unhex(text[i+2])))
		i += 2
	}
	return b.String(), nil
}

func unhex(c byte) int {
	switch {
	case c >= '0' && c <= '9':
		return int(c - '0')
	case c >= 'a' && c <= 'f':
		return int(c-'a') + 10
	case c >= 'A' && c <= 'F':
		return int(c-'A') + 10
	default:
		return -1
	}
}

// unquote takes the quotes and backslashes off a quoted string; other text is
// returned as it is.
func unquote(text string) (string, error) {
	if !strings.HasPrefix(text, `"`) {
		return text, nil
	}
	var b strings.Builder
	for i := 1; i < len(text); i++ {
		switch c := text[i]; {
		case c == '"' && i == len(text)-1:
			return b.String(), nil
		case c == '"':
			return "", errors.New("has text after its closing quote")
		case c == '\\' && i+1 < len(text):
			i++
			b.WriteByte(text[i])
		default:
			b.WriteByte(c)
		}
	}
	return "", errors.New("begins with a quote that is not closed")
}
