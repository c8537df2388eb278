package ledger

import (
	"context"
	"errors"
	"iter"
	"time"

	"github.com/pointsman-ai/pointsman"
	"github.com/pointsman-ai/pointsman/internal/journal"
)

// Reader reads what is on record. It works beside a running server. It is safe
// for concurrent use.
type Reader struct {
	// Journal is the journal's directory.
	Journal string
	// Index finds decisions. It may be nil for what reads the whole journal:
	// entries, exports, harvests and replays.
	Index Index
}

// Found is a decision as it was written, with its row and the place of its
// texts, nil where there are none.
type Found struct {
	Row      Row
	Decision *pointsman.Decision
	Texts    *journal.Ref
}

// Find reads the record of the decision with an id or the beginning of one.
func (r *Reader) Find(ctx context.Context, id string) (*Found, error) {
	row, err := r.Index.Get(ctx, id)
	if err != nil {
		return nil, err
	}
	e, err := journal.ReadAt(r.Journal, row.Locator)
	if errors.Is(err, journal.ErrExpired) {
		return nil, NotFound(id)
	}
	if err != nil {
		return nil, err
	}
	d, texts, err := e.Decision()
	if err != nil {
		return nil, err
	}
	return &Found{Row: row, Decision: d, Texts: texts}, nil
}

// Outcomes reads the outcomes of a decision, oldest first.
func (r *Reader) Outcomes(ctx context.Context, id pointsman.DecisionID) ([]pointsman.Outcome, error) {
	locators, err := r.Index.Outcomes(ctx, id)
	if err != nil {
		return nil, err
	}
	return entries(r, locators, (*journal.Entry).Outcome)
}

// entries reads what stands at some places of the journal. What retention has
// deleted is left out.
func entries[T any](r *Reader, at []journal.Locator, decode func(*journal.Entry) (*T, error)) ([]T, error) {
	out := []T{}
	for _, l := range at {
		e, err := journal.ReadAt(r.Journal, l)
		if errors.Is(err, journal.ErrExpired) {
			continue
		}
		if err != nil {
			return nil, err
		}
		one, err := decode(&e)
		if err != nil {
			return nil, err
		}
		out = append(out, *one)
	}
	return out, nil
}

// Record is a whole decision with what belongs to it.
type Record struct {
	Decision *pointsman.Decision `json:"decision"`
	Outcomes []pointsman.Outcome `json:"outcomes"`
	// Audit is what the largest tier said to the same request; nil where it was
	// not asked.
	Audit   *pointsman.Audit `json:"audit,omitempty"`
	Payload *journal.Payload `json:"payload"`
	// NoPayload says why there is none.
	NoPayload string `json:"no_payload,omitempty"`
}

// Record reads the decision with an id or the beginning of one, its texts and
// its outcomes.
func (r *Reader) Record(ctx context.Context, id string) (*Record, error) {
	found, err := r.Find(ctx, id)
	if err != nil {
		return nil, err
	}
	record := &Record{Decision: found.Decision, NoPayload: "the task records none"}
	if record.Outcomes, err = r.Outcomes(ctx, found.Decision.ID); err != nil {
		return nil, err
	}
	audits, err := r.Audits(ctx, AuditFilter{Decision: found.Decision.ID})
	if err != nil {
		return nil, err
	}
	if len(audits) > 0 {
		record.Audit = &audits[0]
	}
	if found.Texts != nil {
		record.NoPayload = ""
		if record.Payload, err = journal.ReadPayload(r.Journal, *found.Texts); err != nil {
			record.NoPayload = err.Error()
		}
	}
	return record, nil
}

// List is a page of decisions with what all that the filter selects come to.
type List struct {
	Total  int     `json:"total"`
	Rows   []Row   `json:"rows"`
	Next   Cursor  `json:"next,omitempty"`
	Groups []Group `json:"groups"`
}

// List lists the decisions that a filter selects, newest first.
func (r *Reader) List(ctx context.Context, f Filter, limit int, after Cursor) (*List, error) {
	page, err := r.Index.List(ctx, f, limit, after)
	if err != nil {
		return nil, err
	}
	list := &List{Rows: page.Rows, Next: page.Next}
	if list.Total, err = r.Index.Count(ctx, f); err != nil {
		return nil, err
	}
	if list.Groups, err = r.Index.Summary(ctx, f); err != nil {
		return nil, err
	}
	if list.Rows == nil {
		list.Rows = []Row{}
	}
	if list.Groups == nil {
		list.Groups = []Group{}
	}
	return list, nil
}

