// Package sqlite is the index of the decision log in one SQLite file: what
// lists, look-ups and summaries read, while the records themselves stay in the
// journal's segments.
//
// The file is derived and never the only copy of anything. A file of another
// schema, of another journal or with damage in it is deleted and built anew from
// the segments, and the log says so. That is why it is written with few flushes
// to the disk.
//
// One connection writes and two read, each with a small page cache, so that the
// index costs a server a few megabytes whatever it holds.
package sqlite
