package main

import (
	"bufio"
	"fmt"
	"os"
	"strings"

	"golang.org/x/term"
)

// terminal says whether somebody sits at both ends: what is asked can be seen, and
// answered.
func (o *options) terminal() bool {
	in, ok := o.in.(*os.File)
	if !ok {
		return false
	}
	out, ok := o.err.(*os.File)
	return ok && term.IsTerminal(int(in.Fd())) && term.IsTerminal(int(out.Fd()))
}

// confirm asks a question that is answered by yes or no; an empty line is the usual
// answer, and an end of the input is no.
func (o *options) confirm(question string, usual bool) (bool, error) {
	choice := "[y/N]"
	if usual {
		choice = "[Y/n]"
	}
	lines := bufio.NewScanner(o.in)
	for {
		if _, err := fmt.Fprintf(o.err, "%s %s ", question, choice); err != nil {
			return false, err
		}
		if !lines.Scan() {
			return false, lines.Err()
		}
		switch strings.ToLower(strings.TrimSpace(lines.Text())) {
		case "":
			return usual, nil
		case "y", "yes":
			return true, nil
		case "n", "no":
			return false, nil
		}
		question = "Please answer yes or no."
	}
}
