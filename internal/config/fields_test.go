package config_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pointsman-ai/pointsman/internal/config"
	"github.com/pointsman-ai/pointsman/internal/rules"
)

// The table of fields and the types know the same keys, save for those that
// the file's own rules do not have.
func TestFieldsCoverTheTypes(t *testing.T) {
	missing, idle := config.Uncovered()
	slices.Sort(missing)
	if diff := cmp.Diff([]string{"rules.*.forbid.tiers", "rules.*.pin"}, missing); diff != "" {
		t.Errorf("keys that the table does not have:\n%s", diff)
	}
	if len(idle) > 0 {
		t.Errorf("the table has keys that no type has: %v", idle)
	}
}

// A file that writes out every default means the same as one that leaves them
// all out.
func TestDefaultsAreWhatIsAssumed(t *testing.T) {
	written := `data_dir: ./data
server: {listen: "127.0.0.1:8087", max_body: 4MiB, read_timeout: 30s, request_timeout: 120s, drain_timeout: 20s, direct: allow}
journal: {durability: interval, fsync_interval: 1s, on_full: refuse, segment_size: 64MiB, retention: forever, payload_retention: 30d}
` + strings.NewReplacer("location: self_hosted", "location: self_hosted, timeout: 30s",
		"upstream: on_premises", "upstream: on_premises, name: small, price: unknown",
		"kind: open", "kind: open\n    contract: {verbatim: false}\n    target: {retain: 0.95, confidence: 0.95}\n    record: redacted\n    fallback: none",
		"model: small}", "model: small, timeout: 30s, params: {}}").Replace(minimal)
	_, want := parse(t, minimal).Snapshot()
	if got, digest := parse(t, written).Snapshot(); digest != want {
		bare, _ := parse(t, minimal).Snapshot()
		t.Error(cmp.Diff(string(bare), string(got)))
	}
}

// What the schema says of a condition's variables is what the rules have.
func TestVariablesAreDocumented(t *testing.T) {
	for _, v := range rules.Variables {
		if !strings.Contains(string(config.Schema()), v.Name) {
			t.Errorf("the schema does not name %s", v.Name)
		}
	}
}
