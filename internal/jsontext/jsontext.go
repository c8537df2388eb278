// Package jsontext writes strings as JSON, for the two places that write JSON
// by hand because it lies in the way of every request: the wire format and the
// decision log.
package jsontext

import "unicode/utf8"

// AppendString appends a string as JSON, with as few escapes as JSON permits:
// quotes, backslashes and control characters. Bytes that are not UTF-8 become
// U+FFFD.
func AppendString(b []byte, s string) []byte { return appendString(b, s, false) }

// AppendEscaped appends a string as encoding/json writes it, byte for byte: it
// also escapes <, >, &, U+2028, U+2029, and the U+FFFD that it puts in place of
// bytes that are not UTF-8, so that the text may stand in HTML and JavaScript.
func AppendEscaped(b []byte, s string) []byte { return appendString(b, s, true) }

const hex = "0123456789abcdef"

func appendString(b []byte, s string, all bool) []byte {
	b = append(b, '"')
	from := 0
	for i := 0; i < len(s); {
		c := s[i]
		if c < utf8.RuneSelf {
			if c >= ' ' && c != '"' && c != '\\' && (!all || c != '<' && c != '>' && c != '&') {
				i++
				continue
			}
			b = appendEscape(append(b, s[from:i]...), c)
			i++
			from = i
			continue
		}
		r, n := utf8.DecodeRuneInString(s[i:])
		switch {
		case r == utf8.RuneError && n == 1:
			b = append(b, s[from:i]...)
			if all {
				b = append(b, `\ufffd`...)
			} else {
				b = append(b, "\uFFFD"...)
			}
			from = i + n
		case all && (r == '\u2028' || r == '\u2029'):
			b = append(append(b, s[from:i]...), '\\', 'u', '2', '0', '2', hex[r&0xf])
			from = i + n
		}
		i += n
	}
	return append(append(b, s[from:]...), '"')
}

func appendEscape(b []byte, c byte) []byte {
	switch c {
	case '"', '\\':
		return append(b, '\\', c)
	case '\b':
		return append(b, '\\', 'b')
	case '\f':
		return append(b, '\\', 'f')
	case '\n':
		return append(b, '\\', 'n')
	case '\r':
		return append(b, '\\', 'r')
	case '\t':
		return append(b, '\\', 't')
	}
	return append(b, '\\', 'u', '0', '0', hex[c>>4], hex[c&0xf])
}
