//go:build race

package fit_test

// raceEnabled says that the race detector runs, which makes simulations ten
// times as slow and tells nothing new in the later draws.
const raceEnabled = true
