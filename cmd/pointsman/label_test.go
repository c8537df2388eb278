package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A person at a terminal is asked, may stop, and goes on where they stopped.
func TestLabelAtATerminal(t *testing.T) {
	dir := t.TempDir()
	write := func(name, content string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	config := write("pointsman.yaml", `version: 1
upstreams:
  far: {type: openai, location: self_hosted, base_url: "http://127.0.0.1:9/v1"}
models:
  small: {upstream: far, price: unknown}
  large: {upstream: far, price: unknown}
tasks:
  support:
    kind: classify
    contract: {labels: [parcel, refund]}
    tiers: [{name: small, model: small}, {name: large, model: large}]
`)
	data := write("train.jsonl", `{"id":"a","input":"where is it"}`+"\n"+`{"id":"b","input":"my money"}`+"\n")
	answers := write("answers.jsonl", `{"example":"a","tier":"small","text":"refund"}
{"example":"a","tier":"large","text":"parcel"}
{"example":"b","tier":"small","text":"refund"}
{"example":"b","tier":"large","text":"refund"}
`)
	command := func(typed string, args ...string) (out, shown string) {
		t.Helper()
		var o, e bytes.Buffer
		args = append([]string{"-c", config, "-q"}, args...)
		if code := run(t.Context(), args, streams{in: strings.NewReader(typed), out: &o, err: &e}); code != exitOK {
			t.Fatalf("%v: exit %d, %s", args, code, e.String())
		}
		return o.String(), e.String()
	}
	command("", "collect", "--data", data, "--import", answers)
	out, shown := command("y\nq\n", "label", "--data", data, "--by", "ada", "--budget", "2")
	if !strings.Contains(out, "1 verdicts now") || strings.Contains(shown, "small") || strings.Count(shown, "answer: ") != 2 {
		t.Errorf("%s%s", out, shown)
	}
	out, shown = command("n\nn\nn\n", "label", "--data", data, "--by", "ada")
	if !strings.Contains(out, "2 verdicts now\nnone of them is left") || strings.Count(shown, "answer: ") != 2 {
		t.Errorf("%s%s", out, shown)
	}
}
