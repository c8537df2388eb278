package signal

import (
	"math"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/pointsman-ai/pointsman"
)

// maxText bounds how much of a text is looked at: what shape a text has shows
// in its first 64 KiB.
const maxText = 64 << 10

// counts are what one pass over a text sees.
type counts struct {
	bytes, runes, words, letters, digits, nonASCII, questions int
}

func count(text string) counts {
	c := counts{bytes: len(text)}
	if len(text) > maxText {
		text = text[:maxText]
	}
	inWord := false
	for _, r := range text {
		c.runes++
		switch {
		case r >= utf8.RuneSelf:
			c.nonASCII++
			if unicode.IsLetter(r) {
				c.letters++
			}
		case '0' <= r && r <= '9':
			c.digits++
		case 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z':
			c.letters++
		case r == '?':
			c.questions++
		}
		space := r == ' ' || '\t' <= r && r <= '\r' || r >= utf8.RuneSelf && unicode.IsSpace(r) // as strings.Fields has it
		if !space && !inWord {
			c.words++
		}
		inWord = !space
	}
	return c
}

// share is part/(whole), or a missing signal where there is no whole.
func share(name pointsman.SignalName, part, whole int, empty string) pointsman.Signal {
	if whole == 0 {
		return pointsman.Unmeasured(name, empty)
	}
	return pointsman.Measured(name, float64(part)/float64(whole))
}

func logCount(name pointsman.SignalName, n int) pointsman.Signal {
	return pointsman.Measured(name, math.Log1p(float64(n)))
}

func requestShape(r *pointsman.Request) []pointsman.Signal {
	c := count(r.Input)
	return []pointsman.Signal{
		logCount(RequestChars, c.bytes),
		logCount(RequestWords, c.words),
		pointsman.Measured(RequestTurns, float64(len(r.Messages))),
		share(RequestDigits, c.digits, c.letters+c.digits, "no letters or digits"),
		share(RequestNonASCII, c.nonASCII, c.runes, "empty text"),
		pointsman.Measured(RequestMarks, float64(c.questions)),
	}
}

func appendShape(out pointsman.Signals, a *pointsman.Answer) pointsman.Signals {
	c := count(a.Text)
	out = append(out, logCount(AnswerChars, c.bytes), logCount(AnswerWords, c.words))
	if a.FinishReason == "" {
		out = append(out, pointsman.Unmeasured(AnswerFinished, "the upstream gave no finish reason"))
	} else {
		out = append(out, truth(AnswerFinished, a.FinishReason == "stop" || a.FinishReason == "tool_calls"))
	}
	return append(out,
		truth(AnswerRefusal, refuses(a)),
		logCount(AnswerHedging, hedges(a.Text)),
		share(AnswerRepetition, repeatedTrigrams(a.Text, c.words), max(c.words-2, 0), "fewer than three words"),
		share(AnswerDigits, c.digits, c.letters+c.digits, "no letters or digits"),
	)
}

// refusalOpenings are how models begin when they decline, in lower case. The
// list is deliberately short: it looks at the opening only, and the confidence
// is fitted on what it finds.
var refusalOpenings = []string{
	"i'm sorry", "i am sorry", "sorry, but", "i apologize", "i cannot", "i can't", "i can not",
	"i'm unable", "i am unable", "i won't", "i'm not able", "i am not able", "as an ai", "as a language model",
	"unfortunately, i",
}

// refuses says that an answer declines to answer: by the upstream's own field,
// its content filter, or its opening words.
func refuses(a *pointsman.Answer) bool {
	if a.Refusal != "" || a.FinishReason == "content_filter" {
		return true
	}
	opening := strings.TrimSpace(a.Text)
	if len(opening) > 48 {
		opening = opening[:48]
	}
	opening = strings.ToLower(strings.ReplaceAll(opening, "’", "'"))
	for _, o := range refusalOpenings {
		if strings.HasPrefix(opening, o) {
			return true
		}
	}
	return false
}

// hedgeWords are expressions of doubt, in lower case.
var hedgeWords = []string{
	"not sure", "unsure", "unclear", "i think", "i believe", "probably", "possibly", "perhaps", "maybe", "might be",
	"may be", "could be", "likely", "it seems", "appears to", "approximately", "assume", "assuming", "not enough information",
	"cannot determine", "none of the", "closest", "guess",
}

// hedges counts expressions of doubt.
func hedges(text string) int {
	if len(text) > maxText {
		text = text[:maxText]
	}
	if len(text) < 4 {
		return 0
	}
	text = strings.ToLower(text)
	n := 0
	for _, w := range hedgeWords {
		n += strings.Count(text, w)
	}
	return n
}

// repeatedTrigrams counts the word trigrams that stood in the text before: a
// model that goes round in circles.
func repeatedTrigrams(text string, words int) int {
	if words < 3 {
		return 0
	}
	if len(text) > maxText {
		text = text[:maxText]
	}
	seen := make(map[uint64]struct{}, min(words, 4096))
	repeated, n := 0, 0
	var a, b uint64
	for word := range strings.FieldsSeq(text) {
		c := hash(word)
		if n++; n >= 3 {
			key := a*0x9E3779B97F4A7C15 ^ b*0xC2B2AE3D27D4EB4F ^ c
			if _, ok := seen[key]; ok {
				repeated++
			} else {
				seen[key] = struct{}{}
			}
		}
		a, b = b, c
	}
	return repeated
}

// hash is FNV-1a: stable across runs and platforms.
func hash(word string) uint64 {
	h := uint64(fnvOffset)
	for i := range len(word) {
		h = (h ^ uint64(word[i])) * fnvPrime
	}
	return h
}

const (
	fnvOffset = 14695981039346656037
	fnvPrime  = 1099511628211
)
