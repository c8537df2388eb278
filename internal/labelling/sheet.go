package labelling

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/pointsman-ai/pointsman"
	"github.com/pointsman-ai/pointsman/internal/jsonl"
)

// sheetLine is an answer to judge elsewhere: a line of the file that is given out
// and comes back with Right, or Skipped.
type sheetLine struct {
	Example string           `json:"example"`
	Input   string           `json:"input"`
	Answer  pointsman.Digest `json:"answer"`
	Text    string           `json:"text"`
	Right   *bool            `json:"right"`
	Skipped bool             `json:"skipped,omitempty"`
}

const (
	maxSheetLine = 16 << 20
	// problemsTold is how many wrong lines an error lists.
	problemsTold = 5
)

var errMore = errors.New("the rest was not read")

// WriteSheet writes what is to be judged elsewhere.
func WriteSheet(w io.Writer, items []Item) error {
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	for i := range items {
		for _, a := range items[i].Answers {
			if err := encoder.Encode(sheetLine{Example: items[i].ID, Input: items[i].Text, Answer: a.Name, Text: a.Text}); err != nil {
				return fmt.Errorf("write the answers to judge: %w", err)
			}
		}
	}
	return nil
}

// SaidOf is what was said of an answer elsewhere.
type SaidOf struct {
	Example string
	Answer  pointsman.Digest
	Said
}

// ReadSheet reads what was judged elsewhere, all or none: a line without a verdict
// is left out, and the error lists the first lines that are wrong. known says which
// answers there are.
func ReadSheet(r io.Reader, name string, known func(pointsman.Digest) bool) ([]SaidOf, error) {
	var out []SaidOf
	var problems []string
	lines := jsonl.NewReader(r, maxSheetLine)
	for {
		line, err := lines.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil || len(problems) >= problemsTold { // nothing can be read, or need be, after it
			problems = append(problems, fmt.Sprintf("%s:%d: %v", name, lines.Number(), cmp.Or(err, errMore)))
			break
		}
		if line.Blank() {
			continue
		}
		l, err := decodeSheet(line.Data, known)
		switch {
		case err != nil:
			problems = append(problems, fmt.Sprintf("%s:%d: %v", name, lines.Number(), err))
		case l.Skipped:
			out = append(out, SaidOf{l.Example, l.Answer, Said{Skipped: true}})
		case l.Right != nil:
			out = append(out, SaidOf{l.Example, l.Answer, Said{Right: *l.Right}})
		}
	}
	if len(problems) > 0 {
		return nil, &pointsman.Error{
			Code: pointsman.CodeInvalid, Message: strings.Join(problems, "; "),
			Hint: "mend them and import the file again: nothing of it was kept",
		}
	}
	return out, nil
}

func decodeSheet(data []byte, known func(pointsman.Digest) bool) (l sheetLine, err error) {
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&l); err != nil {
		return l, fmt.Errorf("no line of an exported file: %s", strings.TrimPrefix(err.Error(), "json: "))
	}
	switch {
	case !known(l.Answer):
		return l, fmt.Errorf("member \"answer\": %q is no answer that people are asked about", l.Answer)
	case l.Skipped && l.Right != nil:
		return l, errors.New("members \"right\" and \"skipped\": leave one of them out")
	}
	return l, nil
}
