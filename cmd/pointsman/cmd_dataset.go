package main

import (
	"bytes"
	"cmp"
	"fmt"
	"maps"
	"slices"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/pointsman-ai/pointsman"
	"github.com/pointsman-ai/pointsman/internal/dataset"
)

// checkedDataset is what dataset check tells.
type checkedDataset struct {
	Files []checkedFile `json:"files"`
	// Shared are texts that stand in more than one of the files.
	Shared []dataset.Overlap `json:"shared"`
}

type checkedFile struct {
	Path     string           `json:"path"`
	Digest   pointsman.Digest `json:"digest"`
	Examples int              `json:"examples"`
	// Distinct counts contents, and Conversations the groups of examples that
	// are never split, examples that stand by themselves included.
	Distinct      int            `json:"distinct"`
	Conversations int            `json:"conversations"`
	Labels        map[string]int `json:"labels,omitempty"`
	WithoutLabel  int            `json:"without_label"`
}

// maxListed is how many labels and shared texts are printed; --json has all.
const maxListed = 20

func newDataset(o *options) *cobra.Command {
	var task string
	columns := map[string]string{}
	check := &cobra.Command{
		Use: "check FILE...", Short: "Read datasets, and say what is in them", Args: cobra.MinimumNArgs(1),
		Long: `Read labelled examples as calibrate and eval run do, and say what is in them: how
many, how many are distinct, their labels. With --task the labels are compared with
the task's contract. Of several files, the texts that stand in more than one are
listed: what a policy is fitted on must not be what it is measured on.

docs/datasets.md describes the format.`,
		Example: "  pointsman dataset check calibrate.jsonl test.csv\n  pointsman dataset check --task support calibrate.jsonl",
		RunE: func(_ *cobra.Command, args []string) error {
			var allowed []string
			if task != "" {
				c, err := o.load()
				if err != nil {
					return err
				}
				id, err := oneTask(c, task)
				if err != nil {
					return err
				}
				allowed = labelsOf(c, id)
			}
			r, err := checkDatasets(args, columns, allowed)
			if err != nil {
				return err
			}
			return o.print(r, func(b *bytes.Buffer) { writeChecked(b, r) })
		},
	}
	check.Flags().StringVar(&task, "task", "", "the task whose labels they must have")
	check.Flags().StringToStringVar(&columns, "columns", nil, columnsUsage)
	return group("dataset", "Labelled examples", check)
}

func checkDatasets(paths []string, columns map[string]string, allowed []string) (*checkedDataset, error) {
	r := &checkedDataset{Shared: []dataset.Overlap{}}
	sets := make(map[string][]dataset.Example, len(paths))
	for _, path := range paths {
		if _, twice := sets[path]; twice {
			return nil, usageError{fmt.Errorf("%s is named twice", path)}
		}
		files := exampleFiles{paths: []string{path}, columns: columns}
		examples, err := files.load(allowed)
		if err != nil {
			return nil, err
		}
		sets[path] = examples
		one := checkedFile{Path: path, Digest: dataset.DigestOf(examples), Examples: len(examples), Labels: map[string]int{}}
		distinct, groups := map[pointsman.Digest]bool{}, map[string]bool{}
		for i := range examples {
			e := &examples[i]
			distinct[e.Digest()], groups[e.Cluster()] = true, true
			if e.Label == "" {
				one.WithoutLabel++
				continue
			}
			one.Labels[e.Label]++
		}
		one.Distinct, one.Conversations = len(distinct), len(groups)
		r.Files = append(r.Files, one)
	}
	if shared := dataset.CheckDisjoint(sets); shared != nil {
		r.Shared = shared
	}
	return r, nil
}

// byCount are the labels, the most frequent first.
func byCount(labels map[string]int) []string {
	return slices.SortedFunc(maps.Keys(labels), func(a, b string) int {
		return cmp.Or(cmp.Compare(labels[b], labels[a]), cmp.Compare(a, b))
	})
}

func writeChecked(b *bytes.Buffer, r *checkedDataset) {
	for i := range r.Files {
		f := &r.Files[i]
		fmt.Fprintf(b, "%s: %d examples, %d distinct, %d conversations, %d labels\n", f.Path, f.Examples, f.Distinct, f.Conversations, len(f.Labels))
		w := tabwriter.NewWriter(b, 0, 0, 2, ' ', 0)
		for n, label := range byCount(f.Labels) {
			if n == maxListed {
				fmt.Fprintf(w, "  and %d labels more (--json lists all)\n", len(f.Labels)-n)
				break
			}
			fmt.Fprintf(w, "  %s\t%d\n", label, f.Labels[label])
		}
		w.Flush() //nolint:errcheck // a buffer does not fail
		if f.WithoutLabel > 0 {
			fmt.Fprintf(b, "  %d have no label\n", f.WithoutLabel)
		}
	}
	if len(r.Files) < 2 {
		return
	}
	fmt.Fprintf(b, "texts in more than one file: %d\n", len(r.Shared))
	for n, one := range r.Shared {
		if n == maxListed {
			fmt.Fprintf(b, "  and %d more (--json lists all)\n", len(r.Shared)-n)
			break
		}
		fmt.Fprintf(b, "  %q", one.Text)
		for _, at := range one.Occurrences {
			fmt.Fprintf(b, " %s:%s", at.Set, at.ID)
		}
		b.WriteByte('\n')
	}
}
