// Package pointsman holds the words of the system: tasks, requests, answers,
// signals, decisions, outcomes and money, as plain values that every room of
// the house agrees on.
//
// Pointsman routes each request to the smallest model that is good enough, and
// proves it. A request names a [Task]. The task's cascade is an ordered list of
// tiers, cheapest first; each tier asks one [Variant]. What was measured on the
// way is a list of [Signal] values, what was done is a [Decision], and what
// somebody said about it later is an [Outcome].
//
// The package imports the standard library only, does no input or output, and
// nothing in it reads the clock by itself: identifiers come from an
// [IDSource], which is given its clock and its randomness.
package pointsman
