package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/pointsman-ai/pointsman/internal/ledger"
)

func newAuditExport(o *options) *cobra.Command {
	var since, until, out string
	var payloads bool
	c := &cobra.Command{
		Use: "export", Short: "Write the decision log as JSON Lines", Args: cobra.NoArgs,
		Long: `Write decisions, outcomes, audits and gaps as JSON Lines, oldest first, in bounded memory.
Each line has a "type" and the record under that name.`,
		Example: "  pointsman audit export --since 24h > decisions.jsonl\n  pointsman audit export --payloads --out all.jsonl",
		RunE: func(c *cobra.Command, _ []string) error {
			from, err := when("--since", since, time.Now())
			if err != nil {
				return err
			}
			to, err := when("--until", until, time.Now())
			if err != nil {
				return err
			}
			conf, err := o.load()
			if err != nil {
				return err
			}
			reader, err := scanLedger(conf)
			if err != nil {
				return err
			}
			w := o.out
			if out != "" {
				f, err := os.OpenFile(out, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
				if err != nil {
					return err
				}
				defer f.Close()
				w = f
			}
			buffered := bufio.NewWriterSize(w, 1<<16)
			encoder := json.NewEncoder(buffered)
			encoder.SetEscapeHTML(false)
			for line, err := range reader.Export(c.Context(), ledger.ExportOptions{Since: from, Until: to, Payloads: payloads}) {
				if err != nil {
					return errors.Join(err, buffered.Flush())
				}
				if err := encoder.Encode(line); err != nil {
					return fmt.Errorf("write the export: %w", err)
				}
			}
			if err := buffered.Flush(); err != nil {
				return fmt.Errorf("write the export: %w", err)
			}
			if f, ok := w.(*os.File); ok && out != "" {
				return f.Close()
			}
			return nil
		},
	}
	flags := c.Flags()
	flags.StringVar(&since, "since", "", "not before this time, or this long ago")
	flags.StringVar(&until, "until", "", "before this time, or this long ago")
	flags.BoolVar(&payloads, "payloads", false, "with the texts, as far as they are on record")
	flags.StringVar(&out, "out", "", "file to write, in place of standard output")
	return c
}
