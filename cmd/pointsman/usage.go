package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/pointsman-ai/pointsman"
	"github.com/pointsman-ai/pointsman/internal/suggest"
)

// usageError marks a mistake in the command line.
type usageError struct{ error }

// Unwrap gives the mistake, which may have a hint.
func (u usageError) Unwrap() error { return u.error }

// mistake is a mistake in the command line with what to do about it.
func mistake(hint, format string, args ...any) error {
	return usageError{&pointsman.Error{Code: pointsman.CodeInvalid, Message: fmt.Sprintf(format, args...), Hint: hint}}
}

// usageOnly makes every mistake in a command's arguments a usage error, and
// names what may have been meant where a command was mistyped.
func usageOnly(c *cobra.Command) {
	switch check := c.Args; {
	case c.HasSubCommands():
		c.Args = knownCommand
		if !c.Runnable() { // cobra's own
			c.RunE = func(c *cobra.Command, _ []string) error { return c.Help() }
		}
	case c.Name() == "help":
		c.Args = func(c *cobra.Command, args []string) error {
			topic, rest, err := c.Root().Find(args)
			if err != nil {
				return mistake("run pointsman --help", "%v", err)
			}
			return knownCommand(topic, rest)
		}
	case check != nil:
		c.Args = func(c *cobra.Command, args []string) error {
			err := check(c, args)
			if err == nil {
				return nil
			}
			hint := fmt.Sprintf("run %s --help", c.CommandPath())
			if check(c, nil) == nil { // cobra says of any argument too many that it is an unknown command
				return mistake(hint, "%s takes no arguments, and %q is one", c.CommandPath(), args[0])
			}
			return mistake(hint, "%v", err)
		}
	}
	for _, sub := range c.Commands() {
		usageOnly(sub)
	}
}

// knownCommand refuses the name of a command that is not there.
func knownCommand(c *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	var known []string
	for _, sub := range c.Commands() {
		if sub.IsAvailableCommand() {
			known = append(known, sub.Name())
		}
	}
	path := strings.Fields(c.CommandPath() + " " + args[0])[1:]
	return mistake(suggest.DidYouMean(args[0], known), "there is no command %q", strings.Join(path, " "))
}

// unknownFlag names the flag that may have been meant.
func unknownFlag(c *cobra.Command, err error) error {
	hint := fmt.Sprintf("run %s --help for its flags", c.CommandPath())
	var unknown *pflag.NotExistError
	if errors.As(err, &unknown) && unknown.GetSpecifiedShortnames() == "" {
		var known []string
		c.Flags().VisitAll(func(f *pflag.Flag) {
			if !f.Hidden {
				known = append(known, f.Name)
			}
		})
		if near := suggest.Nearest(unknown.GetSpecifiedName(), known); near != "" {
			hint = fmt.Sprintf("did you mean --%s? Run %s --help for its flags", near, c.CommandPath())
		}
	}
	return mistake(hint, "%v", err)
}
