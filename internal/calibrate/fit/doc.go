// Package fit fits policies: from examples whose answers were judged at
// every tier it learns a calibrated confidence, picks the loosest thresholds
// that it can prove, and writes the proof into the policy as a certificate.
// What it fits is applied by package policy; the tests are those of package
// certify, other statistics those of package stat.
//
// # The parts
//
// The observations are divided into a fit part and a certify part
// ([Options.Partition]). Everything that is learned or chosen (the features,
// weights, penalties, calibration maps, the ranking score, the path of
// thresholds, the bets of the tests, the support, and which slices and patterns
// are tested) comes from the fit part. The certify part is used once: to test
// the thresholds of that path.
//
// # Who is served
//
// The promise is about requests, as they come.
//
//   - A unit is a conversation, or a request that stands alone. All requests of
//     a unit are certified, and a unit is one draw, however long it is.
//   - Examples that repeat one another count as often as they are there. Those
//     that ask nearly the same are in one part together, so that nothing leaks;
//     what makes up much of the traffic by itself is never fitted on, and each
//     of its occurrences is drawn to certify by itself.
//   - Combinations of missing signals (patterns) of which the fit part has
//     enough are certified each by itself and share δ, so that the promise holds
//     whichever of them is more frequent later. All others accept nothing.
//   - Requests of a form that the fit part has too little of (support) go to the
//     largest tier: before anything is asked.
//   - Examples that have certified before are fitted on and certify no more.
//
// # The promise
//
// The target names one of two promises, quality or harm, and package certify
// says what each is and how it is tested: directly, on the outcome of the whole
// cascade, with no share of δ for a bound on the largest tier's quality and none
// for each stage. The candidates form one path: the same quantile of every
// stage's uplift, strictest first. Where there are several patterns, a single
// stage has a threshold for each, and several stages have the strictest of
// theirs.
//
// # Slices
//
// Each slice of which the fit part has enough is tested by itself along the same
// path, up to the threshold of the whole. The promises of the slices hold
// together with probability 1−δ: by Bonferroni each has δ/m of m slices, which
// unlike Holm gives every claim its own level, fixed in advance. They are a
// second promise beside that of the whole, not part of its δ. A slice has the
// threshold that it has earned, and one that has earned none accepts nothing; so
// does a slice that nobody has seen.
//
// A slice's threshold may take back what the threshold of the whole accepts. For
// harm that can only help. For quality it could take away a gain that pays for a
// loss elsewhere, so that where a request is in a slice, gains do not count in
// the test of the whole (certify.Case.Capped).
//
// # Learning
//
// A scorer has three logistic heads: that this answer is acceptable, that only the
// largest tier's is, and that only this one is. Signals come in groups, by what
// measures them, and the weights of a group share a normal prior whose variance
// the fit part itself makes most probable: a group without information spends
// nothing, so that a dozen idle signals do no harm even with 150 labels. Choosing
// groups by forward selection with the one-standard-error rule was tried first; on
// MMLU-Pro with 150 labels it kept .13 of the traffic where the evidence's prior
// keeps .24, since one standard error of so few labels hides groups that help.
// The report says what each group adds.
//
// From 2,000 rows on, trees may correct a head: as many as cross-validation on the
// fit part shows to help by more than one standard error, which may be none. A
// signal that speaks for an answer wherever it is higher (a witness's agreement, a
// probability) is bound to do so in every tree.
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
// so that a threshold reads the same.
//
// # The grey zone
//
// Where signals are those of witnesses, a stage has a scorer for each number of
// witnesses that have been asked. Where it is sure, the next one is not asked: its
// grey zone is chosen on the fit part, so that each decision that the witness
// changes is worth one request to the largest tier, against the witness's price,
// for the thresholds that are likely to be certified. Wherever the thresholds then
// come to lie, the uplift of a request is one number, of the scorer that decided,
// and the promise is tested on that.
//
// A witness may stop answering, and those in its grey zone then go to the largest
// tier. For harm that can only help. For quality the gains among them may have paid
// for losses elsewhere, so a candidate must also pass the test of the cascade
// without them; both tests have all of δ, since a candidate must pass both (Berger
// 1982, on intersection-union tests).
//
// # Learned signals
//
// A signal may itself be a prediction, of a student that was trained on the
// same observations. The caller must then pass predictions that are
// cross-fitted for the observations that the student was trained on: each made
// by a student that did not see that example's unit. In-sample predictions look
// better than they will be, the heads trust them too much, and no later step can
// mend that; the certificate stays valid only if the student saw nothing of the
// certify part. [Options.Partition] tells which part and fold an example falls
// into.
//
// Fitting is deterministic for the same observations, options and
// architecture. A policy, once written, decides alike on all of them.
package fit
