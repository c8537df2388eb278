package student

import (
	"fmt"
	"testing"
)

// toyWords is the vocabulary of a small made-up task with three classes.
var toyWords = map[string][3][]string{
	"music":   {{"play", "queue", "start", "put on"}, {"some", "a bit of", "more", "the best"}, {"jazz", "rock music", "songs", "piano"}},
	"weather": {{"will it", "does it", "is it going to", "could it"}, {"rain", "snow", "storm", "freeze"}, {"today", "tomorrow", "on friday", "at 7"}},
	"alarm":   {{"wake me", "set an alarm", "remind me", "ring"}, {"at", "before", "around", "after"}, {"7", "8:30", "noon", "dawn"}},
	OutOfScope: {
		{"who", "why did", "where has", "which"},
		{"wrote", "invented", "painted", "sold"},
		{"hamlet", "algebra", "guernica", "radium"},
	},
}

// toyExamples returns n examples of each class and foreign ones out of scope.
func toyExamples(n, foreign int) []Example {
	rng := &random{state: 7}
	var out []Example
	for _, label := range []string{"music", "weather", "alarm", OutOfScope} {
		count := n
		if label == OutOfScope {
			count = foreign
		}
		for range count {
			text := ""
			for _, words := range toyWords[label] {
				text += words[rng.intn(len(words))] + " "
			}
			out = append(out, Example{Text: text, Label: label})
		}
	}
	return out
}

// toyOptions train in milliseconds.
func toyOptions() Options {
	o := Large()
	o.Bits = 14
	o.Workers = 2
	return o
}

func toyModel(t testing.TB) *Model {
	t.Helper()
	m, err := Train(t.Context(), toyExamples(40, 20), toyOptions(), nil)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func marshal(t testing.TB, m interface{ MarshalBinary() ([]byte, error) }) []byte {
	t.Helper()
	b, err := m.MarshalBinary()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// toyOrders are texts with two fields, of which one is missing at times.
func toyOrders(n int) []TaggedExample {
	rng := &random{state: 11}
	names := []string{"Ada Lovelace", "Grace Hopper", "Alan Turing", "Emmy Noether", "Kurt Gödel"}
	var out []TaggedExample
	for range n {
		name := names[rng.intn(len(names))]
		amount := fmt.Sprintf("%d.%02d", rng.intn(900)+1, rng.intn(100))
		e := TaggedExample{Fields: map[string]string{"name": name, "amount": amount}}
		switch rng.intn(3) {
		case 0:
			e.Text = fmt.Sprintf("Invoice for %s: please pay $%s by Monday.", name, amount)
		case 1:
			e.Text = fmt.Sprintf("Dear %s,\nthe total of $%s is due in %d days.", name, amount, rng.intn(30))
		default:
			e.Text = fmt.Sprintf("%s has not paid yet.", name)
			e.Fields["amount"] = ""
		}
		out = append(out, e)
	}
	return out
}
