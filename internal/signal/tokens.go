package signal

import (
	"math"
	"slices"
	"strconv"
	"unicode"
	"unicode/utf8"
)

// token is a word without regard to case, or a number by its value. Words are
// held as hashes, which are equal where the words are.
type token struct {
	key    uint64
	number float64
	kind   kind
}

type kind uint8

const (
	isWord  kind = iota
	isShort      // a word of up to two letters, which stands in any text
	isNumber
)

// weight is what a token counts for.
func (t token) weight() float64 {
	if t.kind == isShort {
		return 0.1
	}
	return 1
}

// maxTokens bounds the tokens of a text.
const maxTokens = 16 << 10

// tokens are the words and numbers of a text. Signs are left out, since a dash
// before a number is one only sometimes.
func tokens(text string) []token {
	if len(text) > maxText {
		text = text[:maxText]
	}
	out := make([]token, 0, len(text)/5+1)
	for i := 0; i < len(text) && len(out) < maxTokens; {
		c := text[i]
		switch {
		case digit(c) || c == '.' && i+1 < len(text) && digit(text[i+1]):
			value, n := number(text[i:])
			out = append(out, token{key: math.Float64bits(value), number: value, kind: isNumber})
			i += n
		case c < utf8.RuneSelf && !letter(c):
			i++
		default:
			key, n := word(text[i:])
			if n == 0 {
				_, size := utf8.DecodeRuneInString(text[i:])
				i += size
				continue
			}
			t := token{key: key}
			if n <= 2 {
				t.kind = isShort
			}
			out = append(out, t)
			i += n
		}
	}
	return out
}

// word hashes the word that a text begins with, in lower case, and says how many
// bytes it takes; none where the text begins with something else.
func word(text string) (key uint64, length int) {
	key = fnvOffset
	for length < len(text) {
		c := text[length]
		switch {
		case letter(c):
			key = (key ^ uint64(c|0x20)) * fnvPrime
			length++
		case c == '\'' && length > 0:
			key = (key ^ uint64(c)) * fnvPrime
			length++
		case c < utf8.RuneSelf:
			return key, length
		default:
			r, size := utf8.DecodeRuneInString(text[length:])
			if !unicode.IsLetter(r) {
				return key, length
			}
			key = (key ^ uint64(unicode.ToLower(r))) * fnvPrime
			length += size
		}
	}
	return key, length
}

func letter(c byte) bool { return 'a' <= c|0x20 && c|0x20 <= 'z' }

func digit(c byte) bool { return '0' <= c && c <= '9' }

// number reads the number without a sign that a text begins with, such as
// 1,234.50, and says how many bytes it takes. A comma or a full stop that
// nothing of it follows is no part of it.
func number(text string) (value float64, length int) {
	var buffer [32]byte
	plain := buffer[:0]
	n := 0
	for n < len(text) && digit(text[n]) {
		plain = append(plain, text[n])
		n++
		if n < len(text) && text[n] == ',' && thousands(text[n+1:]) {
			n++
		}
	}
	if n+1 < len(text) && text[n] == '.' && digit(text[n+1]) {
		plain = append(plain, '.')
		for n++; n < len(text) && digit(text[n]); n++ {
			plain = append(plain, text[n])
		}
	}
	value, err := strconv.ParseFloat(string(plain), 64)
	if err != nil { // too large
		value = math.MaxFloat64
	}
	return value, n
}

// thousands says whether a text begins with exactly three digits.
func thousands(text string) bool {
	return len(text) >= 3 && digit(text[0]) && digit(text[1]) && digit(text[2]) && (len(text) == 3 || !digit(text[3]))
}

// stands says whether tokens stand in others, one after the other.
func stands(needle, hay []token) bool {
	if len(needle) == 0 {
		return false
	}
	for i := 0; i+len(needle) <= len(hay); i++ {
		k := 0
		for k < len(needle) && needle[k].key == hay[i+k].key {
			k++
		}
		if k == len(needle) {
			return true
		}
	}
	return false
}

// support is the share of tokens, by their weights, that others have.
func support(needle []token, hay map[uint64]struct{}, weight func(token) float64) float64 {
	found, all := 0.0, 0.0
	for _, t := range needle {
		w := weight(t)
		all += w
		if _, ok := hay[t.key]; ok {
			found += w
		}
	}
	if all == 0 {
		return 0
	}
	return found / all
}

// setOf are the tokens without their order.
func setOf(list []token) map[uint64]struct{} {
	out := make(map[uint64]struct{}, len(list))
	for _, t := range list {
		out[t.key] = struct{}{}
	}
	return out
}

// firstNumber is the first number of a text.
func firstNumber(list []token) (float64, bool) {
	for _, t := range list {
		if t.kind == isNumber {
			return t.number, true
		}
	}
	return 0, false
}

// lastNumber is the last number of a text.
func lastNumber(list []token) (float64, bool) {
	for _, t := range slices.Backward(list) {
		if t.kind == isNumber {
			return t.number, true
		}
	}
	return 0, false
}
