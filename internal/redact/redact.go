// Package redact replaces what commonly identifies or authenticates a person in
// a text by placeholders.
package redact

import (
	"context"
	"encoding/json"
	"net/netip"
	"strings"

	"github.com/pointsman-ai/pointsman/internal/jsontext"
)

// Text replaces what commonly identifies or authenticates a person by a
// placeholder: [EMAIL], [PHONE], [CARD] (13 to 19 digits with a valid Luhn sum),
// [IBAN] (valid mod 97), [IP] (v4 and v6), [NUMBER] (nine or more digits in a
// row, social security numbers) and [SECRET] (well-known forms of keys, bearer
// tokens, private keys, what follows "password:" and the like).
//
// It works on patterns and knows no language. It does not find names, addresses
// of streets, dates of birth, identifiers with fewer than nine digits or with
// letters in them, local phone numbers without a leading 0, +, or bracket,
// digits that are not ASCII, IPv6 addresses without any digit, or anything that is spelled out or encoded. It
// replaces some numbers that are harmless. Where texts must not be read by
// anybody, record hashed or none.
func Text(s string) string {
	text, _ := TextContext(context.Background(), s) // which does not end
	return text
}

// TextContext is [Text] until its context ends: the error is then the
// context's.
func TextContext(ctx context.Context, s string) (string, error) {
	r := redactor{s: s}
	for i, look := 0, lookInterval; i < len(s); {
		i += max(r.step(i), 1)
		if i >= look {
			if err := ctx.Err(); err != nil {
				return "", err
			}
			look = i + lookInterval
		}
	}
	return r.result(), nil
}

// lookInterval is after how many bytes the context is looked at: a few
// milliseconds' work.
const lookInterval = 64 << 10

// redactor goes through a text once from left to right.
type redactor struct {
	s    string
	out  strings.Builder
	from int // what follows is still to be copied
}

func (r *redactor) result() string {
	if r.from == 0 {
		return r.s
	}
	r.out.WriteString(r.s[r.from:])
	return r.out.String()
}

// replace puts a placeholder in place of s[i:end] and says how far that goes.
func (r *redactor) replace(i, end int, placeholder string) int {
	r.out.WriteString(r.s[r.from:i])
	r.out.WriteString(placeholder)
	r.from = end
	return end - i
}

// step looks at what begins at i and returns how many bytes it dealt with.
func (r *redactor) step(i int) int {
	s := r.s
	c := s[i]
	if c >= 0x80 && isMail(before(s, i)) || c < 0x80 && !isWord(c) && strings.IndexByte("+(.-%:", c) < 0 {
		return 1
	}
	if !isMail(before(s, i)) {
		if end := mailEnd(s, i); end > 0 {
			return r.replace(i, end, "[EMAIL]")
		}
	}
	if !isWord(before(s, i)) {
		if from, end := secretAt(s, i); end > 0 {
			return from - i + r.replace(from, end, "[SECRET]")
		}
		if end := ibanEnd(s, i); end > 0 {
			return r.replace(i, end, "[IBAN]")
		}
		if end := ipEnd(s, i); end > 0 {
			return r.replace(i, end, "[IP]")
		}
	}
	if isDigit(c) || c == '+' || c == '(' {
		if end, placeholder := digitsEnd(s, i); end > 0 {
			if placeholder == "" {
				return end - i
			}
			return r.replace(i, end, placeholder)
		}
		return 1
	}
	end := i + 1
	for isWord(c) && end < len(s) && isWord(s[end]) && !isDigit(s[end]) {
		end++
	}
	return end - i
}

