package excerpt_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"

	"github.com/pointsman-ai/pointsman/internal/excerpt"
)

// An excerpt is as long as is permitted and no longer, begins as the text does,
// and cuts no character in two.
func TestOf(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text, most := rapid.String().Draw(t, "text"), rapid.IntRange(0, 40).Draw(t, "most")
		got := excerpt.Of(text, most)
		if len(text) <= most {
			if got != text {
				t.Fatalf("%q of %q", got, text)
			}
			return
		}
		begin, ok := strings.CutSuffix(got, "…")
		if !ok || len(begin) > most || len(begin) < most-utf8.UTFMax+1 || !strings.HasPrefix(text, begin) || utf8.ValidString(text) && !utf8.ValidString(begin) {
			t.Fatalf("%q of %q in %d bytes", got, text, most)
		}
	})
	if got := excerpt.Line("a\n\tb  c", 3); got != "a b…" {
		t.Errorf("%q", got)
	}
}
