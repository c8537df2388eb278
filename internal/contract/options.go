package contract

import "strings"

// maxMark bounds the bytes of what stands before an option's text.
const maxMark = 64

// options are the texts that a request lists for the labels of a multiple choice,
// one a line: "C. text", "C) text", "(C) text" or "C: text". Where a label is
// listed more than once, the last counts: examples stand before the question.
func (c *Contract) options(input, label string) (texts []string, own int) {
	listed := make(map[string]string, len(c.labels))
	for line := range strings.Lines(input) {
		mark, text, ok := option(line)
		if !ok {
			continue
		}
		if l, ok := c.exact[mark]; ok {
			listed[l] = text
		}
	}
	own = -1
	for _, l := range c.labels {
		text, ok := listed[l]
		if !ok {
			continue
		}
		if l == label {
			own = len(texts)
		}
		texts = append(texts, text)
	}
	return texts, own
}

// option splits a line into an option's mark and its text.
func option(line string) (mark, text string, ok bool) {
	line = strings.TrimSpace(line)
	if inner, found := strings.CutPrefix(line, "("); found {
		mark, text, ok = strings.Cut(inner, ")")
	} else if i := strings.IndexAny(line[:min(len(line), maxMark)], ".):"); i > 0 {
		mark, text, ok = line[:i], line[i+1:], true
	}
	text = strings.TrimSpace(text)
	return strings.TrimSpace(mark), text, ok && text != ""
}
