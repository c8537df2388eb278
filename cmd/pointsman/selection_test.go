package main

import (
	"bytes"
	"path/filepath"
	"strings"
	"testing"
)

// A mistyped name in a selection is told; one that is right and selects nothing
// is an empty list.
func TestMistypedSelections(t *testing.T) {
	dir := setUp(t, "")
	s := startServer(t, dir)
	post(t, s.url+"/v1/chat/completions", parcelRequest)
	s.end(t)
	for line, want := range map[string]struct {
		code int
		text string
	}{
		"--cause uncertian":            {exitUsage, "did you mean uncertain?"},
		"--cause uncertain":            {exitOK, "0 decisions"},
		"--lifecycle done":             {exitUsage, "There are aborted, completed, failed"},
		"--task suport":                {exitUsage, "did you mean support?"},
		"--task support":               {exitOK, "1 decisions"},
		"--task local/small":           {exitOK, "0 decisions"},
		"--tier smal":                  {exitUsage, "did you mean small?"},
		"--tier small":                 {exitOK, "0 decisions"},
		"--task support --tier larg":   {exitUsage, "did you mean large?"},
		"--tier large --cause pinned":  {exitOK, "0 decisions"},
		"--tier large --task support":  {exitOK, "1 decisions"},
		"--lifecycle completed":        {exitOK, "1 decisions"},
		"--cause no_permitted_tier":    {exitOK, "0 decisions"},
		"--cause policy_voyd --json":   {exitUsage, "did you mean policy_void?"},
		"--tier quux --task local/any": {exitOK, "0 decisions"},
	} {
		args := append([]string{"audit", "list", "--config", filepath.Join(dir, "pointsman.yaml")}, strings.Fields(line)...)
		var out, stderr bytes.Buffer
		code := run(t.Context(), args, streams{in: strings.NewReader(""), out: &out, err: &stderr})
		if text := strings.ToLower(out.String() + stderr.String()); code != want.code || !strings.Contains(text, strings.ToLower(want.text)) {
			t.Errorf("audit list %s: exit %d\n%s", line, code, text)
		}
	}
}
