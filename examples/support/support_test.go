package support_test

import (
	"strings"
	"testing"

	"github.com/pointsman-ai/pointsman/examples/support"
	"github.com/pointsman-ai/pointsman/internal/dataset"
)

// The sample workload is what its documentation says it is.
func TestMessages(t *testing.T) {
	sets := map[string][]dataset.Example{}
	intents, tags, channels, registers := map[string]int{}, map[string]int{}, map[string]int{}, map[string]int{}
	total, withFields, highStakes := 0, 0, 0
	for _, name := range []string{"train", "calibrate", "test"} {
		file, err := support.Files.Open("messages/" + name + ".jsonl")
		if err != nil {
			t.Fatal(err)
		}
		for e, err := range dataset.ReadFrom(file, name) {
			if err != nil {
				t.Fatal(err)
			}
			sets[name] = append(sets[name], e)
			total++
			intents[e.Label]++
			channels[e.Metadata["channel"]]++
			registers[e.Metadata["register"]]++
			for _, tag := range e.Tags {
				tags[tag]++
			}
			if len(e.Fields) > 0 {
				withFields++
			}
			for field, value := range e.Fields {
				if !strings.Contains(e.Input, value) {
					t.Errorf("%s: %s %q does not stand in the message", e.ID, field, value)
				}
			}
			if e.Metadata["stakes"] == "high" {
				highStakes++
			}
		}
		if err := file.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if total < 1200 || len(intents) < 25 || intents["out_of_scope"] < 100 || withFields < 500 || highStakes < 100 {
		t.Errorf("%d messages of %d intents, %d out of scope, %d with fields, %d of high stakes", total, len(intents), intents["out_of_scope"], withFields, highStakes)
	}
	for _, tag := range []string{"typo", "mixed_language", "injection", "multi_request"} {
		if tags[tag] < 30 {
			t.Errorf("only %d messages are tagged %s", tags[tag], tag)
		}
	}
	if len(channels) != 5 || len(registers) != 6 {
		t.Errorf("channels %v, registers %v", channels, registers)
	}
	for _, overlap := range dataset.CheckDisjoint(sets) {
		t.Errorf("in more than one part: %+v", overlap)
	}
	labels, err := support.Files.ReadFile("labels.txt")
	if err != nil {
		t.Fatal(err)
	}
	for label := range strings.FieldsSeq(string(labels)) {
		if intents[label] == 0 {
			t.Errorf("label %s has no message", label)
		}
		delete(intents, label)
	}
	for intent := range intents {
		t.Errorf("intent %s is not among the labels", intent)
	}
}
