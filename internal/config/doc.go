// Package config reads the one file that says what pointsman does.
//
// The file is YAML and is read strictly: an unknown key, a wrong type, a value
// out of bounds or a reference to nothing is a [Problem] with its line, its
// column and what to do about it, and all problems of a file are reported at once.
// What is not written has the default that its block names; a
// zero is a value like any other and never means "unset".
//
// The way of a file is: bytes → a bounded tree of nodes with positions (no
// aliases, no merge keys left) → typed values ([Config]) → files that it names
// are read in → meaning is checked → root types ([Config.ResolveTasks]). Secrets take
// no part in it: a [Secret] holds where the secret is to be found and looks
// there only when it is used.
//
// [Config.Snapshot] is the whole configuration as canonical JSON without
// secrets, and [FromSnapshot] reads it back, so that a decision can be replayed
// under the configuration that it was made with.
package config
