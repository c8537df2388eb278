package main

import (
	"encoding/json"
	"fmt"
	"hash/crc32"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// work makes a work folder of four questions: the small tier is right on the
// first two, the large one on the first and the last two, and the cascade
// escalates the last two.
func work(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "run"), 0o755); err != nil {
		t.Fatal(err)
	}
	put := func(name, content string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	put("calibrate.json", `{"certified":true,"certificate":{"certified":true,"promise":"quality","retain":0.9,"delta":0.05}}`)
	var outcomes, rows, decisions strings.Builder
	uplifts := []string{`-0.5`, `-0.25`, `0.5`, ``}
	for i, right := range []string{`{"small":true,"large":true}`, `{"small":true,"large":false}`, `{"small":false,"large":true}`, `{"small":false,"large":true}`} {
		fmt.Fprintf(&outcomes, `{"id":"q%d","label":"A","correct":%s}`+"\n", i, right)
		for _, target := range []string{small, large, cascade} {
			tier, attempt, cost := target, `{"tier":"`+target+`","reading":{"valid":true}}`, map[string]int{small: 1, large: 10}[target]
			if target == cascade {
				tier, cost = small, 2
				attempt = fmt.Sprintf(`{"tier":"small","reading":{"valid":true},"confidence":{"uplift":%s}}`, uplifts[i])
				if uplifts[i] == "" {
					attempt = `{"tier":"small","reading":{"valid":false}}`
				}
				if i >= 2 {
					tier, cost = large, 12
				}
			}
			id := fmt.Sprintf("%s-%d", target, i)
			fmt.Fprintf(&decisions, `{"type":"decision","decision":{"id":%q,"tier":%q,"cost":%d,"attempts":[%s]}}`+"\n", id, tier, cost, attempt)
			row := fmt.Sprintf(`{"key":"sha256:%064d","target":%q,"example":"q%d","result":{"text":"","reading":{"valid":true,"label":"A"},"decision":{"id":%q}}}`, 1, target, i, id)
			fmt.Fprintf(&rows, `{"sum":"%08x","row":%s}`+"\n", crc32.Checksum([]byte(row), crc32.MakeTable(crc32.Castagnoli)), row)
		}
	}
	decisions.WriteString(`{"type":"gap","gap":{}}` + "\n")
	put("outcomes.jsonl", outcomes.String())
	put(filepath.Join("run", "results.jsonl"), rows.String())
	put("decisions.jsonl", decisions.String())
	return dir
}

func TestSummarise(t *testing.T) {
	var notes strings.Builder
	f, err := summarise(work(t), &notes)
	if err != nil {
		t.Fatal(err)
	}
	cost, retained := 28.0/40, 4.0/3
	if f.APGR == nil || *f.APGR <= 1 { // it keeps what only the small one gets right
		t.Errorf("APGR %v of a perfect ranking", f.APGR)
	}
	f.APGR = nil
	want := &figures{
		SmallAccuracy: 0.5, LargeAccuracy: 0.75, CascadeAccuracy: 1, EscalatedShare: 0.5, CostVsLarge: &cost,
		RetainTarget: 0.9, RetainMeasured: &retained, Certified: true, Requests: 12,
	}
	if diff := cmp.Diff(want, f); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if got := notes.String(); got != "as the contract reads the answers: small 1.0000, large 1.0000, cascade 1.0000, retained 1.0000\n" {
		t.Errorf("notes %q", got)
	}
	got, err := json.Marshal(f)
	if err != nil {
		t.Fatal(err)
	}
	const line = `{"small_accuracy":0.5,"large_accuracy":0.75,"cascade_accuracy":1,"escalated_share":0.5,"cost_vs_large":0.7,"apgr":null,"retain_target":0.9,"retain_measured":1.3333333333333333,"certified":true,"requests":12,"lost_decisions":0}`
	if string(got) != line {
		t.Errorf("got  %s\nwant %s", got, line)
	}
}

// TestLost counts decisions that a client was given and the journal does not
// hold.
func TestLost(t *testing.T) {
	dir := work(t)
	path := filepath.Join(dir, "decisions.jsonl")
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.SplitAfter(string(content), "\n")
	if err := os.WriteFile(path, []byte(strings.Join(lines[3:], "")), 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := summarise(dir, &strings.Builder{})
	if err != nil {
		t.Fatal(err)
	}
	if f.LostDecisions != 3 || f.Requests != 12 {
		t.Errorf("%d of %d lost, want 3 of 12", f.LostDecisions, f.Requests)
	}
	if err := os.WriteFile(path, []byte(lines[0]+lines[0]), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := summarise(dir, &strings.Builder{}); err == nil || !strings.Contains(err.Error(), "stands twice") {
		t.Errorf("a decision that stands twice: %v", err)
	}
}
