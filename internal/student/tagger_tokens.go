package student

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Tags are numbered: 0 is outside of every field, 1+2f the beginning of field f and
// 2+2f its inside.
const (
	outsideTag = 0
	maxFields  = 1024
)

func beginTag(field int) uint16  { return uint16(1 + 2*field) }
func insideTag(field int) uint16 { return uint16(2 + 2*field) }

// fieldOf is the field of a tag, -1 for outsideTag.
func fieldOf(tag uint16) int { return (int(tag)+1)/2 - 1 }

// mayFollow reports whether tag may stand after prev; the beginning of a text
// counts as outside.
func mayFollow(prev, tag uint16) bool {
	inside := tag != outsideTag && tag%2 == 0
	return !inside || fieldOf(prev) == fieldOf(tag)
}

// What stands between a token and the one before it.
const (
	gapNone = iota
	gapSpace
	gapLine // a line break, or the beginning of the text.
)

// token is a run of letters, a run of digits, or one other character.
type token struct {
	start, end int // byte offsets.
	gap        uint8
	word       uint64 // hash of the lower-case characters, digits folded.
	shape      uint64 // hash of the runs of character classes: "Xx0-".
}

// tokenise cuts a text into tokens with offsets. dst is reused.
func tokenise(dst []token, text string) []token {
	dst = dst[:0]
	gap := uint8(gapLine)
	for i := 0; i < len(text); {
		r, width := utf8.DecodeRuneInString(text[i:])
		class := classOf(r)
		if class == ' ' {
			if r == '\n' {
				gap = gapLine
			} else {
				gap = max(gap, gapSpace)
			}
			i += width
			continue
		}
		t := token{start: i, gap: gap, word: fnvOffset, shape: fnvOffset}
		last := rune(0)
		for first := class; i < len(text); i += width {
			r, width = utf8.DecodeRuneInString(text[i:])
			class = classOf(r)
			if i > t.start && !sameToken(first, class) {
				break
			}
			if class == '0' {
				t.word = fold(t.word, class) // 2018 is as good as 2017.
			} else {
				t.word = fold(t.word, lower(r))
			}
			if class != last {
				t.shape = fold(t.shape, class)
				last = class
			}
		}
		t.end = i
		dst = append(dst, t)
		gap = gapNone
	}
	return dst
}

// classOf maps a character to its class: 'X', 'x' and 'c' for upper-case,
// lower-case and other letters, '0' for digits, ' ' for spaces, and anything
// else stands for itself.
func classOf(r rune) rune {
	switch {
	case r < utf8.RuneSelf && 'a' <= r && r <= 'z':
		return 'x'
	case r < utf8.RuneSelf && 'A' <= r && r <= 'Z', unicode.IsUpper(r):
		return 'X'
	case unicode.IsDigit(r):
		return '0'
	case unicode.IsSpace(r):
		return ' '
	case unicode.IsLower(r):
		return 'x'
	case unicode.IsLetter(r), unicode.IsMark(r):
		return 'c'
	}
	return r
}

func sameToken(a, b rune) bool {
	letter := func(c rune) bool { return c == 'X' || c == 'x' || c == 'c' }
	return letter(a) && letter(b) || a == '0' && b == '0'
}

// fieldSpan is where a field's value is in the text: tokens[from:to].
type fieldSpan struct {
	field    string
	from, to int
}

// named is a value of a field.
type named struct{ field, value string }

// values are those of the example, longer ones first, each once.
func (e TaggedExample) values() ([]named, error) {
	var all []named
	add := func(name string, several bool, values ...string) error {
		if name == "" || len(name) > maxLabelBytes {
			return fmt.Errorf("field name of %d bytes: want 1 to %d", len(name), maxLabelBytes)
		}
		for _, value := range values {
			if value != "" {
				all = append(all, named{name, value})
			}
		}
		if _, both := e.Fields[name]; several && both {
			return fmt.Errorf("field %q has one value and several", name)
		}
		return nil
	}
	for name, value := range e.Fields {
		if err := add(name, false, value); err != nil {
			return nil, err
		}
	}
	for name, values := range e.Several {
		if err := add(name, true, values...); err != nil {
			return nil, err
		}
	}
	slices.SortFunc(all, func(a, b named) int {
		return cmp.Or(cmp.Compare(len(b.value), len(a.value)), cmp.Compare(a.field, b.field), cmp.Compare(a.value, b.value))
	})
	return slices.Compact(all), nil
}

