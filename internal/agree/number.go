package agree

import (
	"slices"
	"strings"
	"unicode/utf8"
)

// quantity is a decimal number in canonical form, and its unit in lower case.
type quantity struct {
	value string // no leading or trailing zeros: "-1200", "0.5"
	unit  string // "" where none is written
}

// equal says whether two quantities are the same number. A unit counts where both
// have one.
func (q quantity) equal(other quantity) bool {
	return q.value == other.value && (q.unit == other.unit || q.unit == "" || other.unit == "")
}

const (
	maxNumber = 64 // bytes of a number
	maxUnit   = 24 // bytes of a unit
)

// scales are words that change a number's value, and are no units.
var scales = []string{"hundred", "thousand", "k", "million", "mn", "billion", "bn", "trillion", "dozen"}

// currencies are written before or behind a number.
const currencies = "$€£¥₹"

// parseQuantity reads a text that is one number, with commas between its
// thousands and a unit, if any: "1,000", "1000.0", "$1,000", "5 km", "12 %". What
// may be something else is no number: a date, a version, an id with leading
// zeros.
func parseQuantity(text string) (quantity, bool) {
	text = strings.Trim(strings.TrimSpace(text), "*`\"'")
	text = strings.TrimSuffix(text, ".")
	sign := ""
	var before string
	for text != "" && !digit(text[0]) && text[0] != '.' {
		r, size := utf8.DecodeRuneInString(text)
		switch {
		case r == '-' && sign == "":
			sign = "-"
		case r == '−' && sign == "":
			sign = "-"
		case r == '+' && sign == "":
			sign = "+"
		case strings.ContainsRune(currencies, r) && before == "":
			before = string(r)
		case r == ' ':
		default:
			return quantity{}, false
		}
		text = text[size:]
	}
	n := 0
	for n < len(text) && (digit(text[n]) || text[n] == ',' || text[n] == '.') {
		n++
	}
	value, ok := decimal(text[:n], sign == "-")
	if !ok {
		return quantity{}, false
	}
	unit, ok := unitOf(text[n:])
	if !ok || before != "" && unit != "" && unit != before {
		return quantity{}, false
	}
	return quantity{value, before + strings.TrimPrefix(unit, before)}, true
}

func digit(c byte) bool { return '0' <= c && c <= '9' }

// unitOf reads what follows a number: nothing, or one or two words.
func unitOf(rest string) (unit string, ok bool) {
	spaced := strings.HasPrefix(rest, " ")
	rest = strings.ToLower(strings.Join(strings.Fields(rest), " "))
	if rest == "" {
		return "", true
	}
	if scale, _, _ := strings.Cut(rest, " "); slices.Contains(scales, scale) {
		return "", false
	}
	if len(rest) > maxUnit || strings.ContainsAny(rest, "0123456789=<>()") || strings.Count(rest, " ") > 1 {
		return "", false
	}
	// Behind a digit, only letters and marks of units begin one: 5km, 5%, 5°C,
	// but not 5-x or 5:30.
	if first, _ := utf8.DecodeRuneInString(rest); !spaced && strings.ContainsRune("-−–:/.,_#", first) {
		return "", false
	}
	return rest, true
}

// decimal is the canonical form of digits with commas and a point.
func decimal(digits string, negative bool) (string, bool) {
	if digits == "" || len(digits) > maxNumber {
		return "", false
	}
	whole, fraction, _ := strings.Cut(digits, ".")
	if strings.ContainsAny(fraction, ".,") || !grouped(whole) {
		return "", false
	}
	whole = strings.ReplaceAll(whole, ",", "")
	if whole == "" && fraction == "" || len(whole) > 1 && whole[0] == '0' {
		return "", false // an id
	}
	out := strings.TrimLeft(whole, "0")
	if out == "" {
		out = "0"
	}
	if fraction = strings.TrimRight(fraction, "0"); fraction != "" {
		out += "." + fraction
	}
	if negative && out != "0" {
		out = "-" + out
	}
	return out, true
}

// grouped says whether commas, if there are any, stand between thousands.
func grouped(whole string) bool {
	groups := strings.Split(whole, ",")
	if len(groups) == 1 {
		return true
	}
	for i, g := range groups {
		if i == 0 && (len(g) < 1 || len(g) > 3) || i > 0 && len(g) != 3 {
			return false
		}
	}
	return true
}
