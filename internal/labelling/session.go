package labelling

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode"

	"github.com/pointsman-ai/pointsman"
)

// Answer is one answer to an example.
type Answer struct {
	Name pointsman.Digest `json:"answer"`
	Text string           `json:"text"`
}

// Item is an example that a person is asked about, with the answers that nobody
// has judged yet.
type Item struct {
	ID      string
	Text    string // the conversation
	Answers []Answer
}

// Said is what a person says of an answer: right, wrong, or that they cannot tell.
type Said struct{ Right, Skipped bool }

// keys are what a person may type.
const keys = "right? [y]es, [n]o, [s]kip, [q]uit: "

// Ask shows each item and its answers, one after the other, and passes on what is
// said, before the next is shown. It ends where nothing is left, at a q and at the
// end of what is typed. It does not say which tier gave an answer, and control
// characters in texts are not sent to the terminal.
func Ask(in io.Reader, out io.Writer, items []Item, keep func(item *Item, answer *Answer, said Said) error) (answers int, err error) {
	lines := bufio.NewReader(in)
	for i := range items {
		item := &items[i]
		fmt.Fprintf(out, "\n── %d of %d: %s\n%s\n", i+1, len(items), printable(item.ID), printable(item.Text))
		for k := range item.Answers {
			fmt.Fprintf(out, "\nanswer: %s\n", printable(item.Answers[k].Text))
			said, quit, err := ask(lines, out)
			if quit || err != nil {
				return answers, err
			}
			if err := keep(item, &item.Answers[k], said); err != nil {
				return answers, err
			}
			answers++
		}
	}
	return answers, nil
}

func ask(in *bufio.Reader, out io.Writer) (said Said, quit bool, err error) {
	for {
		fmt.Fprint(out, keys)
		line, err := in.ReadString('\n')
		switch strings.ToLower(strings.TrimSpace(line)) {
		case "y", "yes":
			return Said{Right: true}, false, nil
		case "n", "no":
			return Said{}, false, nil
		case "s", "skip":
			return Said{Skipped: true}, false, nil
		case "q", "quit":
			return Said{}, true, nil
		}
		if errors.Is(err, io.EOF) {
			return Said{}, true, nil
		}
		if err != nil {
			return Said{}, true, fmt.Errorf("read what was typed: %w", err)
		}
	}
}

// printable is a text without what a terminal would obey.
func printable(text string) string {
	return strings.Map(func(r rune) rune {
		if r == '\n' || r == '\t' || unicode.IsPrint(r) {
			return r
		}
		return '\uFFFD'
	}, text)
}
