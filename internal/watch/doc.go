// Package watch compares the traffic of each task with what calibration saw under
// the policy in force: how much escalates, what is of an unsupported form, which
// answers break their contract or are improbable. It warns, and voids nothing.
//
// It follows the decisions of this process as they are finished and remembers
// nothing of them beyond it; warnings are kept in a file.
package watch
