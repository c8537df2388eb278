package main

import (
	"context"
	"iter"

	"github.com/pointsman-ai/pointsman"
	"github.com/pointsman-ai/pointsman/internal/config"
	"github.com/pointsman-ai/pointsman/internal/journal"
)

// onRecord is a decision with the place of its texts, nil where there are none.
type onRecord struct {
	*pointsman.Decision
	payload *journal.Ref
}

// decisions reads the decisions of a configuration's journal, oldest first. It
// ends after an error, which is the context's where that has ended.
func decisions(ctx context.Context, c *config.Config) iter.Seq2[onRecord, error] {
	return func(yield func(onRecord, error) bool) {
		for entry, err := range entries(ctx, c) {
			if err == nil && entry.Kind != journal.KindDecision {
				continue
			}
			var one onRecord
			if err == nil {
				one.Decision, one.payload, err = entry.Decision()
			}
			if !yield(one, err) || err != nil {
				return
			}
		}
	}
}

// entries reads everything on record, oldest first, and ends after an error.
func entries(ctx context.Context, c *config.Config) iter.Seq2[journal.Entry, error] {
	return func(yield func(journal.Entry, error) bool) {
		for entry, err := range journal.Read(c.Data().Journal(), journal.Position{}) {
			if err == nil {
				err = ctx.Err()
			}
			if !yield(entry, err) || err != nil {
				return
			}
		}
	}
}
