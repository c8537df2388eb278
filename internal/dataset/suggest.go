package dataset

import (
	"fmt"
	"slices"
	"strings"

	"github.com/pointsman-ai/pointsman/internal/suggest"
)

// aliases are what other tools call our members.
var aliases = map[string]string{
	"text": "input", "query": "input", "prompt": "input", "question": "input", "content": "input",
	"target": "label", "intent": "label", "class": "label", "category": "label",
	"answer": "reference", "output": "reference", "expected": "reference", "completion": "reference",
	"meta": "metadata", "conversation": "group", "conversation_id": "group", "entities": "fields",
}

// didYouMean names what somebody may have meant, or everything that is known.
func didYouMean(name string, known []string) string {
	folded := strings.ToLower(strings.TrimSpace(name))
	if meant, ok := aliases[folded]; ok && slices.Contains(known, meant) {
		return fmt.Sprintf("did you mean %q?", meant)
	}
	if near := suggest.Nearest(name, known); near != "" {
		return fmt.Sprintf("did you mean %q?", near)
	}
	if len(known) > 24 {
		return fmt.Sprintf("known: %s and %d more", strings.Join(known[:24], ", "), len(known)-24)
	}
	return "known: " + strings.Join(known, ", ")
}
