package calibrate

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/pointsman-ai/pointsman"
	"github.com/pointsman-ai/pointsman/internal/collect"
	"github.com/pointsman-ai/pointsman/internal/dataset"
	"github.com/pointsman-ai/pointsman/internal/score"
)

// row is one example with every tier's judged answer.
type row struct {
	key     string
	example *dataset.Example
	request pointsman.Signals
	tiers   []outcome
}

// outcome is one tier's judged answer, as it is cached.
type outcome struct {
	Key        string            `json:"key"`
	Request    pointsman.Signals `json:"request"`
	Signals    pointsman.Signals `json:"signals"`
	Reading    pointsman.Reading `json:"reading"`
	Text       string            `json:"text"`
	Cost       pointsman.Cost    `json:"cost"`
	Failed     bool              `json:"failed,omitempty"`
	Detail     string            `json:"detail,omitempty"`
	Acceptable bool              `json:"-"`
	skipped    string
}

// measure asks every tier for every example. An example whose answer cannot be
// judged is skipped, and the reason counted.
func measure(ctx context.Context, o Options, r *Report) ([]row, error) {
	scorer, err := score.For(o.Task.Kind, score.Options{})
	if err != nil {
		return nil, err
	}
	m := &measurer{options: o, report: r, scorer: scorer, cached: map[string]outcome{}}
	if err := m.open(); err != nil {
		return nil, err
	}
	rows, err := m.all(ctx)
	return rows, errors.Join(err, m.close())
}

type measurer struct {
	options Options
	report  *Report
	scorer  score.Scorer
	file    *os.File

	mu     sync.Mutex
	cached map[string]outcome
}

// open reads the cache. What does not read as a line is asked again.
func (m *measurer) open() error {
	if m.options.Cache == "" {
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(m.options.Cache), 0o700); err != nil {
		return err
	}
	f, err := os.OpenFile(m.options.Cache, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return fmt.Errorf("open the cache of answers: %w", err)
	}
	m.file = f
	reader, end := bufio.NewReaderSize(f, 1<<16), int64(0)
	for {
		line, err := reader.ReadBytes('\n')
		if errors.Is(err, io.EOF) {
			break // a half-written last line, if any, is cut off below
		}
		if err != nil {
			return fmt.Errorf("read the cache of answers: %w", err)
		}
		end += int64(len(line))
		var one outcome
		if json.Unmarshal(line, &one) == nil && one.Key != "" {
			m.cached[one.Key] = one
		}
	}
	if err := f.Truncate(end); err != nil {
		return err
	}
	_, err = f.Seek(end, io.SeekStart)
	return err
}

func (m *measurer) close() error {
	if m.file == nil {
		return nil
	}
	return m.file.Close()
}

// all measures all examples, a bounded number at once.
func (m *measurer) all(ctx context.Context) ([]row, error) {
	o := m.options
	rows := make([]row, len(o.Examples))
	o.Progress.Start("ask the tiers", len(o.Examples)*len(o.Task.Tiers))
	defer o.Progress.Done()
	group, asking := errgroup.WithContext(ctx)
	group.SetLimit(max(o.Workers, 1))
	m.report.Cost = pointsman.KnownCost(0)
	for i := range o.Examples {
		if asking.Err() != nil {
			break
		}
		group.Go(func() error {
			var err error
			rows[i], err = m.one(asking, &o.Examples[i])
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	return m.usable(rows), nil
}

// usable leaves out what could not be judged, and examples that stand in the
// data twice: each counts once.
func (m *measurer) usable(rows []row) []row {
	seen := make(map[string]bool, len(rows))
	out := rows[:0]
	for _, one := range rows {
		why := ""
		for _, tier := range one.tiers {
			if why == "" {
				why = tier.skipped
			}
		}
		if why == "" && seen[one.key] {
			why = "the same example again"
		}
		seen[one.key] = true
		if why != "" {
			m.report.Skipped[why]++
			continue
		}
		out = append(out, one)
	}
	return out
}

// one measures one example.
func (m *measurer) one(ctx context.Context, e *dataset.Example) (row, error) {
	t := m.options.Task
	digest := e.Digest()
	out := row{key: digest.Hex(), example: e}
	variants := t.Variants()
	request, err := collect.Request(t.ID, e)
	if err != nil {
		return out, err
	}
	for i := range t.Tiers {
		key := pointsman.DigestOf([]byte(variants[i] + digest)).Hex()
		m.mu.Lock()
		result, hit := m.cached[key]
		m.mu.Unlock()
		if !hit {
			measured, err := t.Measure(ctx, m.options.Now, request, t.Tiers[i].ID)
			if err != nil {
				return out, err
			}
			a := measured.Attempt
			result = outcome{
				Key: key, Request: measured.Request, Signals: a.Signals, Reading: a.Reading, Text: measured.Text, Cost: a.Cost,
				Failed: a.Cause == pointsman.CauseError || a.Cause == pointsman.CauseTimeout, Detail: a.Detail,
			}
			if a.Witness != nil {
				result.Cost = result.Cost.Add(a.Witness.Cost)
			}
			if err := m.write(result); err != nil {
				return out, err
			}
		}
		m.count(result, hit)
		m.judge(e, &result)
		if i == 0 {
			out.request = result.Request
		}
		out.tiers = append(out.tiers, result)
		m.options.Progress.Add(1)
	}
	return out, nil
}

// judge scores an answer. A failed one is not acceptable; that is known.
func (m *measurer) judge(e *dataset.Example, result *outcome) {
	if result.Failed {
		return
	}
	s := m.scorer.Score(e, result.Text, result.Reading)
	result.Acceptable, result.skipped = s.Acceptable, s.Skipped
}

// write appends a result to the cache. A failure is not kept: it is asked
// again.
func (m *measurer) write(result outcome) error {
	if m.file == nil || result.Failed {
		return nil
	}
	line, err := json.Marshal(result)
	if err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, err := m.file.Write(append(line, '\n')); err != nil {
		return fmt.Errorf("write the cache of answers: %w", err)
	}
	return nil
}

func (m *measurer) count(result outcome, hit bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if hit {
		m.report.Reused++
		return
	}
	m.report.Cost = m.report.Cost.Add(result.Cost)
	if result.Failed && strings.TrimSpace(result.Detail) != "" {
		m.options.Progress.Note("a tier failed: " + result.Detail)
	}
}