// Entries reads everything in the journal, oldest first. It ends after an
// error, which is the context's where that has ended.
func (r *Reader) Entries(ctx context.Context) iter.Seq2[journal.Entry, error] {
	return func(yield func(journal.Entry, error) bool) {
		for entry, err := range journal.Read(r.Journal, journal.Position{}) {
			if err == nil {
				err = ctx.Err()
			}
			if !yield(entry, err) || err != nil {
				return
			}
		}
	}
}

// Decisions reads the decisions in the journal, oldest first, with the places
// of their texts. It ends after an error.
func (r *Reader) Decisions(ctx context.Context) iter.Seq2[Found, error] {
	return func(yield func(Found, error) bool) {
		for entry, err := range r.Entries(ctx) {
			if err == nil && entry.Kind != journal.KindDecision {
				continue
			}
			var one Found
			if err == nil {
				one.Decision, one.Texts, err = entry.Decision()
			}
			if !yield(one, err) || err != nil {
				return
			}
		}
	}
}

// Line is one line of an export: the name of a kind, and the record under it.
type Line struct {
	Type     string              `json:"type"`
	Decision *pointsman.Decision `json:"decision,omitempty"`
	Outcome  *pointsman.Outcome  `json:"outcome,omitempty"`
	Audit    *pointsman.Audit    `json:"audit,omitempty"`
	Gap      *journal.Gap        `json:"gap,omitempty"`
	Payload  *journal.Payload    `json:"payload,omitempty"`
	// NoPayload says why the texts are not there though they were asked for.
	NoPayload string `json:"no_payload,omitempty"`
}

// ExportOptions say what to export.
type ExportOptions struct {
	// Since and Until bound the time of what is exported where they are not
	// zero: Since ≤ time < Until.
	Since, Until time.Time
	// Payloads asks for the texts, as far as they are on record.
	Payloads bool
}

// Export reads decisions, outcomes, audits and gaps, oldest first, in bounded memory.
// It ends after an error.
func (r *Reader) Export(ctx context.Context, o ExportOptions) iter.Seq2[*Line, error] {
	return func(yield func(*Line, error) bool) {
		for entry, err := range r.Entries(ctx) {
			var line *Line
			var at time.Time
			if err == nil {
				line, at, err = r.line(&entry, o.Payloads)
			}
			if err != nil {
				yield(nil, err)
				return
			}
			if line == nil || !o.Since.IsZero() && at.Before(o.Since) || !o.Until.IsZero() && !at.Before(o.Until) {
				continue
			}
			if !yield(line, nil) {
				return
			}
		}
	}
}

// line is the line of an entry and its time; nil for entries of the journal's
// own housekeeping.
func (r *Reader) line(entry *journal.Entry, payloads bool) (*Line, time.Time, error) {
	switch entry.Kind {
	case journal.KindDecision:
		d, ref, err := entry.Decision()
		if err != nil {
			return nil, time.Time{}, err
		}
		line := &Line{Type: "decision", Decision: d}
		if payloads && ref != nil {
			if line.Payload, err = journal.ReadPayload(r.Journal, *ref); err != nil {
				line.NoPayload = err.Error()
			}
		}
		return line, d.Time, nil
	case journal.KindOutcome:
		o, err := entry.Outcome()
		if err != nil {
			return nil, time.Time{}, err
		}
		return &Line{Type: "outcome", Outcome: o}, o.Time, nil
	case journal.KindAudit:
		a, err := entry.Audit()
		if err != nil {
			return nil, time.Time{}, err
		}
		return &Line{Type: "audit", Audit: a}, a.Time, nil
	case journal.KindGap:
		gap, err := entry.Gap()
		if err != nil {
			return nil, time.Time{}, err
		}
		return &Line{Type: "gap", Gap: gap}, gap.From, nil
	case journal.KindExpired, journal.KindTorn:
	}
	return nil, time.Time{}, nil
}
