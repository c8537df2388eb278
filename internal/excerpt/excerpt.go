// Package excerpt bounds what people are shown of texts that come from outside:
// a client's member, a vendor's error, an example's input.
package excerpt

import "strings"

// ellipsis stands for what was left out.
const ellipsis = "…"

// Of is the first bytes of a text, at most so many, with an ellipsis where there
// are more. A character is never cut in two.
func Of(text string, most int) string {
	if len(text) <= most {
		return text
	}
	return strings.ToValidUTF8(text[:most], "") + ellipsis
}

// Line is [Of] a text on one line.
func Line(text string, most int) string {
	return Of(strings.Join(strings.Fields(text), " "), most)
}
