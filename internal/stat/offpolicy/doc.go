// Package offpolicy says from recorded decisions what another policy would have
// been worth: the mean reward of requests, had the target policy acted on them.
//
// It takes randomised records. Each names the probability of every action under the
// policy that was at work (its propensities), and the weight of a record is the
// target's probability of the action that was taken, divided by its propensity.
// There are three estimators:
//
//   - IPS, the mean of weight × reward (Horvitz and Thompson 1952, Journal of the
//     American Statistical Association 47:663). Unbiased.
//   - SNIPS, the same divided by the mean weight (Swaminathan and Joachims 2015,
//     The self-normalized estimator for counterfactual learning, equation 3).
//     Its bias vanishes as 1/n; it varies less where weights do.
//   - DR, doubly robust: the predicted reward of what the target does, plus the
//     weighted error of the prediction for what was done (Dudík, Langford and Li
//     2011, Doubly robust policy evaluation and learning, equation 2). Since
//     propensities are known it is unbiased whatever the predictions, and it is
//     narrow where they are good. Predictions that the caller has none of are
//     the mean rewards of each action, fitted on other folds of clusters.
//
// Intervals are of sums over independent clusters, by the linearised (sandwich)
// variance, with Student's quantile at the degrees of freedom of Satterthwaite's
// approximation, (Σz²)²/Σz⁴, which falls where few heavy clusters carry the
// sum. Two imagined units with the largest weight and the largest error are added to
// the variance, as Agresti and Coull (1998, The American Statistician 52:119) add
// trials to a binomial: without them an explored action that happened to succeed
// every time would be known for certain. These intervals are approximate; the
// tests and bench/routing measure their coverage.
//
// Bounded is the interval of IPS by the empirical Bernstein inequality (Maurer and
// Pontil 2009, theorem 4), which is valid for every sample size where the range of
// rewards is given, and wide.
//
// Nothing is said without support. Where the target would take an action that had
// propensity 0, or too few records bear on it, the answer is a [Refusal].
package offpolicy
