// Package eval asks variants a dataset and says, with intervals, how they did.
//
// [Run] puts every example to every target by package collect, which keeps the
// answers in results.jsonl in the run's directory, and makes a [Report]: scores
// with intervals, slices, costs, latencies and paired comparisons. A run that
// was stopped asks only what is missing when it is started again. Scores are
// not kept but computed anew from the answers, so a corrected label or a
// changed scorer costs nothing.
//
// An example without an answer is a failure with its reason: it is counted and
// shown, never scored, and asked again by the next run of the same directory.
// Memory grows with the number of examples by a few dozen bytes for each
// target; texts are never held.
//
// Where later work goes: stress (perturbed inputs) is a sequence of examples
// that is made from another one and grouped with it, given as [Plan.Examples];
// judges are scorers ([score.Scorer]) that were asked beforehand; repeated
// sampling is an example that is in the sequence several times, because each
// occurrence is asked by itself. None of them needs another engine.
package eval
