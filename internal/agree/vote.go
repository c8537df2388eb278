package agree

import "math"

// Share is how many of the other answers say the same as this one: the mean of
// their agreement. It needs at least one.
func Share(own Form, others []Form) float64 {
	sum := 0.0
	for _, o := range others {
		sum += own.With(o)
	}
	return sum / float64(len(others))
}

// Against is the largest share of the other answers that say the same as one
// another, and something else than this one.
func Against(own Form, others []Form) float64 {
	most := 0
	for _, group := range groups(others) {
		if own.With(others[group[0]]) < Same && others[group[0]].kind != none {
			most = max(most, len(group))
		}
	}
	return float64(most) / float64(len(others))
}

// Entropy is that of the answers, in nats: −Σ p ln p over groups of answers that
// say the same. Answers that broke their contract are one group each.
func Entropy(answers []Form) float64 {
	out := 0.0
	for _, group := range groups(answers) {
		p := float64(len(group)) / float64(len(answers))
		out -= p * math.Log(p)
	}
	return out
}

// groups puts each answer to the first group whose first answer says the same.
func groups(answers []Form) [][]int {
	var out [][]int
next:
	for i, a := range answers {
		for k := range out {
			if a.With(answers[out[k][0]]) >= Same {
				out[k] = append(out[k], i)
				continue next
			}
		}
		out = append(out, []int{i})
	}
	return out
}
