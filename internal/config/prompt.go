package config

import (
	"strings"
)

// Prompt is a versioned instruction. System has been read in where the file
// names a file for it.
type Prompt struct {
	Version    string `yaml:"version"`
	System     string `yaml:"system"`
	SystemFile Path   `yaml:"system_file"`
}

// A prompt has the same keys everywhere.
var (
	promptVersion = field{doc: "Your own name for this wording; part of what identifies the variant.", required: true, text: 128, form: formLine}
	promptSystem  = field{doc: "The system message.", oneOf: "system_file", text: maxIncluded}
	promptFile    = field{doc: "A file with the system message. Relative to this file.", oneOf: "system", form: formPath}
)

func (d *decoder) includePrompt(p *Prompt, at string) {
	if p == nil {
		return
	}
	if text, ok := d.read(p.SystemFile, at, "system", "system_file"); ok {
		p.System = strings.TrimSuffix(strings.TrimSuffix(text, "\n"), "\r")
	}
}