// locate finds the values of the example among the tokens of its text. Longer
// values are placed first, so that "9.00" is not sought in "Total 9.00".
func (e TaggedExample) locate(tokens []token, opts TaggerOptions) ([]fieldSpan, error) {
	values, err := e.values()
	if err != nil {
		return nil, err
	}
	starts := make(map[int]int, len(tokens))
	ends := make(map[int]int, len(tokens))
	for i, t := range tokens {
		starts[t.start], ends[t.end] = i, i
	}
	taken := make([]bool, len(tokens))
	var spans []fieldSpan
	for _, v := range values {
		found := false
		for at := 0; ; at++ {
			i := strings.Index(e.Text[at:], v.value)
			if i < 0 {
				break
			}
			at += i
			from, ok := starts[at]
			last, ok2 := ends[at+len(v.value)]
			if !ok || !ok2 || slices.Contains(taken[from:last+1], true) {
				continue
			}
			for k := from; k <= last; k++ {
				taken[k] = true
			}
			spans = append(spans, fieldSpan{v.field, from, last + 1})
			found = true
			if opts.FirstOnly {
				break
			}
		}
		if !found {
			return nil, fmt.Errorf("field %q: its value does not stand in the text as whole tokens of its own", v.field)
		}
	}
	return spans, nil
}

// The kinds of token features; each has its own hash space.
const (
	kindWord   = iota * 8 // + offset
	kindShape             // + offset
	kindPrefix            // + length
	kindSuffix            // + length
	kindPair              // + position of the first word
	kindGap
	kindBias
)

// tokenFeatures calls emit with the hash of each feature of token i: the words
// two to the left and right, shapes one, prefixes and suffixes of up to four
// characters, pairs of words, and how the token is set apart from its
// neighbours. The previous tag enters through the transitions of the lattice.
func tokenFeatures(tokens []token, text string, i int, emit func(h uint64)) {
	word := func(k int) uint64 {
		switch {
		case k < 0:
			return runeTextStart
		case k >= len(tokens):
			return runeTextEnd
		}
		return tokens[k].word
	}
	feature := func(kind int, h uint64) { emit(mix(h + uint64(kind+1)*fnvPrime)) }

	for d := -2; d <= 2; d++ {
		feature(kindWord+d+2, word(i+d))
	}
	for d := -1; d <= 1; d++ {
		if k := i + d; k >= 0 && k < len(tokens) {
			feature(kindShape+d+1, tokens[k].shape)
		}
	}
	for d := -2; d <= 1; d++ {
		feature(kindPair+d+2, join(word(i+d), word(i+d+1)))
	}
	gaps := uint64(tokens[i].gap) * 3
	if i+1 < len(tokens) {
		gaps += uint64(tokens[i+1].gap)
	} else {
		gaps += gapLine
	}
	feature(kindGap, gaps)
	feature(kindGap+1, join(gaps, tokens[i].shape))
	feature(kindBias, 0)

	s := text[tokens[i].start:tokens[i].end]
	h, n := uint64(fnvOffset), 0
	for _, r := range s {
		h = fold(h, lower(r))
		if n++; n > 4 {
			break
		}
		feature(kindPrefix+n, h)
	}
	h = fnvOffset
	for n = 1; n <= 4 && len(s) > 0; n++ {
		r, width := utf8.DecodeLastRuneInString(s)
		h = fold(h, lower(r))
		feature(kindSuffix+n, h)
		s = s[:len(s)-width]
	}
}
