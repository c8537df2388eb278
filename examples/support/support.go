// Package support is the sample workload: the messages of a fictional support
// desk, written for this project, with a configuration to route them. It is what
// pointsman demo runs.
package support

import "embed"

// Files are the configuration (pointsman.yaml), the labels (labels.txt) and the
// messages as JSON Lines: messages/train.jsonl teaches the models,
// messages/calibrate.jsonl calibrates the policy, messages/test.jsonl is what
// nothing has seen. No message is in two of them.
//
//go:embed pointsman.yaml labels.txt messages/*.jsonl
var Files embed.FS
