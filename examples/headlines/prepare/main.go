// Command prepare turns the HEADLINES task into the datasets that pointsman's
// own commands read.
//
//	go run ./examples/headlines/prepare DATA OUT
//
// DATA is the folder that holds frugalgpt_headlines/; OUT is made where it is
// missing. The parts are the source's own train and test. A text is the
// source's query as it stands, "Q: " and "A:" around the headline included. What
// was written goes to stdout as one JSON object.
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

	"github.com/pointsman-ai/pointsman/internal/dataset"
)

type report struct {
	Train  int            `json:"train"`
	Test   int            `json:"test"`
	Labels map[string]int `json:"labels"` // of both
}

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: go run ./examples/headlines/prepare DATA OUT")
		os.Exit(2)
	}
	r, err := prepare(os.Args[1], os.Args[2])
	if err == nil {
		err = json.NewEncoder(os.Stdout).Encode(r)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "prepare:", err)
		os.Exit(1)
	}
}

// prepare writes both datasets. What an earlier run left there is replaced.
func prepare(data, out string) (*report, error) {
	source := filepath.Join(data, "frugalgpt_headlines")
	if _, err := os.Stat(source); err != nil {
		return nil, fmt.Errorf("no HEADLINES in the data folder: %w", err)
	}
	if err := os.MkdirAll(out, 0o755); err != nil {
		return nil, err
	}
	r := &report{Labels: map[string]int{}}
	for part, n := range map[string]*int{"train": &r.Train, "test": &r.Test} {
		var err error
		if *n, err = file(filepath.Join(source, part+".csv.gz"), filepath.Join(out, part+".jsonl"), part, r.Labels); err != nil {
			return nil, fmt.Errorf("%s: %w", part, err)
		}
	}
	return r, nil
}

func file(from, to, part string, labels map[string]int) (int, error) {
	source, err := os.Open(from)
	if err != nil {
		return 0, err
	}
	defer source.Close()
	unzipped, err := gzip.NewReader(bufio.NewReader(source))
	if err != nil {
		return 0, err
	}
	out, err := os.Create(to)
	if err != nil {
		return 0, err
	}
	w := dataset.NewWriter(out)
	n, err := convert(unzipped, w, part, labels)
	return n, errors.Join(err, w.Flush(), out.Close())
}

// convert reads rows of query, label and id, without a header, as a stream.
func convert(source io.Reader, out *dataset.Writer, part string, labels map[string]int) (int, error) {
	rows := csv.NewReader(source)
	rows.FieldsPerRecord = 3
	for n := 0; ; n++ {
		row, err := rows.Read()
		if errors.Is(err, io.EOF) {
			return n, nil
		}
		if err != nil {
			return n, err
		}
		if row[0] == "" || row[1] == "" || row[2] == "" {
			return n, fmt.Errorf("row %d: want query, label and id", n+1)
		}
		labels[row[1]]++
		if err := out.Write(dataset.Example{ID: part + "-" + row[2], Input: row[0], Label: row[1]}); err != nil {
			return n, err
		}
	}
}
