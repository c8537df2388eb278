// Package drift watches a mean in sequence and says when it has risen above what
// is allowed, at any time and however long it was well before: the harm of
// audited answers, the share of requests that escalate.
//
// It is mathematics: it knows numbers between 0 and 1, not requests. Nothing here
// is random, and equal values give equal states on every architecture.
package drift
