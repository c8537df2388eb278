// Package suggest finds what somebody who mistyped a name may have meant.
package suggest

import (
	"fmt"
	"slices"
	"strings"
)

// DidYouMean suggests the nearest of the known names, or lists them where none
// is near and they are few. It is empty where there is nothing to say.
func DidYouMean(name string, known []string) string {
	known = slices.Sorted(slices.Values(known))
	if near := Nearest(name, known); near != "" {
		return fmt.Sprintf("did you mean %q?", near)
	}
	if len(known) > 0 && len(known) <= 24 {
		return "known: " + strings.Join(known, ", ")
	}
	return ""
}

// Nearest is the known name that a slip of the keyboard makes of name, or
// empty. A slip changes at most a third of the name.
func Nearest(name string, known []string) string {
	if len(name) > 64 { // nobody slips on this, and the distance is quadratic
		return ""
	}
	best, most := "", max(1, len(name)/3)
	folded := fold(name)
	for _, k := range known {
		if len(k) > 64 {
			continue
		}
		d := distance(folded, fold(k), most)
		if d <= most && (best == "" || d < most || d == 0) {
			best, most = k, d
		}
	}
	return best
}

// fold makes names that differ only in case and separators equal.
func fold(s string) string {
	return strings.Map(func(r rune) rune {
		if r == '_' || r == '-' || r == ' ' {
			return -1
		}
		return r
	}, strings.ToLower(s))
}

// distance is the optimal string alignment distance (Damerau-Levenshtein where
// no part is edited twice): insertions, deletions, replacements and swaps of
// neighbours count one each. It gives up above most.
func distance(a, b string, most int) int {
	x, y := []rune(a), []rune(b)
	if len(x)-len(y) > most || len(y)-len(x) > most {
		return most + 1
	}
	before, last, row := make([]int, len(y)+1), make([]int, len(y)+1), make([]int, len(y)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(x); i++ {
		row[0] = i
		for j := 1; j <= len(y); j++ {
			cost := 1
			if x[i-1] == y[j-1] {
				cost = 0
			}
			row[j] = min(last[j]+1, row[j-1]+1, last[j-1]+cost)
			if i > 1 && j > 1 && x[i-1] == y[j-2] && x[i-2] == y[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, last, row = last, row, before
	}
	return last[len(y)]
}