// before is the byte before i, or 0.
func before(s string, i int) byte {
	if i == 0 {
		return 0
	}
	return s[i-1]
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

func isWord(c byte) bool {
	return isDigit(c) || 'a' <= c|0x20 && c|0x20 <= 'z' || c == '_'
}

// isMail says whether a byte may stand in the local part of an address. Letters
// beyond ASCII may.
func isMail(c byte) bool {
	return isWord(c) || c >= 0x80 || c == '.' || c == '+' || c == '-' || c == '%'
}

// mailEnd is where the address ends that begins at i, or 0.
func mailEnd(s string, i int) int {
	at := i
	for at < len(s) && isMail(s[at]) {
		at++
	}
	if at == i || at == len(s) || s[at] != '@' {
		return 0
	}
	end := at + 1
	for end < len(s) && (isWord(s[end]) || s[end] >= 0x80 || s[end] == '-' || s[end] == '.') {
		end++
	}
	for s[end-1] == '.' || s[end-1] == '-' { // the end of a sentence
		end--
	}
	if dot := strings.LastIndexByte(s[at:end], '.'); dot < 2 { // at least one letter before it
		return 0
	}
	return end
}

// maxIP is how long the longest written IP address is, and maxIPColons how many
// colons it has.
const (
	maxIP       = 45
	maxIPColons = 8
)

// ipEnd is where the IP address ends that begins at i, or 0.
func ipEnd(s string, i int) int {
	if end := ipv4End(s, i); end > 0 {
		return end
	}
	end, colons, digits := i, 0, false
	for end < len(s) && end-i <= maxIP {
		c := s[end]
		switch {
		case c == ':':
			colons++
		case isDigit(c):
			digits = true
		case c != '.' && (c|0x20 < 'a' || c|0x20 > 'f'):
			c = 0
		}
		if c == 0 || colons > maxIPColons || c == ':' && end-i >= 2 && s[end-1] == ':' && s[end-2] == ':' {
			break
		}
		end++
	}
	if colons < 2 || !digits {
		return 0
	}
	for try := end; try > i; try-- { // a port, a full stop, a colon may follow
		if (try == len(s) || !isWord(s[try])) && isWordOrColon(s[try-1]) && strings.ContainsAny(s[i:try], "0123456789") {
			if _, err := netip.ParseAddr(s[i:try]); err == nil {
				return try
			}
		}
	}
	return 0
}

// ipv4End is where the IPv4 address ends that begins at i, or 0.
func ipv4End(s string, i int) int {
	for group := range 4 {
		from, value := i, 0
		for i < len(s) && isDigit(s[i]) && i-from < 3 {
			value = 10*value + int(s[i]-'0')
			i++
		}
		if i == from || value > 255 || s[from] == '0' && i > from+1 {
			return 0
		}
		if group == 3 {
			break
		}
		if i == len(s) || s[i] != '.' {
			return 0
		}
		i++
	}
	if i < len(s) && isWord(s[i]) {
		return 0
	}
	return i
}

func isWordOrColon(c byte) bool { return isWord(c) || c == ':' }

// ibanEnd is where the IBAN ends that begins at i (ISO 13616: country, two check
// digits, 11 to 30 letters and digits), or 0.
func ibanEnd(s string, i int) int {
	if i+15 > len(s) || isDigit(s[i]) || !isWord(s[i]) || isDigit(s[i+1]) || !isWord(s[i+1]) || !isDigit(s[i+2]) || !isDigit(s[i+3]) {
		return 0
	}
	compact, found := make([]byte, 0, 34), 0
	for at := i; at < len(s) && len(compact) < 34; at++ {
		c := s[at]
		if c == ' ' && at > i+3 && s[at-1] != ' ' {
			continue
		}
		if !isWord(c) || c == '_' {
			break
		}
		compact = append(compact, c)
		if len(compact) >= 15 && (at+1 == len(s) || !isWord(s[at+1])) && mod97(compact) == 1 {
			found = at + 1
		}
	}
	return found
}

func mod97(iban []byte) int {
	n := 0
	for i := range iban {
		c := iban[(i+4)%len(iban)]
		if isDigit(c) {
			n = (n*10 + int(c-'0')) % 97
			continue
		}
		n = (n*100 + int(c|0x20-'a') + 10) % 97
	}
	return n
}

// JSON redacts the strings of a JSON document, names and values, and
// keeps it a JSON document: a number that is redacted becomes a string. The
// value of a member that is called a password or key is a secret whatever it
// looks like. What is not JSON is redacted as text.
func JSON(body string) string {
	text, _ := JSONContext(context.Background(), body) // which does not end
	return text
}

// JSONContext is [JSON] until its context ends: the error is then the
// context's.
func JSONContext(ctx context.Context, body string) (string, error) {
	if !json.Valid([]byte(body)) {
		return TextContext(ctx, body)
	}
	out := make([]byte, 0, len(body))
	name := "" // of the member whose value comes next
	for i, look := 0, lookInterval; i < len(body); {
		if i >= look {
			if err := ctx.Err(); err != nil {
				return "", err
			}
			look = i + lookInterval
		}
		end := jsonTokenEnd(body, i)
		token := body[i:end]
		i = end
		switch c := token[0]; {
		case c == '"':
			var text string
			if json.Unmarshal([]byte(token), &text) != nil { // the document is valid
				text = token
			}
			rest := strings.TrimLeft(body[end:], " \t\r\n")
			isName := strings.HasPrefix(rest, ":")
			redacted, err := TextContext(ctx, text)
			if err != nil {
				return "", err
			}
			if !isName && name != "" && IsSecretName(name) && text != "" {
				redacted = Secret
			}
			if redacted == text {
				out = append(out, token...)
			} else {
				out = jsontext.AppendEscaped(out, redacted)
			}
			name = ""
			if isName {
				name = text
			}
		case isDigit(c) || c == '-':
			if strings.Trim(token, "-0123456789") == "" {
				redacted, err := TextContext(ctx, token)
				if err != nil {
					return "", err
				}
				if redacted != token {
					token = `"[NUMBER]"`
				}
			}
			out = append(out, token...)
			name = ""
		case c == ':' || c == ' ' || c == '\t' || c == '\r' || c == '\n':
			out = append(out, token...)
		default:
			out = append(out, token...)
			name = ""
		}
	}
	return string(out), nil
}

// jsonTokenEnd is where the string, number or single byte ends that begins at i
// of a valid document.
func jsonTokenEnd(s string, i int) int {
	end := i + 1
	switch {
	case s[i] == '"':
		for end < len(s) && s[end] != '"' {
			if s[end] == '\\' {
				end++
			}
			end++
		}
		return min(end+1, len(s))
	case isDigit(s[i]) || s[i] == '-':
		for end < len(s) && (isDigit(s[end]) || strings.IndexByte("+-.eE", s[end]) >= 0) {
			end++
		}
	}
	return end
}
