package config

// TypeRecorded answers from a recording.
const TypeRecorded UpstreamType = "recorded"

// RecordedSettings are those of an upstream that answers from a recording.
type RecordedSettings struct {
	Recording Path `yaml:"recording"`
	Pace      Pace `yaml:"pace"`
}

// Pace says how fast a recorded upstream answers.
type Pace string

// The paces of a recorded upstream.
const (
	PaceNone     Pace = "none"     // at once
	PaceRecorded Pace = "recorded" // after as long as the recorded answer took
)

var recordedType = upstreamType{
	name: TypeRecorded,
	settings: map[string]field{
		"recording": {doc: "Of recorded: the recording to answer from. Relative to this file.", form: formPath},
		"pace":      {doc: "Of recorded: answer at once, or after as long as the recorded answer took.", def: string(PaceNone), enum: []string{string(PaceNone), string(PaceRecorded)}},
	},
	needs: []need{{"recording", "the path of a .pmrec file"}},
}
