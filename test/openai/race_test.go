//go:build race

package openai_test

// raceEnabled says that the server is to be built with the race detector too.
const raceEnabled = true
