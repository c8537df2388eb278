package main

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/spf13/cobra"

	"github.com/pointsman-ai/pointsman"
	"github.com/pointsman-ai/pointsman/internal/config"
	"github.com/pointsman-ai/pointsman/internal/durable"
)

func newInit(o *options) *cobra.Command {
	var force bool
	c := &cobra.Command{
		Use: "init", Short: "Write a commented configuration for what this machine has", Args: cobra.NoArgs,
		Long: `Look for an Ollama on this machine and for a vendor's key in the environment, and
write a commented configuration for what is there, else for the embedded models.
It says what it chose. Nothing but the loopback address is asked.`,
		Example: "  pointsman init\n  pointsman init --config support.yaml",
		RunE: func(c *cobra.Command, _ []string) error {
			text, chose := config.Init(c.Context(), config.LocalEnvironment())
			if err := writeNew(o.config, text, force); err != nil {
				return err
			}
			result := map[string]string{"config": o.config, "chose": chose}
			return o.print(result, func(b *bytes.Buffer) { fmt.Fprintf(b, "wrote %s\n%s", o.config, chose) })
		},
	}
	c.Flags().BoolVar(&force, "force", false, "replace a file that is there")
	return c
}

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
