package journal

import "path/filepath"

// The names of the files.
const (
	segmentDir    = "segments"
	payloadDir    = "payloads"
	segmentSuffix = ".pmj"
	payloadSuffix = ".pmp"
	headName      = "HEAD"
	saltName      = "salt"
	lockName      = "LOCK"
	probeName     = "probe"
)

// segmentFile and payloadFile are names relative to the journal's directory,
// as they are printed in findings.
func segmentFile(number uint32) string {
	return filepath.Join(segmentDir, numbered(number, segmentSuffix))
}

func payloadFile(number uint32) string {
	return filepath.Join(payloadDir, numbered(number, payloadSuffix))
}
