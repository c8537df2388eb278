package main

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
)

// input is the text that the task's clients send.
func (q *question) input() string {
	var b strings.Builder
	fmt.Fprintf(&b, "Category: %s\n\n%s\n", q.Category, strings.TrimSpace(q.Text))
	for i, option := range q.Options {
		fmt.Fprintf(&b, "\n%c. %s", 'A'+i, option)
	}
	return b.String()
}

// texts gives every question a text of its own. The source has 159 questions
// twice, word for word, under two numbers and with an answer of each model to
// both; since a recording knows a request by what it says, the second says its
// number.
type texts struct{ seen map[[sha256.Size]byte]bool }

func newTexts() *texts { return &texts{seen: map[[sha256.Size]byte]bool{}} }

func (t *texts) of(q *question) (input string, repeated bool) {
	input = q.input()
	key := sha256.Sum256([]byte(input))
	if t.seen[key] {
		return fmt.Sprintf("%s\n\n(Question %d)", input, q.ID), true
	}
	t.seen[key] = true
	return input, false
}

// group names what must not be torn apart: questions with one wording, of
// which some come back with other options. It is the beginning of
//
//	SHA-256("pointsman mmlu-pro 1\n" + question)
//
// and depends on nothing else: not on numbers, order, answers or what else is in
// the source.
func (q *question) group() string {
	sum := sha256.Sum256([]byte("pointsman mmlu-pro 1\n" + strings.Join(strings.Fields(q.Text), " ")))
	return hex.EncodeToString(sum[:8])
}

// readGroups counts the questions of each group.
func readGroups(dir string) (map[string]int, error) {
	file, err := open(dir, "questions.jsonl.gz")
	if err != nil {
		return nil, err
	}
	defer file.Close()
	groups := map[string]int{}
	err = readQuestions(file, func(q *question) error {
		groups[q.group()]++
		return nil
	})
	return groups, err
}

// split takes whole groups, in the order of their hashes, until there are
// exactly as many questions as are wanted.
func split(groups map[string]int, want int) (map[string]bool, error) {
	order := make([]string, 0, len(groups))
	for g := range groups {
		order = append(order, g)
	}
	slices.Sort(order)
	chosen := map[string]bool{}
	for _, g := range order {
		if want == 0 {
			break
		}
		if groups[g] <= want {
			chosen[g] = true
			want -= groups[g]
		}
	}
	if want > 0 {
		return nil, fmt.Errorf("%d questions too few to calibrate with", want)
	}
	return chosen, nil
}
