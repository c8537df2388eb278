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
// would be right) − P(only this answer is right), in [-1, 1]. The effective
// uplift is uplift + (stakes − 1) × P(only the largest tier would be right):
// stakes (at least 1) say how many times an ordinary harm one counts here, and
// count also where asking on would not pay on the whole. They can therefore only
// shrink the set of accepted answers, never enlarge it.
//
// The threshold is that of the answer's pattern of missing signals, or a lower
// one if a slice of the request has one: the strictest applies. A pattern or a
// slice that the policy does not know accepts nothing, nor does one that has
// earned no threshold. A request whose form the policy has no support for is not
// put to the tier at all.
//
// Policies of the first version decide as they did, so that decisions on record
// can be replayed: their stakes multiply a positive uplift, they know neither
// patterns nor support, and a slice without a threshold inherits that of the
// whole.
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
