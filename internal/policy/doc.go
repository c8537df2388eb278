// Package policy holds the fitted artefact of one task and how it decides: a
// [Policy] turns the signals of a request and an answer into a calibrated
// confidence ([Policy.Assess]) and the confidence into a decision
// ([Policy.Decide]).
//
// A policy is immutable once made, does no input or output, reads no clock and
// keeps no state, so that the live cascade and an audit that replays a journal
// call the same two functions and get the same answer. It is safe for
// concurrent use. Package calibrate fits policies; this package only applies
// them and knows nothing about how they came to be.
//
// # The rule
//
// Stage k of a policy belongs to tier k of the cascade; the last tier has none,
// because nothing stands behind it. An answer that keeps its contract is
// accepted at a stage where
//
//	effective uplift ≤ threshold
//
// The uplift is the calibrated value of asking on: P(only the largest tier
// would be right) − P(only this answer is right), in [-1, 1]. A positive uplift
// is multiplied by the stakes (at least 1); a negative one says that asking on
// is expected to make things worse, which high stakes do not turn into a reason
// to ask, so it is left as it is. Stakes can therefore only shrink the set of
// accepted answers, never enlarge it, and the certificate, which bounds the
// harm among the accepted, holds under any stakes.
//
// The threshold is the one certified for the whole task, or a lower one if a
// slice of the request has one: the strictest of the request's slices applies.
// A slice never loosens the threshold of the whole, because the promise for
// the whole was tested with it. A slice without a threshold of its own
// inherits the one of the whole; a slice that was seen to break the promise
// accepts nothing.
//
// # Bit for bit
//
// The same policy and signals give the same float64 on every architecture. All
// sums run in slice order. Products that are added are rounded first by an
// explicit float64 conversion, which forbids the compiler to fuse them into one
// instruction (Go specification, "Floating-point operators"). The exponential
// and the logarithm are this package's own, because those of package math are
// written in assembly on some architectures and differ in the last bit.
package policy
