// Package journal is the decision log: one durable record for each request, in
// append-only files that show any change made to them afterwards.
//
// # On disk
//
//	<dir>/segments/00000001.pmj         records of decisions, outcomes and of the journal itself
//	<dir>/segments/00000001.pmj.torn-1  what a killed writer left behind of its last record
//	<dir>/payloads/00000001.pmp         texts, apart from the records and with a retention of their own
//	<dir>/HEAD                          how far the records were known to be safe: against cuts at the tail
//	<dir>/salt                          the key of keyed digests; it never leaves the machine
//	<dir>/LOCK                          held by the one writer
//
// All integers are big-endian. A segment is a header of 80 bytes,
//
//	magic[8] | number u32 | first sequence number u64 | created, Unix ns i64 |
//	chain hash so far [32] | salt id [16] | CRC-32C of the above u32
//
// followed by frames:
//
//	CRC-32C of all that follows u32 | length of the body u32 | kind u8 |
//	sequence number u64 | body, JSON | chain hash [32]
//
// The chain hash of a frame is SHA-256 over the hash before it and the frame
// from its length to the end of its body. The hash before the first frame of a
// segment is SHA-256 over the segment's header, which holds the last hash of
// the segment before. Sequence numbers count frames from 1 over all segments,
// so that a missing frame can be told from a moved one. A payload file has a
// similar header and frames that are not chained, because retention deletes
// whole files; the decision's frame names position, length and digest of its
// payload instead. Each payload begins with random bytes, so that its digest
// tells nothing once the payload is gone.
//
// # What is promised
//
// An append that returned nil is in the file, so the end of the process loses
// nothing. The end of the machine loses at most [Options.FsyncInterval], or
// nothing with [DurabilitySync]. Each frame is written with one system call at
// a known offset; a write that fails is cut off again, so that a segment always
// ends with a whole frame or, after a kill, with a torn one that [Open] moves
// aside and names in the chain.
//
// [Verify] finds every flipped bit, cut, swap and removal below HEAD. What it
// cannot find alone is somebody who rewrites all from some point on, HEAD
// included: for that, keep a [Head] elsewhere from time to time and pass it as
// [VerifyOptions.Anchor].
package journal
