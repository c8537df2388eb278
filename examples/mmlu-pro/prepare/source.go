package main

import (
	"bufio"
	"compress/gzip"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// question is one question with what each of the voices said to it.
type question struct {
	ID       int      `json:"question_id"`
	Category string   `json:"category"`
	Text     string   `json:"question"`
	Options  []string `json:"options"`
	Letter   string   `json:"answer"`

	Answers []answered `json:"-"`
}

// answered is one model's answer: its text, and the letter that the source read
// from it (empty where it read none) and whether that counted as correct.
type answered struct {
	ID      int    `json:"question_id"`
	Text    string `json:"output"`
	Letter  string `json:"-"`
	Correct bool   `json:"-"`
}

// zipped is a compressed file that is read as a stream.
type zipped struct {
	*gzip.Reader
	file *os.File
}

func open(dir, name string) (*zipped, error) {
	file, err := os.Open(filepath.Join(dir, name))
	if err != nil {
		return nil, err
	}
	unzipped, err := gzip.NewReader(bufio.NewReader(file))
	if err != nil {
		return nil, errors.Join(fmt.Errorf("%s: %w", name, err), file.Close())
	}
	return &zipped{unzipped, file}, nil
}

func (z *zipped) Close() error { return errors.Join(z.Reader.Close(), z.file.Close()) }

// outcomes reads the table of letters and of what counts as correct.
type outcomes struct {
	rows    *csv.Reader
	letter  []int // columns, by voice
	correct []int
}

func newOutcomes(r io.Reader) (*outcomes, error) {
	o := &outcomes{rows: csv.NewReader(r)}
	header, err := o.rows.Read()
	if err != nil {
		return nil, fmt.Errorf("outcomes: %w", err)
	}
	columns := map[string]int{}
	for i, name := range header {
		columns[name] = i
	}
	for _, name := range []string{"question_id", "category", "answer"} {
		if i, ok := columns[name]; !ok || i > 2 {
			return nil, fmt.Errorf("outcomes: %q is not among the first three columns", name)
		}
	}
	for _, v := range voices {
		letter, ok := columns[v.files+"|pred"]
		correct, ok2 := columns[v.files+"|correct"]
		if !ok || !ok2 {
			return nil, fmt.Errorf("outcomes: no columns %q and %q", v.files+"|pred", v.files+"|correct")
		}
		o.letter, o.correct = append(o.letter, letter), append(o.correct, correct)
	}
	return o, nil
}

// next reads the row of a question into its answers.
func (o *outcomes) next(q *question) error {
	row, err := o.rows.Read()
	if err != nil {
		return fmt.Errorf("outcomes: question %d: %w", q.ID, err)
	}
	if row[0] != strconv.Itoa(q.ID) || row[2] != q.Letter {
		return fmt.Errorf("outcomes: want question %d with answer %s, got %s with %s", q.ID, q.Letter, row[0], row[2])
	}
	for i := range voices {
		a := &q.Answers[i]
		a.Letter, a.Correct = row[o.letter[i]], row[o.correct[i]] == "1"
		if c := row[o.correct[i]]; c != "0" && c != "1" || a.Correct != (a.Letter == q.Letter) {
			return fmt.Errorf("outcomes: question %d: %s: letter %q with correct %q", q.ID, voices[i].files, a.Letter, c)
		}
	}
	return nil
}

// readQuestions calls each for every question, without its answers. The
// question is valid until each returns.
func readQuestions(r io.Reader, each func(q *question) error) error {
	decoder := json.NewDecoder(r)
	for n := 1; ; n++ {
		var q question
		if err := decoder.Decode(&q); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return fmt.Errorf("questions: line %d: %w", n, err)
		}
		if q.Letter == "" || len(q.Options) < 2 || len(q.Options) > 10 || strings.TrimSpace(q.Text) == "" {
			return fmt.Errorf("questions: line %d: want a question with 2 to 10 options and an answer", n)
		}
		if err := each(&q); err != nil {
			return err
		}
	}
}

// eachQuestion reads the questions, the answers and the outcomes side by side.
func eachQuestion(dir string, each func(q *question) error) (err error) {
	files := make([]*zipped, 0, len(voices)+2)
	defer func() {
		for _, f := range files {
			err = errors.Join(err, f.Close())
		}
	}()
	names := []string{"questions.jsonl.gz", "mmlu_pro_outcomes.csv.gz"}
	for _, v := range voices {
		names = append(names, "outputs_"+v.files+".jsonl.gz")
	}
	for _, name := range names {
		f, err := open(dir, name)
		if err != nil {
			return err
		}
		files = append(files, f)
	}
	table, err := newOutcomes(files[1])
	if err != nil {
		return err
	}
	answers := make([]*json.Decoder, len(voices))
	for i := range voices {
		answers[i] = json.NewDecoder(files[i+2])
	}
	err = readQuestions(files[0], func(q *question) error {
		q.Answers = make([]answered, len(voices))
		for i, v := range voices {
			if err := answers[i].Decode(&q.Answers[i]); err != nil {
				return fmt.Errorf("answers of %s: question %d: %w", v.files, q.ID, err)
			}
			if got := q.Answers[i].ID; got != q.ID {
				return fmt.Errorf("answers of %s: want question %d, got %d: the files are not in one order", v.files, q.ID, got)
			}
		}
		if err := table.next(q); err != nil {
			return err
		}
		return each(q)
	})
	if err != nil {
		return err
	}
	for i, v := range voices {
		if answers[i].More() {
			return fmt.Errorf("answers of %s: more answers than questions", v.files)
		}
	}
	if _, err := table.rows.Read(); !errors.Is(err, io.EOF) {
		return errors.New("outcomes: more rows than questions")
	}
	return nil
}
