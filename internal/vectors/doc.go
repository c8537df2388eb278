// Package vectors is a table of word vectors as an artefact: words in order of
// frequency, each with a vector of one signed byte a dimension and a scale. It
// reads what such tables are published as ([ReadText], [ReadWink],
// [ReadQuantised]), and averages the words of a text to one vector.
//
// A text's vector is the mean by smooth inverse frequency: a word of
// probability p weighs a/(a + p) (Arora, Liang, Ma 2017, "A Simple but
// Tough-to-Beat Baseline for Sentence Embeddings", equation 3). Tables publish
// no probabilities; they are taken from a word's rank r by the law of Zipf and
// Mandelbrot, p ∝ 1/(r + 2.7). The paper's second step, which takes the common
// component out of all vectors, needs the texts and is left to whoever has them.
//
// Everything is computed without fused multiplications and in a fixed order, so
// that a text has the same vector on every processor.
package vectors
