package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/pointsman-ai/pointsman"
	"github.com/pointsman-ai/pointsman/internal/config"
	"github.com/pointsman-ai/pointsman/internal/progress"
)

// The exit codes, which are part of the command line's interface.
const (
	exitOK          = 0
	exitFailure     = 1   // the command could not do its work
	exitUsage       = 2   // the command line is wrong
	exitConfig      = 3   // the configuration is wrong
	exitFindings    = 4   // a check, verification or replay found something
	exitInterrupted = 130 // stopped by a signal before it was done
)

const exitHelp = `Exit codes:
  0    done
  1    the command could not do its work
  2    the command line is wrong
  3    the configuration is wrong
  4    a check, a verification or a replay found something
  130  interrupted before it was done`

// streams are where a command reads and writes: results on out, progress and
// messages on err.
type streams struct {
	in       io.Reader
	out, err io.Writer
}

// options are the flags that every command has.
type options struct {
	streams
	config string
	json   bool
	quiet  bool
}

// errFindings says that a command worked and what it looked at is not right;
// what it found has been printed.
var errFindings = errors.New("findings")

// usageError marks a mistake in the command line.
type usageError struct{ error }

// run runs one command line and returns its exit code.
func run(ctx context.Context, args []string, s streams) int {
	o := &options{streams: s}
	root := newRoot(o) //nolint:contextcheck // commands get theirs from ExecuteContext
	root.SetArgs(args)
	root.SetIn(s.in)
	root.SetOut(s.out)
	root.SetErr(s.err)
	err := root.ExecuteContext(ctx)
	if err != nil && !errors.Is(err, errFindings) {
		o.tell(err)
	}
	return exitCode(ctx, err)
}

// exitCode is the one place that maps errors to exit codes.
func exitCode(ctx context.Context, err error) int {
	var usage usageError
	var problems config.Problems
	switch {
	case err == nil:
		return exitOK
	case errors.Is(err, errFindings):
		return exitFindings
	case errors.As(err, &usage):
		return exitUsage
	case errors.As(err, &problems), pointsman.CodeOf(err) == pointsman.CodeConfig:
		return exitConfig
	case errors.Is(err, context.Canceled) && ctx.Err() != nil:
		return exitInterrupted
	}
	return exitFailure
}

// tell prints an error for a person, or as JSON where that was asked for.
func (o *options) tell(err error) {
	if o.json {
		report := map[string]any{"error": err.Error()}
		var e *pointsman.Error
		if errors.As(err, &e) {
			report = map[string]any{"error": e.Error(), "code": e.Code, "hint": e.Hint}
		}
		var problems config.Problems
		if errors.As(err, &problems) {
			report = map[string]any{"error": "the configuration is wrong", "code": pointsman.CodeConfig, "problems": problems}
		}
		if text, marshalErr := json.Marshal(report); marshalErr == nil {
			fmt.Fprintf(o.err, "%s\n", text)
			return
		}
	}
	fmt.Fprintf(o.err, "pointsman: %v\n", err)
	var e *pointsman.Error
	if errors.As(err, &e) && e.Hint != "" {
		fmt.Fprintf(o.err, "hint: %s\n", e.Hint)
	}
}

// newRoot builds the command tree.
func newRoot(o *options) *cobra.Command {
	root := &cobra.Command{
		Use:   "pointsman",
		Short: "Route each request to the smallest model that is good enough, and prove it",
		Long: `Pointsman routes each request to the smallest model that is good enough, and
proves it: an OpenAI-compatible gateway, calibrated confidence with a
certificate, and a decision log that can be verified and replayed.

` + exitHelp,
		SilenceUsage:  true,
		SilenceErrors: true,
		Args:          cobra.NoArgs,
		RunE:          func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	root.CompletionOptions.HiddenDefaultCmd = true
	root.SetFlagErrorFunc(func(c *cobra.Command, err error) error {
		return usageError{fmt.Errorf("%w\nrun %s --help for its flags", err, c.CommandPath())}
	})
	flags := root.PersistentFlags()
	flags.StringVarP(&o.config, "config", "c", "pointsman.yaml", "configuration file")
	flags.BoolVar(&o.json, "json", false, "print the result as JSON")
	flags.BoolVarP(&o.quiet, "quiet", "q", false, "no progress")
	root.AddCommand(
		newInit(o), newServe(o), newCheck(o), newSchema(o), newKey(o), newVersion(o),
		newStudent(o), newCalibrate(o), newEval(o), newRecord(o), newAudit(o), newDemo(o),
	)
	usageOnly(root)
	return root
}

// usageOnly makes every mistake in a command's arguments a usage error.
func usageOnly(c *cobra.Command) {
	if check := c.Args; check != nil {
		c.Args = func(c *cobra.Command, args []string) error {
			if err := check(c, args); err != nil {
				return usageError{fmt.Errorf("%w\nrun %s --help", err, c.CommandPath())}
			}
			return nil
		}
	}
	for _, sub := range c.Commands() {
		usageOnly(sub)
	}
}

// group is a command that only holds others.
func group(use, short string, subs ...*cobra.Command) *cobra.Command {
	c := &cobra.Command{
		Use: use, Short: short, Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	c.AddCommand(subs...)
	return c
}

// load reads the configuration.
func (o *options) load() (*config.Config, error) {
	c, err := config.Load(o.config)
	if errors.Is(err, os.ErrNotExist) {
		return nil, &pointsman.Error{
			Code: pointsman.CodeConfig, Message: "there is no " + o.config,
			Hint: "run pointsman init to write one, or name another with --config", Err: err,
		}
	}
	return c, err
}

// print writes a result: as JSON where that was asked for, else by the given
// function into a buffer that is written at once.
func (o *options) print(value any, human func(w *bytes.Buffer)) error {
	var b bytes.Buffer
	if o.json {
		encoder := json.NewEncoder(&b)
		encoder.SetEscapeHTML(false)
		if err := encoder.Encode(value); err != nil {
			return fmt.Errorf("print the result: %w", err)
		}
	} else {
		human(&b)
	}
	_, err := o.out.Write(b.Bytes())
	return err
}

// progress is how long work tells how far it is: a bar on a terminal, a line
// now and then elsewhere, nothing where it was asked to be quiet.
func (o *options) progress() progress.Reporter {
	if o.quiet {
		return progress.Silent{}
	}
	if f, ok := o.err.(*os.File); ok {
		return progress.New(f, time.Now)
	}
	return progress.NewLines(o.err, time.Now)
}

// list joins names for a message.
func list[S ~string](names []S) string {
	out := make([]string, len(names))
	for i, n := range names {
		out[i] = string(n)
	}
	return strings.Join(out, ", ")
}
