package main

import (
	"fmt"

	"github.com/spf13/pflag"

	"github.com/pointsman-ai/pointsman"
	"github.com/pointsman-ai/pointsman/internal/config"
	"github.com/pointsman-ai/pointsman/internal/dataset"
)

// exampleFiles are the flags that name labelled examples.
type exampleFiles struct {
	paths   []string
	columns map[string]string
}

func (f *exampleFiles) register(flags *pflag.FlagSet) {
	flags.StringArrayVar(&f.paths, "data", nil, "labelled examples: JSON Lines, .csv or .tsv (docs/datasets.md); may be given several times")
	flags.StringToStringVar(&f.columns, "columns", nil, columnsUsage)
}

const columnsUsage = "which column of a .csv or .tsv is which member: input=NAME,label=NAME (default: the header names members)"

// load reads the files. Their labels must be among the allowed ones, where there
// are any.
func (f *exampleFiles) load(allowed []string) ([]dataset.Example, error) {
	var all []dataset.Example
	for _, path := range f.paths {
		some, err := f.one(path)
		if err != nil {
			return nil, err
		}
		if err := dataset.CheckLabels(path, some, allowed); err != nil {
			return nil, err
		}
		all = append(all, some...)
	}
	if len(all) == 0 {
		return nil, &pointsman.Error{
			Code: pointsman.CodeInvalid, Message: fmt.Sprintf("there are no examples in %v", f.paths),
			Hint: "write one a line: {\"input\":\"…\",\"label\":\"…\"}",
		}
	}
	return all, nil
}

func (f *exampleFiles) one(path string) ([]dataset.Example, error) {
	if len(f.columns) == 0 {
		return dataset.Load(path)
	}
	return dataset.LoadTable(path, f.columns)
}

// examples loads the configuration, and the examples of a task of it: the named
// one, or the only one.
func (o *options) examples(name string, files exampleFiles) (*config.Config, pointsman.TaskID, []dataset.Example, error) {
	c, err := o.load()
	if err != nil {
		return nil, "", nil, err
	}
	id, err := oneTask(c, name)
	if err != nil {
		return nil, "", nil, err
	}
	examples, err := files.load(labelsOf(c, id))
	return c, id, examples, err
}
