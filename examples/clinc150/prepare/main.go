// Command prepare turns CLINC150 into the datasets that pointsman's own commands
// read.
//
//	go run ./examples/clinc150/prepare DATA OUT
//
// DATA is the folder that holds clinc150/; OUT is made where it is missing. The
// parts are the source's own: train.jsonl is its train with oos_train, and
// test.jsonl its test with oos_test. Its validation parts are not used. What was
// written goes to stdout as one JSON object.
package main

import (
	"bufio"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/pointsman-ai/pointsman/internal/dataset"
)

// outOfScope is the source's label of texts that belong to no intent.
const outOfScope = "oos"

// files says which file each part of the source goes to.
var files = map[string]string{
	"train": "train.jsonl", "oos_train": "train.jsonl",
	"test": "test.jsonl", "oos_test": "test.jsonl",
	"val": "", "oos_val": "",
}

type report struct {
	Train      int `json:"train"`
	Test       int `json:"test"`
	OutOfScope int `json:"out_of_scope"` // of both
}

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: go run ./examples/clinc150/prepare DATA OUT")
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
	source, err := os.Open(filepath.Join(data, "clinc150", "data_full.json.gz"))
	if err != nil {
		return nil, fmt.Errorf("no CLINC150 in the data folder: %w", err)
	}
	defer source.Close()
	unzipped, err := gzip.NewReader(bufio.NewReader(source))
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(out, 0o755); err != nil {
		return nil, err
	}
	train, err := os.Create(filepath.Join(out, "train.jsonl"))
	if err != nil {
		return nil, err
	}
	defer train.Close()
	test, err := os.Create(filepath.Join(out, "test.jsonl"))
	if err != nil {
		return nil, err
	}
	defer test.Close()
	toTrain, toTest := dataset.NewWriter(train), dataset.NewWriter(test)
	r, err := convert(unzipped, toTrain, toTest)
	return r, errors.Join(err, toTrain.Flush(), toTest.Flush(), train.Close(), test.Close())
}

// convert reads the source, one object of parts that are lists of [text, label],
// as a stream.
func convert(source io.Reader, train, test *dataset.Writer) (*report, error) {
	r := &report{}
	outputs := map[string]*dataset.Writer{"train.jsonl": train, "test.jsonl": test}
	counts := map[string]*int{"train.jsonl": &r.Train, "test.jsonl": &r.Test}
	seen := map[string]bool{}
	decoder := json.NewDecoder(source)
	if err := expect(decoder, '{'); err != nil {
		return nil, err
	}
	for decoder.More() {
		token, err := decoder.Token()
		if err != nil {
			return nil, fmt.Errorf("source: %w", err)
		}
		part, _ := token.(string)
		file, known := files[part]
		if !known || seen[part] {
			return nil, fmt.Errorf("source: unexpected part %q", part)
		}
		seen[part] = true
		if err := expect(decoder, '['); err != nil {
			return nil, err
		}
		for n := 1; decoder.More(); n++ {
			var row []string
			if err := decoder.Decode(&row); err != nil {
				return nil, fmt.Errorf("source: %s %d: %w", part, n, err)
			}
			if len(row) != 2 || row[0] == "" || row[1] == "" {
				return nil, fmt.Errorf("source: %s %d: want [text, label]", part, n)
			}
			if file == "" {
				continue
			}
			if err := outputs[file].Write(dataset.Example{ID: fmt.Sprintf("%s-%d", part, n), Input: row[0], Label: row[1]}); err != nil {
				return nil, err
			}
			*counts[file]++
			if row[1] == outOfScope {
				r.OutOfScope++
			}
		}
		if err := expect(decoder, ']'); err != nil {
			return nil, err
		}
	}
	for part, file := range files {
		if file != "" && !seen[part] {
			return nil, fmt.Errorf("source: part %q is missing", part)
		}
	}
	return r, nil
}

func expect(decoder *json.Decoder, want json.Delim) error {
	token, err := decoder.Token()
	if err != nil {
		return fmt.Errorf("source: %w", err)
	}
	if token != want {
		return fmt.Errorf("source: want %v, got %v", want, token)
	}
	return nil
}
