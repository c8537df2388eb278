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

// streams are where a command reads and writes: results on out, progress and
// messages on err.
type streams struct {
	in       io.Reader
	out, err io.Writer
}

// defaultConfig is the configuration file where none is named.
const defaultConfig = "pointsman.yaml"

// options are the flags that every command has.
type options struct {
	streams
	config string
	json   bool
	quiet  bool
}

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
		o.printError(err)
	}
	return exitCode(ctx, err)
}

// newRoot builds the command tree.
func newRoot(o *options) *cobra.Command {
	root := &cobra.Command{
		Use:   "pointsman",
		Short: "Route each request to the smallest model that is good enough, and prove it",
		Long: `Pointsman routes each request to the smallest model that is good enough, and
proves it: an OpenAI-compatible gateway, calibrated confidence with a
certificate, and a decision log that can be verified and replayed.`,
		Version:       version,
		SilenceUsage:  true,
		SilenceErrors: true,
		Args:          cobra.NoArgs,
		RunE:          func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	root.SetVersionTemplate(thisBuild().String() + "\n")
	root.SetHelpTemplate(root.HelpTemplate() + exitHelp("\nExit codes:\n", "  %-4d %s\n"))
	root.SetFlagErrorFunc(unknownFlag)
	flags := root.PersistentFlags()
	flags.StringVarP(&o.config, "config", "c", defaultConfig, "configuration file")
	flags.BoolVar(&o.json, "json", false, "print the result as JSON")
	flags.BoolVarP(&o.quiet, "quiet", "q", false, "no progress")
	root.AddCommand(
		newInit(o), newServe(o), newCheck(o), newSchema(o), newKey(o), newVersion(o),
		newDataset(o), newStudent(o), newVectors(o), newCollect(o), newLabel(o), newCalibrate(o), newPolicy(o), newEval(o), newRecord(o), newAudit(o), newDrift(o), newDemo(o), newMan(o),
	)
	// Those that cobra adds at the end of its own accord.
	root.InitDefaultHelpCmd()
	root.InitDefaultCompletionCmd()
	usageOnly(root)
	return root
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
	if err := o.exists(); err != nil {
		return nil, err
	}
	return config.Load(o.config)
}

// exists says what to do where there is no configuration.
func (o *options) exists() error {
	if _, err := os.Stat(o.config); errors.Is(err, os.ErrNotExist) {
		return &pointsman.Error{
			Code: pointsman.CodeConfig, Message: "there is no " + o.config,
			Hint: "run pointsman init to write one, or name another with --config",
		}
	}
	return nil
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
func list[S ~string](all []S) string {
	return strings.Join(names(all), ", ")
}
