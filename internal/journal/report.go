package journal

import (
	"fmt"
	"strings"

	"github.com/pointsman-ai/pointsman"
)

// FindingKind says what was done to the journal, as far as its remains tell.
type FindingKind string

// The kinds of finding.
const (
	FoundFlipped        FindingKind = "flipped"         // bytes are not what was written: their checksum does not match
	FoundRewritten      FindingKind = "rewritten"       // bytes were changed and their checksum made anew: the chain does not hold
	FoundCut            FindingKind = "cut"             // a file ends before what was written to it
	FoundRemoved        FindingKind = "removed"         // a record or a file is gone
	FoundSwapped        FindingKind = "swapped"         // a record or a file stands where another belongs, or twice
	FoundPayloadAltered FindingKind = "payload_altered" // a payload is not the one that its decision names
	FoundPayloadRemoved FindingKind = "payload_removed" // a payload is gone and no retention says so
	FoundHeadAhead      FindingKind = "head_ahead"      // HEAD names records that are not there
	FoundHead           FindingKind = "head"            // HEAD is damaged, or names what is not on the chain
	FoundAnchor         FindingKind = "anchor"          // the chain does not pass through the given anchor
)

// Finding is one place where the journal is not what was written.
type Finding struct {
	Kind FindingKind `json:"kind"`
	// File is relative to the journal's directory, Offset the byte in it.
	File   string `json:"file"`
	Offset int64  `json:"offset"`
	// Frame counts the segment's frames from 1, and Seq those of the journal; 0
	// where the place is no frame.
	Frame    int                  `json:"frame,omitempty"`
	Seq      uint64               `json:"seq,omitempty"`
	Decision pointsman.DecisionID `json:"decision,omitempty"`
	Detail   string               `json:"detail"`
}

// String prints the finding in one line.
func (f Finding) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s: byte %d", f.Kind, f.File, f.Offset)
	if f.Frame > 0 {
		fmt.Fprintf(&b, ", record %d of the file", f.Frame)
	}
	if f.Decision != "" {
		fmt.Fprintf(&b, ", decision %s", f.Decision)
	}
	return b.String() + ": " + f.Detail
}

// MaxFindings is how many findings a report lists; the others are counted.
const MaxFindings = 1000

// Report is what [Verify] found.
type Report struct {
	Segments  int    `json:"segments"`
	Records   uint64 `json:"records"`
	Decisions uint64 `json:"decisions"`
	Outcomes  uint64 `json:"outcomes"`
	Audits    uint64 `json:"audits,omitempty"`
	// Gaps counts notices of records that could not be written, Unwritten
	// those records.
	Gaps      uint64 `json:"gaps"`
	Unwritten uint64 `json:"unwritten"`
	// Payloads counts payloads that are what their decisions name,
	// PayloadsExpired those that retention has deleted.
	Payloads        uint64 `json:"payloads"`
	PayloadsExpired uint64 `json:"payloads_expired"`
	// SegmentsExpired is how many of the oldest segments retention has deleted.
	SegmentsExpired uint32 `json:"segments_expired"`
	// End is the state of the chain behind the last record: what to keep
	// elsewhere as the next anchor.
	End Head `json:"end"`
	// AnchorChecked says that the chain was compared with an anchor.
	AnchorChecked bool `json:"anchor_checked"`

	Findings []Finding `json:"findings"`
	// MoreFindings counts those beyond MaxFindings.
	MoreFindings int `json:"more_findings,omitempty"`
	// Notes tell of what is no damage and worth knowing.
	Notes []string `json:"notes,omitempty"`

	at map[string]bool // file and offset of the findings
}

// Clean says that nothing was found.
func (r *Report) Clean() bool { return len(r.Findings) == 0 }

func (r *Report) add(f Finding) {
	if len(r.Findings) >= MaxFindings {
		r.MoreFindings++
		return
	}
	if r.at == nil {
		r.at = map[string]bool{}
	}
	r.at[fmt.Sprintf("%s:%d", f.File, f.Offset)] = true
	r.Findings = append(r.Findings, f)
}

// has says whether there is a finding at a place already.
func (r *Report) has(file string, offset int64) bool {
	return r.at[fmt.Sprintf("%s:%d", file, offset)]
}

func (r *Report) note(format string, args ...any) {
	if len(r.Notes) < MaxFindings {
		r.Notes = append(r.Notes, fmt.Sprintf(format, args...))
	}
}
