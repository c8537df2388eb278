package main

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/pointsman-ai/pointsman"
	"github.com/pointsman-ai/pointsman/internal/config"
	"github.com/pointsman-ai/pointsman/internal/durable"
)

// initReport is what init tells.
type initReport struct {
	Config string `json:"config"`
	// Examples is a file of examples that was written, or was there.
	Examples string             `json:"examples,omitempty"`
	Chose    string             `json:"chose"`
	Tiers    []config.DraftTier `json:"tiers"`
	Notes    []string           `json:"notes"`
	// Next are commands that work now, in this order.
	Next []string `json:"next"`
}

func newInit(o *options) *cobra.Command {
	var force bool
	c := &cobra.Command{
		Use: "init", Short: "Write a commented configuration for what this machine has", Args: cobra.NoArgs,
		Long: `Look for an Ollama on this machine and for a vendor's key in the environment, and
write a commented configuration for what is there, else for the embedded models,
with a few examples to train them on. It says what it chose, and what to do next.
Nothing but the loopback address is asked.`,
		Example: "  pointsman init\n  pointsman init --config support.yaml",
		RunE: func(c *cobra.Command, _ []string) error {
			r, err := runInit(o.config, config.Init(c.Context(), config.LocalEnvironment()), force)
			if err != nil {
				return err
			}
			return o.print(r, func(b *bytes.Buffer) { writeInit(b, r) })
		},
	}
	c.Flags().BoolVar(&force, "force", false, "replace a configuration that is there")
	return c
}

// runInit writes what was drafted. Examples that are there are left alone: they
// may be the owner's.
func runInit(path string, draft *config.Draft, force bool) (*initReport, error) {
	if err := makeParents(path); err != nil {
		return nil, err
	}
	if err := writeNew(path, draft.YAML, force); err != nil {
		return nil, err
	}
	r := &initReport{Config: path, Chose: draft.Chose, Tiers: draft.Tiers, Notes: draft.Notes}
	command := func(format string, args ...any) { r.Next = append(r.Next, "pointsman "+fmt.Sprintf(format, args...)) }
	if draft.Examples != nil {
		dir := filepath.Dir(path)
		r.Examples = filepath.Join(dir, "support.jsonl")
		if err := writeNew(r.Examples, draft.Examples, false); errors.Is(err, fs.ErrExist) {
			r.Notes = append(r.Notes, r.Examples+" is there already and was left as it is")
		} else if err != nil {
			return nil, err
		}
		for _, size := range []string{"small", "large"} {
			command("student train --data %s --size %s --out %s", shellQuote(r.Examples), size, shellQuote(filepath.Join(dir, "models", "support-"+size+".student")))
		}
	}
	where := ""
	if path != defaultConfig {
		where = " --config " + shellQuote(path)
	}
	command("check%s", where)
	command("serve%s", where)
	return r, nil
}

func writeInit(b *bytes.Buffer, r *initReport) {
	fmt.Fprintf(b, "wrote %s\n", r.Config)
	if r.Examples != "" {
		fmt.Fprintf(b, "wrote %s: examples to try it with; calibrate on your own\n", r.Examples)
	}
	fmt.Fprintf(b, "chose: %s\n", r.Chose)
	for _, note := range r.Notes {
		fmt.Fprintf(b, "note: %s\n", note)
	}
	fmt.Fprintf(b, "next:\n")
	for _, command := range r.Next {
		fmt.Fprintf(b, "  %s\n", command)
	}
}

// makeParents makes the folders that a file is to stand in.
func makeParents(path string) error { return os.MkdirAll(filepath.Dir(path), 0o750) }

// writeNew writes a file that is not there yet.
func writeNew(path string, content []byte, force bool) error {
	if force {
		return durable.WriteFile(path, content)
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return &pointsman.Error{
			Code: pointsman.CodeInvalid, Message: path + " is there already", Hint: "give --force to replace it, or another name with --config", Err: err,
		}
	}
	if err != nil {
		return err
	}
	_, err = f.Write(content)
	return errors.Join(err, f.Close())
}
