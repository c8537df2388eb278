package main

import (
	"errors"
	"fmt"
	"os"

	"github.com/pointsman-ai/pointsman"
	"github.com/pointsman-ai/pointsman/internal/artefact"
	"github.com/pointsman-ai/pointsman/internal/student"
	"github.com/pointsman-ai/pointsman/internal/vectors"
)

const vectorsUsage = "read texts with word vectors too: the digest that pointsman vectors import printed, or the file that it wrote"

// openVectors opens the table that --vectors names, a digest in the data
// directory or a file. A file's table is put into the data directory, where
// there is one: whoever answers with the student looks for it there.
func openVectors(store *artefact.Store, name string) (*vectors.Table, error) {
	if digest, err := pointsman.ParseDigest(name); err == nil {
		if store == nil {
			return nil, &pointsman.Error{
				Code: pointsman.CodeConfig, Message: "word vectors are named by their digest, and there is no data directory to find them in",
				Hint: "name a configuration with --config, or the file of the table",
			}
		}
		return findVectors(store)(digest)
	}
	content, err := os.ReadFile(name)
	if errors.Is(err, os.ErrNotExist) {
		return nil, &pointsman.Error{
			Code: pointsman.CodeInvalid, Message: fmt.Sprintf("--vectors %s: there is no such file, and it is no digest", name),
			Hint: "pointsman vectors import makes a table and prints its digest",
		}
	}
	if err != nil {
		return nil, err
	}
	table, err := vectors.Parse(content)
	if err != nil {
		return nil, fmt.Errorf("--vectors %s: %w", name, err)
	}
	if store != nil {
		if _, err := store.Put(content); err != nil {
			return nil, err
		}
	}
	return table, nil
}

// findVectors finds tables in the data directory; nil where there is none.
func findVectors(store *artefact.Store) func(pointsman.Digest) (*vectors.Table, error) {
	if store == nil {
		return nil
	}
	return func(d pointsman.Digest) (*vectors.Table, error) { return vectors.Load(d, store.Get) }
}

// readStudent reads a classifier, with its word vectors from a file where one is
// named, else from the data directory.
func (o *options) readStudent(content []byte, file string) (*student.Model, error) {
	store, err := o.store()
	if err != nil {
		return nil, err
	}
	if file == "" {
		return student.UnmarshalWith(content, findVectors(store))
	}
	table, err := openVectors(store, file)
	if err != nil {
		return nil, err
	}
	return student.UnmarshalWith(content, func(d pointsman.Digest) (*vectors.Table, error) {
		if table.Digest() != d {
			return nil, fmt.Errorf("%s is another table, %s", file, table.Digest().Short())
		}
		return table, nil
	})
}
