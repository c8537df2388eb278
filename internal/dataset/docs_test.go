package dataset

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

// fence is a fenced block of Markdown with its language and options.
var fence = regexp.MustCompile("(?ms)^```(jsonl|csv|tsv)([^\n]*)\n(.*?)^```$")

// Every example of the documentation is read, and every member of an example is
// documented.
func TestTheDocumentationIsTrue(t *testing.T) {
	page, err := os.ReadFile("../../docs/datasets.md")
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]int{}
	for _, block := range fence.FindAllStringSubmatch(string(page), -1) {
		language, options, content := block[1], strings.TrimSpace(block[2]), block[3]
		seen[language]++
		path := write(t, "example."+language, content)
		var examples []Example
		if text, ok := strings.CutPrefix(options, "columns="); ok {
			columns := map[string]string{}
			for pair := range strings.SplitSeq(text, ",") {
				member, column, _ := strings.Cut(pair, "=")
				columns[member] = column
			}
			examples, err = LoadTable(path, columns)
		} else {
			examples, err = Load(path)
		}
		lines := strings.Count(content, "\n")
		if language != "jsonl" {
			lines-- // the header
		}
		if err != nil || len(examples) != lines {
			t.Errorf("%d examples of %d lines, %v:\n%s", len(examples), lines, err, content)
		}
	}
	if seen["jsonl"] < 3 || seen["csv"] < 2 || seen["tsv"] < 1 {
		t.Errorf("the page has %v", seen)
	}
	for _, member := range members {
		if !strings.Contains(string(page), "| `"+member+"` |") {
			t.Errorf("the page does not explain the member %q", member)
		}
	}
	for _, member := range tableMembers {
		if !strings.Contains(string(page), "`"+member+"`") {
			t.Errorf("the page does not name the column %q", member)
		}
	}
}
