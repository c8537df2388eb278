// Package eval asks variants a dataset and says, with intervals, how they did.
//
// [Run] sends every example to every [Target] through an [Asker], with bounded
// concurrency, and makes a [Report]: scores with intervals, slices, costs,
// latencies and paired comparisons. Each answer is first appended to
// results.jsonl in the run's directory. There it is keyed by its content: what
// was asked, of what, and how many times before. A run that was killed, or one
// whose dataset was reordered, relabelled or extended, asks only what is
// missing; a changed variant, configuration or policy changes
// [Asker.Identity], and is asked again. Scores are not kept but computed anew
// from the answers, so a corrected label or a changed scorer costs nothing.
//
// An example that could not be asked is a failure with its reason: it is
// counted and shown, never scored, and asked again by the next run of the same
// directory. Memory grows with the number of examples by a few dozen bytes for
// each target; texts are never held.
//
// Where later work goes: stress (perturbed inputs) is a sequence of examples
// that is made from another one and grouped with it, given as [Plan.Examples];
// judges are scorers ([score.Scorer]) that were asked beforehand; repeated
// sampling is an example that stands several times in the sequence, because
// each occurrence is asked by itself. None of them needs another engine.
package eval
