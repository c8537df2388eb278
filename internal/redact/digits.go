package redact

import "strings"

// digitRun is digits with single separators between them.
type digitRun struct {
	digits []byte
	groups []int // how many digits each has
	seps   []byte
	ends   []int // where each group ends
	plus   bool
	paren  bool
}

// maxRunDigits bounds what is looked at as one number.
const maxRunDigits = 24

// digitsEnd classifies the number that begins at i. It returns where it ends
// and its placeholder, or an empty placeholder for digits to step over, or 0
// where no digit follows.
func digitsEnd(s string, i int) (end int, placeholder string) {
	r, at := digitRun{}, i
	switch s[at] {
	case '+':
		r.plus = true
		at++
	case '(':
		r.paren = true
		at++
	}
	first := at
	for at < len(s) && isDigit(s[at]) {
		at++
	}
	if at == first {
		return 0, ""
	}
	contiguous := at // where the first group ends
	if end := dateEnd(s, first); end > 0 {
		return end, ""
	}
	r.read(s, first)
	embedded := i > 0 && isWord(before(s, i))
	if !embedded {
		if end, placeholder := r.grouped(); end > 0 {
			return end, placeholder
		}
	}
	if r.plus || r.paren {
		return first, "" // look at the digits again without it
	}
	if contiguous-first >= 9 {
		if !embedded && s[first] == '0' && contiguous-first <= 12 {
			return contiguous, "[PHONE]"
		}
		return contiguous, "[NUMBER]"
	}
	return contiguous, ""
}

// read collects groups of digits from a place on.
func (r *digitRun) read(s string, at int) {
	for at < len(s) && len(r.digits) < maxRunDigits {
		from := at
		for at < len(s) && isDigit(s[at]) {
			at++
		}
		r.digits = append(r.digits, s[from:at]...)
		r.groups = append(r.groups, at-from)
		r.ends = append(r.ends, at)
		sep := byte(0)
		switch {
		case r.paren && len(r.groups) == 1 && at < len(s) && s[at] == ')':
			sep = ')'
			at++
			if at < len(s) && (s[at] == ' ' || s[at] == '-') {
				at++
			}
		case at < len(s) && strings.IndexByte(" -./", s[at]) >= 0:
			sep = s[at]
			at++
			if at < len(s) && s[at] == '(' { // +49 (0) 30
				at++
			}
		}
		if sep == 0 || at >= len(s) || !isDigit(s[at]) {
			// A bracket within: "(0)" goes on behind it.
			if sep == 0 && at+1 < len(s) && s[at] == ')' && r.plus {
				next := at + 1
				if s[next] == ' ' || s[next] == '-' {
					next++
				}
				if next < len(s) && isDigit(s[next]) {
					r.seps = append(r.seps, ')')
					at = next
					continue
				}
			}
			return
		}
		r.seps = append(r.seps, sep)
	}
}

// grouped looks for a card or a phone number in the first groups, the longest
// first.
func (r *digitRun) grouped() (end int, placeholder string) {
	for n := len(r.groups); n > 0; n-- {
		total := 0
		for _, g := range r.groups[:n] {
			total += g
		}
		if total > len(r.digits) {
			continue
		}
		digits, seps := r.digits[:total], r.seps[:min(n-1, len(r.seps))]
		switch {
		case total >= 13 && total <= 19 && !r.plus && !r.paren && onlyIn(seps, " -") && luhn(digits):
			return r.ends[n-1], "[CARD]"
		case n == 3 && r.groups[0] == 3 && r.groups[1] == 2 && r.groups[2] == 4 && onlyIn(seps, "-"):
			return r.ends[n-1], "[NUMBER]" // a US social security number
		case r.phone(digits, r.groups[:n]):
			return r.ends[n-1], "[PHONE]"
		}
	}
	return 0, ""
}

// phone says whether digits are a phone number: international, with a leading 0
// or a bracket, or in the North American grouping.
func (r *digitRun) phone(digits []byte, groups []int) bool {
	n := len(digits)
	grouped := len(groups) > 1
	switch {
	case r.plus:
		return n >= 7 && n <= 15
	case r.paren:
		return grouped && n >= 9 && n <= 13
	case strings.HasPrefix(string(digits), "00"):
		return n >= 9 && n <= 17
	case digits[0] == '0':
		return grouped && n >= 9 && n <= 13
	}
	g := groups
	if len(g) == 4 && g[0] == 1 && digits[0] == '1' {
		g = g[1:]
	}
	return len(g) == 3 && g[0] == 3 && g[1] == 3 && g[2] == 4
}

func onlyIn(seps []byte, set string) bool {
	return strings.Trim(string(seps), set) == ""
}

// luhn checks the sum of ISO/IEC 7812-1, annex B. All zeros are no card.
func luhn(digits []byte) bool {
	sum, zero := 0, true
	for i := range digits {
		n := int(digits[len(digits)-1-i] - '0')
		zero = zero && n == 0
		if i%2 == 1 {
			if n *= 2; n > 9 {
				n -= 9
			}
		}
		sum += n
	}
	return sum%10 == 0 && !zero
}

// dateEnd is where the date ends that begins at i (year-month-day or
// day.month.year), or 0. Dates are no phone numbers.
func dateEnd(s string, i int) int {
	for _, form := range []string{"dddd-dd-dd", "dddd/dd/dd", "dddd.dd.dd", "dd-dd-dddd", "dd/dd/dddd", "dd.dd.dddd"} {
		if matchesForm(s[i:], form) && (i+len(form) == len(s) || !isDigit(s[i+len(form)]) && s[i+len(form)] != s[i+len(form)-3]) {
			return i + len(form)
		}
	}
	return 0
}

func matchesForm(s, form string) bool {
	if len(s) < len(form) {
		return false
	}
	for i := range len(form) {
		if form[i] == 'd' && !isDigit(s[i]) || form[i] != 'd' && s[i] != form[i] {
			return false
		}
	}
	return true
}
