// Package collect puts examples to models and keeps what they answer: the one
// room in which calibration and evaluation ask.
//
// [Run] takes examples and [Target]s and gives one [Outcome] for each pair. It
// asks through an [Asker]: [Cascade] runs a task in process, [Tiers] asks each
// tier by itself as calibration does, and [HTTP] asks a running gateway. The
// first two ask by the gateway's own code.
//
// The owner's rules come first: what they forbid is not asked, even where an
// answer is kept from before the rule, and comes out as an outcome with the
// reason in Excluded.
//
// Answers are kept in a [Store], keyed by their content: what was asked, of
// what, and which occurrence of it. A run that was killed, or one whose dataset
// was reordered, relabelled or extended, asks only what is missing; a changed
// variant, configuration or policy changes [Asker.Identity] and is asked again.
// A failure is kept for people to read, and asked again by the next run.
package collect
