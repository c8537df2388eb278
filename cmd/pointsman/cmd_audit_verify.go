package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/pointsman-ai/pointsman"
	"github.com/pointsman-ai/pointsman/internal/journal"
)

func newAuditVerify(o *options) *cobra.Command {
	var anchor string
	c := &cobra.Command{
		Use: "verify", Short: "Check that the decision log is what was written", Args: cobra.NoArgs,
		Long: `Read the whole decision log and check every checksum, the hash chain, and the
payloads that decisions name. A flipped byte, a cut, a swap or a removal is named
with its file and byte.

Somebody who can write the files could also write a whole new log. Keep the "end"
that this prints somewhere else, and give it as --anchor the next time: then that
is found too.`,
		Example: "  pointsman audit verify --json > anchor.json\n  pointsman audit verify --anchor anchor.json",
		RunE: func(c *cobra.Command, _ []string) error {
			conf, err := o.load()
			if err != nil {
				return err
			}
			if err := hasJournal(conf); err != nil {
				return err
			}
			var options journal.VerifyOptions
			if options.Anchor, err = readAnchor(anchor); err != nil {
				return err
			}
			bar, last := o.progress(), int64(0)
			report, err := journal.Verify(c.Context(), conf.Data().Journal(), options, func(done, total int64) {
				if last == 0 {
					bar.Start("verify", int(total>>10))
				}
				bar.Add(int(done>>10 - last>>10))
				last = max(done, 1)
			})
			if last > 0 {
				bar.Done()
			}
			if err != nil {
				return err
			}
			if err := o.print(report, func(b *bytes.Buffer) { writeVerified(b, report) }); err != nil {
				return err
			}
			if !report.Clean() {
				return errFindings
			}
			return nil
		},
	}
	c.Flags().StringVar(&anchor, "anchor", "", "file with the end of the chain as an earlier verify printed it")
	return c
}

// readAnchor reads what an earlier verification printed: its report, or the
// end alone.
func readAnchor(path string) (*journal.Head, error) {
	if path == "" {
		return nil, nil
	}
	content, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var report struct {
		End *journal.Head `json:"end"`
	}
	var head journal.Head
	err = json.Unmarshal(content, &report)
	if err == nil && report.End != nil {
		return report.End, nil
	}
	if err == nil {
		err = json.Unmarshal(content, &head)
	}
	if err != nil || head.Hash == "" {
		return nil, &pointsman.Error{
			Code: pointsman.CodeInvalid, Message: path + " is not an anchor", Hint: "it is what pointsman audit verify --json printed", Err: err,
		}
	}
	return &head, nil
}

func writeVerified(b *bytes.Buffer, r *journal.Report) {
	for _, f := range r.Findings {
		fmt.Fprintf(b, "%s\n", f)
	}
	if r.MoreFindings > 0 {
		fmt.Fprintf(b, "and %d more\n", r.MoreFindings)
	}
	for _, n := range r.Notes {
		fmt.Fprintf(b, "note: %s\n", n)
	}
	fmt.Fprintf(b, "%d records in %d segments: %d decisions, %d outcomes, %d payloads (%d expired), %d unwritten\n",
		r.Records, r.Segments, r.Decisions, r.Outcomes, r.Payloads, r.PayloadsExpired, r.Unwritten)
	if r.Clean() {
		fmt.Fprintf(b, "the log is what was written; its end is %s after %d records\n", r.End.Hash.Short(), r.End.Count)
		return
	}
	fmt.Fprintf(b, "%d findings: the log is NOT what was written\n", len(r.Findings)+r.MoreFindings)
}
