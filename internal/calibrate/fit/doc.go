// Package fit fits policies: from examples whose answers were judged at
// every tier it learns a calibrated confidence, picks the loosest threshold
// that it can prove, and writes the proof into the policy as a certificate.
// What it fits is applied by package policy; the statistics are those of
// package stat.
//
// # The two parts
//
// The observations are split by a keyed hash of their conversation into a fit
// part and a certify part. No conversation is in both, the split depends on
// the content and the seed and not on the order, and adding observations does
// not move those that were there. Everything that is learned or chosen (the
// features, weights, penalties, calibration maps, the ranking score, the grid
// of thresholds) comes from the fit part. The certify part is used once: to
// test the thresholds of that grid.
//
// # The promise
//
// An example is harmed at a stage where its answer is accepted, is not
// acceptable, and the largest tier's would have been. The cascade can only be
// worse than the largest tier through harm, so
//
//	quality of the cascade ≥ quality of the largest − P(harm)
//
// and P(harm) ≤ ε = (1−ρ)·L, with L a lower confidence bound on the largest
// tier's quality, gives quality of the cascade ≥ ρ × quality of the largest.
// Taking ε = 1−ρ instead breaks the promise wherever the largest tier is often
// wrong. Quality here is the share of acceptable answers.
//
// The test is fixed-sequence testing (Maurer, Hothorn and Lehmacher 1995; as a
// way to control risk: Angelopoulos et al., "Learn then Test", 2021, section
// 5): the grid runs from the strictest threshold to the loosest, each is
// tested by a Clopper-Pearson upper bound on P(harm) at the full level, and
// the first failure ends the sequence. The chance that any threshold which
// breaks the bound passes is at most that level, however fine the grid.
//
// The error δ is shared: δ/10 for L, 9δ/10 for the tests, because L is a bound
// on a large share that is cheap to have and the tests are what costs traffic.
// With several stages, ε and the tests' δ are shared equally among them (the
// union bound over harms and over errors). At every stage all examples count
// as reaching it: under stakes, failures and broken contracts more requests do
// than in the plain cascade, and the promise must hold for them.
//
// An unknown counts against the promise on both sides: where the largest tier
// failed to answer, it counts as not acceptable for L and as acceptable for
// harm.
//
// A direct paired test of quality − ρ × largest would let gains (examples that
// only the small model gets right) pay for harms and so accept more. The
// promise is about harm on purpose: whoever is answered worse than before is
// not consoled by somebody who is answered better. And the harm of an example
// is 0 or 1, so the exact binomial bound applies, without asymptotics.
//
// Clopper-Pearson needs independent examples. Those of one conversation are
// not, so the certify part keeps one of each conversation, chosen by the hash;
// the report says how many were left out. The promise is about such a draw.
//
// # Slices
//
// Each slice is tested by itself, with its own L and ε, over the same grid up
// to the threshold of the whole. The promises of the slices hold together with
// probability 1−δ: by Bonferroni each has δ/m of m slices, which unlike Holm
// gives every claim its own level, fixed in advance. They are a second promise
// beside that of the whole, not part of its δ. A slice that passes has its own
// threshold; one that is too small inherits the threshold of the whole and
// says that it is not certified; one whose harm at the threshold of the whole
// is significantly above what the promise allows (the lower bound of its harm
// above the upper bound of (1−ρ) × the largest tier's quality) accepts
// nothing.
//
// # Ranking
//
// Two raw scores can order the answers: the uplift P(only the largest right) −
// P(only this right), and 1 − P(acceptable). The uplift is what one wants to
// know, but its heads learn from the rarer event. Both are measured by
// cross-validation on the fit part; the one with the larger area under quality
// against the share of escalated requests (APGR, but also defined without a
// gap) is taken, the uplift at a tie. Neither wins everywhere: on RouteLLM's
// MMLU, with three request signals and 1,000 fit examples, the mean
// cross-validated APGR over 200 splits was 0.573 by the uplift and 0.576 by the
// other (TestThePromiseOnRealAnswers). Either is mapped to a calibrated uplift,
// so that the rule "stakes × uplift ≤ threshold" reads the same.
//
// # Learned signals
//
// A signal may itself be a prediction, of a student that was trained on the
// same observations. The caller must then pass predictions that are
// cross-fitted for the observations that the student was trained on: each made
// by a student that did not see that example's conversation. In-sample
// predictions look better than they will be, the heads trust them too much,
// and no later step can mend that; the certificate stays valid only if the
// student saw nothing of the certify part. [Options.InFitPart] tells which part a
// conversation falls into, so that a student can be trained on the fit part
// alone, with cross-fitting inside it.
//
// Fitting is deterministic for the same observations, options and
// architecture. A policy, once written, decides alike on all of them.
package fit
