// Package dataset holds examples: what is asked, what is expected, and where
// it came from. It reads and writes them as JSON Lines, strictly; imports
// tables; names examples and sets by their content; and
// finds what is in two sets at once.
//
// A file holds one [Example] a line, as is or compressed by gzip. A member
// that is not known, a member that is there twice, a value of the wrong type and
// a line that was cut off are errors with file and line. Blank lines are
// skipped. A line has at most [MaxLine] bytes, so that memory is bounded
// whatever is read.
package dataset
