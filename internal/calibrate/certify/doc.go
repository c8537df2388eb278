// Package certify tests promises about a cascade: scores of fresh requests go
// in, a verdict comes out. It does no input or output and knows nothing of how
// scores came to be, so that calibration, reports and a watch on drift can all
// use it.
//
// # The two promises
//
// For a request, let c be the score of the answer that the cascade gives and l
// that of the largest tier's, both in [0,1] (1 and 0 where answers are right or
// wrong), and let ρ be the share to keep.
//
//   - Quality: E[c] ≥ ρ·E[l]. Requests that the cascade answers better pay for
//     those that it answers worse.
//   - Harm: P(the given answer is wrong | the largest tier's is right) ≤ 1 − ρ.
//     Nothing pays for a harm.
//
// Both say that a margin has a mean of at least 0: c − ρ·l for quality, and
// (1−ρ)·r − h for harm, where r is 1 where the largest tier is right and h is 1
// where in addition the given answer is wrong. Either margin lies in [−ρ, 1].
// Where the largest tier gave no answer, its score is taken at the end of
// [0,1] that is worse for the promise.
//
// # The units
//
// What is independent is the unit: a request that stands alone, or all requests
// of one conversation, document or user. The promise is about requests, so the
// test is about the sum of the margins in a unit. Its mean over units is at
// least 0 exactly where the mean over requests is, each unit counted with its
// length. A test on one request of each unit would promise something about
// another population.
//
// # The tests
//
// Where every unit is one request, harm is a binomial count among the requests
// that the largest tier has right, given how many those are, and its upper
// Clopper-Pearson bound is exact.
//
// Everything else is tested by betting (Waudby-Smith and Ramdas, "Estimating
// means of bounded random variables by betting", JRSS B 2024, section 4). With
// sums s of units that have at most m requests, so that s ≥ −ρm, and a bet λ in
// [0, 1/m), the wealth
//
//	K_t = Π (1 + λ·s_i)  over the first t units
//
// is a non-negative supermartingale wherever the mean of s is at most 0, so that
// by Ville's inequality it ever reaches 1/δ with probability at most δ. The
// promise is shown as soon as it does. The bet is fixed in advance: it depends on
// the number of units, and on how much sums vary in other examples, those that
// the policy was fitted on.
//
// Where a judge has judged all answers and people a sample, each drawn with a
// known probability, the margins are corrected so that their mean is that by
// people, whatever the judge is worth, and tested in the same way; see
// [MethodPowered].
//
// Candidates are tested in a fixed sequence, from strict to loose, each at the
// full level, until the first that fails; where it begins is chosen on the other
// examples (Maurer, Hothorn and
// Lehmacher 1995; Angelopoulos et al., "Learn then Test", 2021, section 5): the
// chance that any candidate that breaks the promise passes is at most δ, however
// many there are.
package certify
