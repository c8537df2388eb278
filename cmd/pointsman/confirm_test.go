package main

import (
	"bytes"
	"strings"
	"testing"
)

func TestConfirm(t *testing.T) {
	for typed, want := range map[string][2]bool{ // the answer where yes is usual, and where no is
		"\n": {true, false}, "y\n": {true, true}, "No\n": {false, false}, "what?\nYES\n": {true, true}, "": {false, false},
	} {
		for k, usual := range []bool{true, false} {
			var asked bytes.Buffer
			o := &options{streams: streams{in: strings.NewReader(typed), err: &asked}}
			got, err := o.confirm("Sure?", usual)
			if err != nil || got != want[k] {
				t.Errorf("%q with the usual answer %v: %v, %v", typed, usual, got, err)
			}
			if !strings.Contains(asked.String(), "Sure?") {
				t.Errorf("asked %q", asked.String())
			}
			if o.terminal() {
				t.Error("a buffer is taken for a terminal")
			}
		}
	}
}
