package config

import (
	"fmt"
	"maps"

	"github.com/pointsman-ai/pointsman"
)

// Witness is a model that is asked beside the tiers, to see whether it agrees.
type Witness struct {
	Model   pointsman.ModelID `yaml:"model"`
	Prompt  *Prompt           `yaml:"prompt"` // nil: the task's
	Params  Params            `yaml:"params"`
	Timeout Duration          `yaml:"timeout"`
}

// Samples are further answers of the tier that is judged.
type Samples struct {
	Count  int64  `yaml:"count"`
	Params Params `yaml:"params"`
}

var witnessFields = map[string]field{
	"tasks.*.witnesses":                      {doc: "Other small models that are asked for the same request as a tier that is judged, so that agreement can be measured; cheapest first where all their prices are known, otherwise in this order.", many: 8},
	"tasks.*.witnesses.*":                    {doc: "One witness."},
	"tasks.*.witnesses.*.model":              {doc: "The model that it asks.", required: true},
	"tasks.*.witnesses.*.prompt":             {doc: "The instruction of the witness, in place of the task's."},
	"tasks.*.witnesses.*.prompt.version":     promptVersion,
	"tasks.*.witnesses.*.prompt.system":      promptSystem,
	"tasks.*.witnesses.*.prompt.system_file": promptFile,
	"tasks.*.witnesses.*.params":             {doc: "Members of the request body that the witness sets.", many: 64},
	"tasks.*.witnesses.*.params.*":           {doc: "Any JSON value."},
	"tasks.*.witnesses.*.timeout":            {doc: "How long its answer may take. Default: the upstream's timeout.", min: "1ms", max: "1h"},
	"tasks.*.samples":                        {doc: "Further answers of the tier that is judged, so that it can be measured whether it says the same again. For upstreams that give no logprobs."},
	"tasks.*.samples.count":                  {doc: "How many answers there are, with the one that is judged.", required: true, min: "2", max: "16"},
	"tasks.*.samples.params":                 {doc: "Members of the request body that the further answers set in place of the tier's, such as a temperature above 0.", many: 64},
	"tasks.*.samples.params.*":               {doc: "Any JSON value."},
}

// checkWitnesses checks what is asked beside the tiers of a task.
func (d *decoder) checkWitnesses(at string, t *Task, models []string) {
	for i, w := range t.Witnesses {
		where := indexed(child(at, "witnesses"), i)
		d.refer(child(where, "model"), string(w.Model), "model", models)
		d.checkParams(child(where, "params"), w.Params)
		for k, earlier := range t.Witnesses[:i] {
			if w.Model != "" && w.Model == earlier.Model && w.Prompt == nil && earlier.Prompt == nil && maps.Equal(w.Params, earlier.Params) {
				d.at(child(where, "model"), fmt.Sprintf("witness %d asks the same as witness %d", i+1, k+1), "name another model, prompt or params; samples ask the tier itself again")
			}
		}
	}
	if t.Samples != nil {
		d.checkParams(child(child(at, "samples"), "params"), t.Samples.Params)
	}
}
