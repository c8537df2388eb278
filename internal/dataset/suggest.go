package dataset

import (
	"fmt"
	"slices"
	"strings"
)

// aliases are what other tools call our members.
var aliases = map[string]string{
	"text": "input", "query": "input", "prompt": "input", "question": "input", "content": "input",
	"target": "label", "intent": "label", "class": "label", "category": "label",
	"answer": "reference", "output": "reference", "expected": "reference", "completion": "reference",
	"meta": "metadata", "conversation": "group", "conversation_id": "group", "entities": "fields",
}

// suggest names what somebody may have meant, or everything that is known.
func suggest(name string, known []string) string {
	folded := strings.ToLower(strings.TrimSpace(name))
	if meant, ok := aliases[folded]; ok && slices.Contains(known, meant) {
		return fmt.Sprintf("did you mean %q?", meant)
	}
	best, least := "", max(1, len(folded)/3)+1
	for _, k := range known {
		if d := distance(folded, strings.ToLower(k)); d < least {
			best, least = k, d
		}
	}
	if best != "" {
		return fmt.Sprintf("did you mean %q?", best)
	}
	if len(known) > 24 {
		return fmt.Sprintf("known: %s and %d more", strings.Join(known[:24], ", "), len(known)-24)
	}
	return "known: " + strings.Join(known, ", ")
}

// distance is Levenshtein's, in bytes, with a swap of neighbours as one edit
// (the optimal string alignment distance). Texts of more than 64 bytes are no
// slips and are far from everything.
func distance(a, b string) int {
	if len(a) > 64 || len(b) > 64 {
		return 64
	}
	before, last, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := range len(a) {
		row[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			row[j+1] = min(last[j+1]+1, row[j]+1, last[j]+cost)
			if i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j] {
				row[j+1] = min(row[j+1], before[j-1]+1)
			}
		}
		before, last, row = last, row, before
	}
	return last[len(b)]
}
