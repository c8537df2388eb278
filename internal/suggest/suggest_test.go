package suggest

import (
	"testing"

	"pgregory.net/rapid"
)

func TestDistance(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want int
	}{
		{"", "", 0}, {"a", "", 1}, {"listen", "listne", 1}, {"kitten", "sitting", 3}, {"ca", "abc", 3}, {"é", "e", 1},
	} {
		if got := distance(c.a, c.b, 10); got != c.want {
			t.Errorf("%q to %q: %d, want %d", c.a, c.b, got, c.want)
		}
	}
}

func TestDistanceIsSymmetricAndBounded(t *testing.T) {
	word := rapid.StringMatching(`[a-c]{0,8}`)
	rapid.Check(t, func(t *rapid.T) {
		a, b := word.Draw(t, "a"), word.Draw(t, "b")
		d := distance(a, b, 10)
		if d != distance(b, a, 10) || (d == 0) != (a == b) || d > max(len(a), len(b)) {
			t.Fatalf("%q to %q: %d", a, b, d)
		}
	})
}

func TestDidYouMean(t *testing.T) {
	for _, c := range []struct {
		name  string
		known []string
		want  string
	}{
		{"serv", []string{"serve", "student"}, `did you mean "serve"?`},
		{"Drain-Timeout", []string{"drain_timeout"}, `did you mean "drain_timeout"?`},
		{"tsaks", []string{"rules", "tasks"}, `did you mean "tasks"?`}, // a swap is one slip
		{"refund", []string{"b", "a"}, "known: a, b"},
		{"refund", nil, ""},
	} {
		if got := DidYouMean(c.name, c.known); got != c.want {
			t.Errorf("%s of %v: %q, want %q", c.name, c.known, got, c.want)
		}
	}
	if got := DidYouMean("x", make([]string, 30)); got != "" {
		t.Errorf("of thirty names none is near: %q", got)
	}
}
