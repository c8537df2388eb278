package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"

	"github.com/pointsman-ai/pointsman/internal/dataset"
	"github.com/pointsman-ai/pointsman/internal/upstream/recorded"
)

// output is everything that is written.
type output struct {
	recordings      []*recorded.Writer // by voice
	calibrate, test lines
	outcomes        lines
}

func newOutput(dir string) (_ *output, err error) {
	w := &output{}
	defer func() {
		if err != nil {
			err = errors.Join(err, w.close())
		}
	}()
	for _, v := range voices {
		path := filepath.Join(dir, "recordings", v.role+".pmrec")
		if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
		recording, err := recorded.NewWriter(path)
		if err != nil {
			return nil, err
		}
		w.recordings = append(w.recordings, recording)
	}
	for name, l := range map[string]*lines{"calibrate.jsonl": &w.calibrate, "test.jsonl": &w.test, "outcomes.jsonl": &w.outcomes} {
		if err := l.open(filepath.Join(dir, name)); err != nil {
			return nil, err
		}
	}
	return w, nil
}

func (w *output) close() error {
	errs := []error{w.calibrate.close(), w.test.close(), w.outcomes.close()}
	for _, r := range w.recordings {
		errs = append(errs, r.Close())
	}
	return errors.Join(errs...)
}

// answer records what a voice said. Each request is recorded once: an answer
// that found its place taken would be lost without a word.
func (w *output) answer(voice, id int, input, text string) error {
	before := w.recordings[voice].Len()
	if err := record(w.recordings[voice], voices[voice], id, input, text); err != nil {
		return err
	}
	if w.recordings[voice].Len() != before+1 {
		return errors.New("another question has the same request")
	}
	return nil
}

// name is the id of a question's example.
func name(id int) string { return "q" + strconv.Itoa(id) }

func (l *lines) write(q *question, input string) error {
	line, err := dataset.Encode(dataset.Example{
		ID: name(q.ID), Input: input, Label: q.Letter, Metadata: map[string]string{"category": q.Category}, Group: q.group(),
	})
	if err != nil {
		return fmt.Errorf("question %d: %w", q.ID, err)
	}
	_, err = l.buffer.Write(line)
	return err
}

// outcome keeps the source's own word on who was right, for the summary.
func (w *output) outcome(q *question) error {
	correct := map[string]bool{}
	for i, v := range voices {
		correct[v.role] = q.Answers[i].Correct
	}
	return json.NewEncoder(w.outcomes.buffer).Encode(struct {
		ID      string          `json:"id"`
		Label   string          `json:"label"`
		Correct map[string]bool `json:"correct"`
	}{name(q.ID), q.Letter, correct})
}

// lines is a file of JSON Lines. The zero value is closed.
type lines struct {
	file   *os.File
	buffer *bufio.Writer
}

func (l *lines) open(path string) error {
	file, err := os.Create(path)
	if err != nil {
		return err
	}
	l.file, l.buffer = file, bufio.NewWriter(file)
	return nil
}

func (l *lines) close() error {
	if l.file == nil {
		return nil
	}
	return errors.Join(l.buffer.Flush(), l.file.Close())
}
