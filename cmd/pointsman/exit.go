package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/pointsman-ai/pointsman"
	"github.com/pointsman-ai/pointsman/internal/config"
)

// The exit codes, which are part of the command line's interface.
const (
	exitOK          = 0
	exitFailure     = 1
	exitUsage       = 2
	exitConfig      = 3
	exitFindings    = 4
	exitInterrupted = 130
)

// exits says what the exit codes mean, in help and in the manual.
var exits = []struct {
	code    int
	meaning string
}{
	{exitOK, "done"},
	{exitFailure, "the command could not do its work"},
	{exitUsage, "the command line is wrong"},
	{exitConfig, "the configuration is wrong"},
	{exitFindings, "a check, a verification or a replay found something"},
	{exitInterrupted, "interrupted before it was done"},
}

// exitHelp is the exit codes, a line each, after a heading.
func exitHelp(heading, line string) string {
	var all strings.Builder
	all.WriteString(heading)
	for _, e := range exits {
		fmt.Fprintf(&all, line, e.code, e.meaning)
	}
	return all.String()
}

// errFindings says that a command worked and what it looked at is not right;
// what it found has been printed.
var errFindings = errors.New("findings")

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

// printError prints an error for a person, or as JSON where that was asked for.
func (o *options) printError(err error) {
	if o.json {
		if text, marshalErr := json.Marshal(errorReport(err)); marshalErr == nil {
			fmt.Fprintf(o.err, "%s\n", text)
			return
		}
	}
	fmt.Fprintf(o.err, "pointsman: %v\n", err)
	if hint := hintOf(err); hint != "" && !strings.Contains(err.Error(), hint) { // an error of a server may hold its hint
		fmt.Fprintf(o.err, "hint: %s\n", hint)
	}
}

// errorReport is an error as --json prints it.
func errorReport(err error) map[string]any {
	var problems config.Problems
	if errors.As(err, &problems) {
		return map[string]any{"error": "the configuration is wrong", "code": pointsman.CodeConfig, "problems": problems}
	}
	report := map[string]any{"error": err.Error()}
	var e *pointsman.Error
	if errors.As(err, &e) {
		report = map[string]any{"error": e.Error(), "code": e.Code, "hint": e.Hint}
	}
	var usage usageError
	if errors.As(err, &usage) {
		report["code"] = "usage"
	}
	return report
}

// hintOf is the first hint in the chain of an error.
func hintOf(err error) string {
	var e *pointsman.Error
	for errors.As(err, &e) {
		if e.Hint != "" {
			return e.Hint
		}
		err = e.Err
	}
	return ""
}
