package main

import (
	"bytes"
	"os"
	"regexp"
	"strings"
	"testing"
)

// The commands of docs/students.md run on the files that the page shows.
func TestStudentsPage(t *testing.T) {
	page, err := os.ReadFile("../../docs/students.md")
	if err != nil {
		t.Fatal(err)
	}
	t.Chdir(t.TempDir())
	ran := 0
	for _, block := range regexp.MustCompile("(?s)```(sh|[a-z]+ title=([a-z.]+))\n(.*?)```").FindAllStringSubmatch(string(page), -1) {
		name, content := block[2], block[3]
		if name != "" {
			if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
				t.Fatal(err)
			}
			continue
		}
		for line := range strings.Lines(content) {
			args := strings.Fields(line)
			var stdout, stderr bytes.Buffer
			if code := run(t.Context(), args[1:], streams{in: strings.NewReader(""), out: &stdout, err: &stderr}); args[0] != "pointsman" || code != 0 {
				t.Errorf("%s: %d\n%s", strings.TrimSpace(line), code, &stderr)
			}
			ran++
		}
	}
	if ran < 4 {
		t.Errorf("only %d commands were found", ran)
	}
}
