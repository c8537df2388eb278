package pointsman

// LabelSource says by what an answer is judged: who says whether it is right.
type LabelSource string

// The sources of labels, the better before the worse.
const (
	// LabelsPeople: people have judged the answers.
	LabelsPeople LabelSource = "people"
	// LabelsTruth: the dataset says what is right.
	LabelsTruth LabelSource = "truth"
	// LabelsJudge: a model, or some other procedure, has judged the answers.
	LabelsJudge LabelSource = "judge"
	// LabelsAgreement: an answer is right where it is the largest tier's.
	LabelsAgreement LabelSource = "agreement"
)

// LabelSources are all of them.
var LabelSources = []LabelSource{LabelsTruth, LabelsPeople, LabelsJudge, LabelsAgreement}
