package main

import (
	"bytes"
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

// Every mistake in a command line has the exit code of one.
func TestMistakesInACommandLine(t *testing.T) {
	for _, line := range []string{
		"serv", "audit lst", "serve now", "serve --lisen :0", "serve --listen", "audit show", "completion tcsh", "man",
		"help nothing", "serve --log-level loud", "--nope",
	} {
		var out, err bytes.Buffer
		if code := run(t.Context(), strings.Fields(line), streams{in: strings.NewReader(""), out: &out, err: &err}); code != exitUsage {
			t.Errorf("pointsman %s: exit %d\n%s%s", line, code, out.String(), err.String())
		}
		if out.Len() > 0 || strings.Count(err.String(), "hint:") > 1 {
			t.Errorf("pointsman %s: on stdout %q, on stderr %q", line, out.String(), err.String())
		}
	}
}

// Every command that can be run says what it does and what its exit codes are.
func TestEveryCommandHasHelp(t *testing.T) {
	var visit func(c *cobra.Command)
	visit = func(c *cobra.Command) {
		var out, err bytes.Buffer
		line := append(strings.Fields(c.CommandPath())[1:], "--help")
		if code := run(t.Context(), line, streams{in: strings.NewReader(""), out: &out, err: &err}); code != exitOK {
			t.Errorf("%s --help: exit %d", c.CommandPath(), code)
		}
		if c.Short == "" || !strings.Contains(out.String(), "Exit codes:") || err.Len() > 0 {
			t.Errorf("%s --help: %q\n%s%s", c.CommandPath(), c.Short, out.String(), err.String())
		}
		for _, sub := range c.Commands() {
			visit(sub)
		}
	}
	visit(newRoot(&options{}))
}
