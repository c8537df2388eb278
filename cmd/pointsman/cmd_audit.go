package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/pointsman-ai/pointsman"
	"github.com/pointsman-ai/pointsman/internal/config"
	"github.com/pointsman-ai/pointsman/internal/ledger"
	"github.com/pointsman-ai/pointsman/internal/store/sqlite"
)

func newAudit(o *options) *cobra.Command {
	return group("audit", "The decision log: look, explain, verify, replay, export",
		newAuditList(o), newAuditShow(o), newAuditExplain(o), newAuditVerify(o), newAuditReplay(o), newAuditExport(o))
}

// openLedger reads the decision log of the configuration by its index, which is
// brought up to date. It works beside a running server.
func openLedger(ctx context.Context, o *options) (*config.Config, *ledger.Reader, error) {
	c, err := o.load()
	if err != nil {
		return nil, nil, err
	}
	if err := hasJournal(c); err != nil {
		return nil, nil, err
	}
	index, err := sqlite.Open(c.Data().Index(), sqlite.Options{Journal: c.Data().Journal()})
	if err != nil {
		return nil, nil, err
	}
	if err := index.CatchUp(ctx); err != nil {
		return nil, nil, errors.Join(err, index.Close())
	}
	return c, &ledger.Reader{Journal: c.Data().Journal(), Index: index}, nil
}

// scanLedger reads the decision log of a configuration from end to end, without
// an index.
func scanLedger(c *config.Config) (*ledger.Reader, error) {
	if err := hasJournal(c); err != nil {
		return nil, err
	}
	return &ledger.Reader{Journal: c.Data().Journal()}, nil
}

// hasJournal makes a journal that was never written a clear error.
func hasJournal(c *config.Config) error {
	if _, err := os.Stat(c.Data().Journal()); err != nil {
		return &pointsman.Error{
			Code: pointsman.CodeNotFound, Message: "there is no journal in " + c.Data().Journal(),
			Hint: "pointsman serve writes it; or name the configuration that it runs with by --config", Err: err,
		}
	}
	return nil
}

type listOptions struct {
	task, tier, cause, lifecycle, conversation, principal string
	since, until, after                                   string
	limit                                                 int
}

// filter turns the flags into a filter. Times are RFC 3339, or a duration ago.
func (l listOptions) filter(now time.Time) (ledger.Filter, error) {
	f := ledger.Filter{
		Task: pointsman.TaskID(l.task), Tier: pointsman.TierID(l.tier), Cause: pointsman.Cause(l.cause).Current(),
		Lifecycle: pointsman.Lifecycle(l.lifecycle), Conversation: l.conversation, Principal: l.principal,
	}
	err := l.checkNames()
	if err != nil {
		return f, err
	}
	if f.Since, err = when("--since", l.since, now); err == nil {
		f.Until, err = when("--until", l.until, now)
	}
	return f, err
}

func when(flag, s string, now time.Time) (time.Time, error) {
	if s == "" {
		return time.Time{}, nil
	}
	if d, err := time.ParseDuration(s); err == nil {
		return now.Add(-d), nil
	}
	for _, form := range []string{time.RFC3339Nano, time.DateOnly} {
		if t, err := time.Parse(form, s); err == nil {
			return t, nil
		}
	}
	return time.Time{}, usageError{fmt.Errorf("%s %q: want a time such as 2026-05-01T12:00:00Z, a date, or a duration ago such as 2h", flag, s)}
}

// selection are the flags that select decisions.
func (l *listOptions) selection(c *cobra.Command) {
	flags := c.Flags()
	flags.StringVar(&l.task, "task", "", "only this task")
	flags.StringVar(&l.tier, "tier", "", "only answered by this tier")
	flags.StringVar(&l.cause, "cause", "", "only with this cause")
	flags.StringVar(&l.lifecycle, "lifecycle", "", "only completed, failed or aborted")
	flags.StringVar(&l.conversation, "conversation", "", "only of this conversation")
	flags.StringVar(&l.principal, "principal", "", "only of this credential")
	flags.StringVar(&l.since, "since", "", "not before this time, or this long ago")
	flags.StringVar(&l.until, "until", "", "before this time, or this long ago")
}

func newAuditList(o *options) *cobra.Command {
	var l listOptions
	c := &cobra.Command{
		Use: "list", Short: "List decisions, newest first", Args: cobra.NoArgs,
		Example: "  pointsman audit list --since 1h --cause uncertain\n  pointsman audit list --json --limit 100",
		RunE: func(c *cobra.Command, _ []string) error {
			return runAuditList(c.Context(), o, l)
		},
	}
	l.selection(c)
	c.Flags().IntVar(&l.limit, "limit", 20, "how many, up to 1000")
	c.Flags().StringVar(&l.after, "after", "", "go on behind this cursor, which the page before gave as next")
	return c
}

func runAuditList(ctx context.Context, o *options, l listOptions) (err error) {
	f, err := l.filter(time.Now())
	if err != nil {
		return err
	}
	c, reader, err := openLedger(ctx, o)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, reader.Index.Close()) }()
	r, err := reader.List(ctx, f, l.limit, ledger.Cursor(l.after))
	if err != nil {
		return err
	}
	if r.Total == 0 {
		if err := l.checkConfigured(c); err != nil {
			return err
		}
	}
	return o.print(r, func(b *bytes.Buffer) { writeList(b, r) })
}

func writeList(b *bytes.Buffer, r *ledger.List) {
	fmt.Fprintf(b, "%d decisions\n", r.Total)
	if len(r.Rows) == 0 {
		return
	}
	w := tabwriter.NewWriter(b, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "ID\tTIME\tTASK\tTIER\tCAUSE\tCONFIDENCE\tCOST\tBASELINE\tLATENCY")
	for _, d := range r.Rows {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", d.ID, d.Time.Format(time.DateTime), d.Task, orNone(string(d.Tier)), d.Cause,
			number(d.Acceptable), d.Cost, d.Baseline, d.Latency.Round(time.Microsecond))
	}
	w.Flush() //nolint:errcheck // a buffer does not fail
	if r.Next != "" {
		fmt.Fprintf(b, "more: --after %s\n", r.Next)
	}
}

// number prints a value that may not be there.
func number(v *float64) string {
	if v == nil {
		return "-"
	}
	return fmt.Sprintf("%.4f", *v)
}

func newAuditShow(o *options) *cobra.Command {
	return &cobra.Command{
		Use: "show ID", Short: "Print the whole record of a decision, with its texts and outcomes", Args: cobra.ExactArgs(1),
		Long: "Print the whole record of a decision as JSON. ID may be the beginning of one, at least 8 characters.",
		RunE: func(c *cobra.Command, args []string) error {
			_, reader, err := openLedger(c.Context(), o)
			if err != nil {
				return err
			}
			defer reader.Index.Close()
			r, err := reader.Record(c.Context(), args[0])
			if err != nil {
				return err
			}
			return o.print(r, func(b *bytes.Buffer) {
				encoder := json.NewEncoder(b)
				encoder.SetIndent("", "  ")
				encoder.SetEscapeHTML(false)
				if err := encoder.Encode(r); err != nil {
					fmt.Fprintf(b, "%v\n", err)
				}
			})
		},
	}
}
