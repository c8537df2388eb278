package redact

// digitRun is digits with single separators between them. It holds no memory
// of its own: one is made for every number of a text.
type digitRun struct {
	digits [maxRunDigits]byte
	n      int // of digits
	groups [maxRunDigits]digitGroup
	count  int // of groups
	plus   bool
	paren  bool
	// sums are the Luhn sums of the digits so far with those in even and in odd
	// places doubled, so that the sum of every beginning is at hand.
	sums [2]int
	zero bool
}

// digitGroup is a group of digits and what the run is up to its end. Lengths
// above 255 are 255: nothing that long is looked for.
type digitGroup struct {
	length uint8
	total  uint8 // digits up to its end
	end    uint8 // where it ends, from the start of the run
	card   bool  // the digits up to its end satisfy Luhn, and only " " and "-" separate them
	dashed bool  // only "-" separates them
}

// maxRunDigits bounds what is looked at as one number: a card has 19 digits.
const maxRunDigits = 20

// digitsEnd classifies the number that begins at i. It returns where it ends
// and its placeholder, or an empty placeholder for digits to step over, or 0
// where no digit follows.
func digitsEnd(s string, i int) (end int, placeholder string) {
	r, at := digitRun{zero: true}, i
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
			return first + end, placeholder
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
	start, card, dashed := at, true, true
	for at < len(s) && r.n < maxRunDigits && r.count < maxRunDigits {
		from := at
		for at < len(s) && isDigit(s[at]) {
			if r.n < maxRunDigits {
				r.add(s[at] - '0')
			}
			at++
		}
		total := at - from
		if r.count > 0 {
			total += int(r.groups[r.count-1].total)
		}
		r.groups[r.count] = digitGroup{
			length: upTo255(at - from), total: upTo255(total), end: upTo255(at - start), card: card && r.luhn(), dashed: dashed,
		}
		r.count++
		sep := byte(0)
		switch {
		case r.paren && r.count == 1 && at < len(s) && s[at] == ')':
			sep = ')'
			at++
			if at < len(s) && (s[at] == ' ' || s[at] == '-') {
				at++
			}
		case at < len(s) && (s[at] == ' ' || s[at] == '-' || s[at] == '.' || s[at] == '/'):
			sep = s[at]
			at++
			if at < len(s) && s[at] == '(' { // +49 (0) 30
				at++
			}
		}
		if sep == 0 || at >= len(s) || !isDigit(s[at]) {
			// A bracket within: "(0)" goes on behind it.
			next := afterBracket(s, at)
			if sep != 0 || !r.plus || next == 0 {
				return
			}
			sep, at = ')', next
		}
		card = card && (sep == ' ' || sep == '-')
		dashed = dashed && sep == '-'
	}
}

// afterBracket is where the digit stands that follows a closing bracket, or 0.
func afterBracket(s string, at int) int {
	if at+1 >= len(s) || s[at] != ')' {
		return 0
	}
	at++
	if s[at] == ' ' || s[at] == '-' {
		at++
	}
	if at >= len(s) || !isDigit(s[at]) {
		return 0
	}
	return at
}

func upTo255(n int) uint8 { return uint8(min(n, 255)) }

func (r *digitRun) add(digit byte) {
	r.digits[r.n] = digit + '0'
	r.zero = r.zero && digit == 0
	doubled := 2 * int(digit)
	if doubled > 9 {
		doubled -= 9
	}
	r.sums[r.n%2] += doubled
	r.sums[1-r.n%2] += int(digit)
	r.n++
}

// luhn checks the sum of ISO/IEC 7812-1, annex B: every second digit is doubled,
// and the last is not. All zeros are no card.
func (r *digitRun) luhn() bool { return r.sums[r.n%2]%10 == 0 && !r.zero }

// grouped looks for a card or a phone number in the first groups, the longest
// first.
func (r *digitRun) grouped() (end int, placeholder string) {
	for n := r.count; n > 0; n-- {
		g := &r.groups[n-1]
		total, end := int(g.total), int(g.end)
		if total > r.n {
			continue
		}
		switch {
		case total >= 13 && total <= 19 && !r.plus && !r.paren && g.card:
			return end, "[CARD]"
		case n == 3 && r.shaped(0, 3, 2, 4) && g.dashed:
			return end, "[NUMBER]" // a US social security number
		case r.phone(n, total):
			return end, "[PHONE]"
		}
	}
	return 0, ""
}

// shaped says whether the groups from one on have these lengths.
func (r *digitRun) shaped(from int, lengths ...uint8) bool {
	for i, length := range lengths {
		if r.groups[from+i].length != length {
			return false
		}
	}
	return true
}

// phone says whether the first n digits, in so many groups, are a phone number:
// international, with a leading 0 or a bracket, or in the North American
// grouping.
func (r *digitRun) phone(groups, n int) bool {
	switch {
	case r.plus:
		return n >= 7 && n <= 15
	case r.paren:
		return groups > 1 && n >= 9 && n <= 13
	case n > 1 && r.digits[0] == '0' && r.digits[1] == '0':
		return n >= 9 && n <= 17
	case r.digits[0] == '0':
		return groups > 1 && n >= 9 && n <= 13
	case groups == 4 && r.digits[0] == '1':
		return r.shaped(0, 1, 3, 3, 4)
	}
	return groups == 3 && r.shaped(0, 3, 3, 4)
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
