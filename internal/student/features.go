package student

import (
	"slices"
	"unicode"
	"unicode/utf8"
)

// The two blocks of features. Each is L2-normalised on its own, so that the
// many character n-grams of a text do not drown its few words.
const (
	blockWords = iota
	blockChars
	numBlocks
)

// Runes outside Unicode's range stand for what no text contains.
const (
	runeWordStart = unicode.MaxRune + 1 + iota
	runeWordEnd
	runeTextStart
	runeTextEnd
	runeShape
)

// word is one token of a normalised text: its runes lie in
// analyser.runes[start:end], shape is its hash with digits folded.
type word struct {
	start, end  int
	hash, shape uint64
}

// analyser turns text into hashed n-grams. It owns its scratch memory and is
// therefore not safe for concurrent use; it allocates only where a text is
// longer than any before it.
type analyser struct {
	opts  Options
	seed  uint64
	runes []rune
	words []word
	// grams holds one entry for each occurrence of an n-gram, by block: the
	// bucket shifted left by one, with the sign in the lowest bit.
	grams [numBlocks][]uint32
	// rows are those of the text's words in the table of word vectors, where
	// there is one; text is scratch for a word.
	rows []int32
	text []byte
}

func newAnalyser(opts Options) *analyser {
	return &analyser{opts: opts, seed: mix(fnvOffset ^ opts.Seed)}
}

// analyse fills a.grams from text. Afterwards each block is sorted, so that
// equal n-grams stand together.
func (a *analyser) analyse(text string) {
	for b := range a.grams {
		a.grams[b] = a.grams[b][:0]
	}
	if len(text) > a.opts.MaxBytes {
		text = text[:a.opts.MaxBytes]
	}
	a.split(text)
	if a.opts.Vectors != nil {
		a.findVectors()
	}
	if !a.opts.Words.None() {
		a.wordGrams()
	}
	if !a.opts.Chars.None() {
		a.charGrams()
	}
	for b := range a.grams {
		slices.Sort(a.grams[b])
	}
}

// split normalises text to lower case and cuts it into words: runs of letters,
// digits and combining marks. An apostrophe, full stop or comma between two of
// them belongs to the word ("don't", "1,159.90"). Invalid UTF-8 separates words.
func (a *analyser) split(text string) {
	a.runes, a.words = a.runes[:0], a.words[:0]
	start := -1
	for i, width := 0, 0; i < len(text); i += width {
		var r rune
		r, width = utf8.DecodeRuneInString(text[i:])
		switch {
		case wordRune(r):
			if start < 0 {
				start = len(a.runes)
			}
			a.runes = append(a.runes, lower(r))
		case start >= 0 && joinsWord(r, a.runes[len(a.runes)-1], text[i+width:]):
			if r == '’' {
				r = '\''
			}
			a.runes = append(a.runes, r)
		default:
			a.endWord(start)
			start = -1
			if a.opts.Symbols && r != utf8.RuneError && !unicode.IsSpace(r) {
				a.runes = append(a.runes, r)
				a.endWord(len(a.runes) - 1)
			}
		}
	}
	a.endWord(start)
}

// endWord closes the word that began at start; a negative start is no word.
func (a *analyser) endWord(start int) {
	if start < 0 {
		return
	}
	w := word{start: start, end: len(a.runes), hash: fnvOffset, shape: fnvOffset}
	for i, r := range a.runes[start:] {
		w.hash = fold(w.hash, r)
		if a.opts.FoldDigits && unicode.IsDigit(r) {
			r = '0'
			if i == 0 {
				w.shape = fold(w.shape, runeShape)
			}
		}
		w.shape = fold(w.shape, r)
	}
	a.words = append(a.words, w)
}

func wordRune(r rune) bool {
	if r < utf8.RuneSelf {
		return 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9'
	}
	return unicode.IsLetter(r) || unicode.IsDigit(r) || unicode.IsMark(r)
}

func lower(r rune) rune {
	if r < utf8.RuneSelf {
		if 'A' <= r && r <= 'Z' {
			r += 'a' - 'A'
		}
		return r
	}
	return unicode.ToLower(r)
}

// joinsWord reports whether the punctuation r, which follows prev and precedes
// rest, is part of a word and not its end.
func joinsWord(r, prev rune, rest string) bool {
	next, _ := utf8.DecodeRuneInString(rest)
	switch r {
	case '\'', '’':
		return unicode.IsLetter(prev) && unicode.IsLetter(next)
	case '.', ',':
		return unicode.IsDigit(prev) && unicode.IsDigit(next)
	}
	return false
}

// emit adds one n-gram of the given block and length.
func (a *analyser) emit(block, length int, h uint64) {
	h = mix(h ^ a.seed + uint64(block<<8|length)*fnvPrime)
	gram := uint32(h>>(64-a.opts.Bits)) << 1
	if a.opts.Signed {
		gram |= uint32(h & 1)
	}
	a.grams[block] = append(a.grams[block], gram)
}

// wordGrams emits the n-grams of words. Single words are emitted as they are
// and, where they have digits, by shape; longer ones by shape only.
func (a *analyser) wordGrams() {
	n := len(a.words)
	if n == 0 {
		return // the edges of nothing are not worth a feature.
	}
	first, last := 0, n
	if a.opts.Edges {
		first, last = -1, n+1
	}
	for i := first; i < last; i++ {
		h := uint64(fnvOffset)
		for length := 1; length <= a.opts.Words.Max && i+length <= last; length++ {
			j := i + length - 1
			switch {
			case j < 0:
				h = join(h, runeTextStart)
			case j >= n:
				h = join(h, runeTextEnd)
			default:
				h = join(h, a.words[j].shape)
			}
			if length < a.opts.Words.Min || length == 1 && (j < 0 || j >= n) {
				continue
			}
			a.emit(blockWords, length, h)
			if length == 1 && a.words[j].hash != a.words[j].shape {
				a.emit(blockWords, length, join(fnvOffset, a.words[j].hash))
			}
		}
	}
}

// charGrams emits the n-grams of characters within each word, whose ends are
// marked so that "ing" at the end differs from "ing" in the middle.
func (a *analyser) charGrams() {
	lo, hi := a.opts.Chars.Min, a.opts.Chars.Max
	for _, w := range a.words {
		for i := w.start - 1; i <= w.end; i++ {
			h := uint64(fnvOffset)
			for j, length := i, 1; length <= hi && j <= w.end; j, length = j+1, length+1 {
				h = fold(h, a.charAt(w, j))
				// A lone boundary mark says nothing.
				if length >= lo && (length > 1 || j >= w.start && j < w.end) {
					a.emit(blockChars, length, h)
				}
			}
		}
	}
}

func (a *analyser) charAt(w word, i int) rune {
	switch {
	case i < w.start:
		return runeWordStart
	case i >= w.end:
		return runeWordEnd
	}
	r := a.runes[i]
	if a.opts.FoldDigits && unicode.IsDigit(r) {
		return '0'
	}
	return r
}
