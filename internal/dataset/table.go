package dataset

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"iter"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/pointsman-ai/pointsman/internal/jsonl"
	"github.com/pointsman-ai/pointsman/internal/suggest"
)

// Format is the form of a table.
type Format string

// The forms of a table.
const (
	FormatCSV Format = "csv" // RFC 4180: commas, quotes
	FormatTSV Format = "tsv" // tabs between columns, nothing quoted or escaped
)

// Table says how a table becomes examples.
type Table struct {
	Format Format
	// Header says that the first row names the columns.
	Header bool
	// Columns says from which column a member is taken: its name in the header
	// or, counted from 1, its number. The members are id, input, label,
	// reference, want, group, principal, and fields.NAME and metadata.NAME for
	// any NAME. Columns that are not mentioned are left out; an empty cell
	// leaves its member unset. Without it, each column of the header is the
	// member of its own name, and none is left out.
	Columns map[string]string
}

// FormatOf guesses the form of a table from its file's name.
func FormatOf(path string) (Format, error) {
	name := strings.ToLower(strings.TrimSuffix(path, ".gz"))
	switch {
	case strings.HasSuffix(name, ".csv"):
		return FormatCSV, nil
	case strings.HasSuffix(name, ".tsv"), strings.HasSuffix(name, ".tab"):
		return FormatTSV, nil
	}
	return "", invalid("say which: csv or tsv", "the name of %s does not say what form of table it is", path)
}

// Import reads the examples of a table, as [Read] reads JSON Lines.
func Import(path string, t Table) iter.Seq2[Example, error] {
	return func(yield func(Example, error) bool) {
		file, err := os.Open(path)
		if err != nil {
			yield(Example{}, missing(path, err))
			return
		}
		defer file.Close()
		for e, err := range ImportFrom(file, path, t) {
			if !yield(e, err) {
				return
			}
		}
	}
}

// ImportFrom reads the examples of a table from a stream, once; name stands
// for the file in errors. What begins like gzip is decompressed.
func ImportFrom(r io.Reader, name string, t Table) iter.Seq2[Example, error] {
	return func(yield func(Example, error) bool) {
		fail := func(line int, err error) { yield(Example{}, at(name, line, err)) }
		plain, err := unzip(r)
		if err != nil {
			fail(1, broken(err))
			return
		}
		rows, err := t.rows(plain)
		if err != nil {
			fail(1, err)
			return
		}
		var plan []source
		width := 0 // of the header
		for {
			row, line, err := rows()
			if errors.Is(err, io.EOF) {
				if plan == nil {
					fail(1, invalid("", "the table is empty"))
				}
				return
			}
			if err != nil {
				fail(line, err)
				return
			}
			first := plan == nil
			if first {
				if plan, err = t.sources(row); err != nil {
					fail(line, err)
					return
				}
			}
			if first && t.Header {
				width = len(row)
				continue
			}
			if t.Header && len(row) != width {
				fail(line, invalid("", "the row has %d columns, the first one %d", len(row), width))
				return
			}
			e, err := build(plan, row)
			if err != nil {
				fail(line, err)
				return
			}
			e.Line = line
			if !yield(e, nil) {
				return
			}
		}
	}
}

// source is a member and the column that it is taken from.
type source struct {
	member string
	column int
}

var tableMembers = []string{"id", "input", "label", "reference", "want", "group", "principal", "fields.NAME", "metadata.NAME"}

// isTableMember says whether a column can become that member.
func isTableMember(member string) bool {
	kind, name, nested := strings.Cut(member, ".")
	return !nested && slices.Contains(tableMembers, member) || nested && name != "" && (kind == "fields" || kind == "metadata")
}

// named are the columns of a header that names members.
func named(header []string) (map[string]string, error) {
	columns := make(map[string]string, len(header))
	for i, name := range header {
		if !isTableMember(name) {
			hint := "rename it, take it out, or say which columns are meant: --columns input=NAME,label=NAME"
			if near := suggest.Nearest(name, tableMembers); near != "" {
				hint = fmt.Sprintf("did you mean %q? Otherwise %s", near, hint)
			}
			return nil, invalid(hint, "the column %q is no member of an example (known: %s)", name, strings.Join(tableMembers, ", "))
		}
		if _, twice := columns[name]; twice {
			return nil, invalid("name each column once", "the column %q is there twice", name)
		}
		columns[name] = strconv.Itoa(i + 1)
	}
	if columns["input"] == "" {
		return nil, invalid("name the column that is asked \"input\", or say which it is: --columns input=NAME", "the table has no column \"input\"")
	}
	return columns, nil
}

// sources finds the columns in the first row.
func (t Table) sources(first []string) ([]source, error) {
	out := []source{}
	if t.Header {
		for i, name := range first {
			first[i] = strings.TrimSpace(name)
		}
	}
	if t.Columns == nil && t.Header {
		var err error
		if t.Columns, err = named(first); err != nil {
			return nil, err
		}
		t.Header = false // the columns are numbered now
	}
	for _, member := range slices.Sorted(maps.Keys(t.Columns)) {
		if !isTableMember(member) {
			return nil, invalid(didYouMean(member, tableMembers), "the mapping names the member %q", member)
		}
		column := t.Columns[member]
		at := -1
		if t.Header {
			at = slices.Index(first, column)
		}
		if at < 0 {
			n, err := strconv.Atoi(column)
			switch {
			case err == nil && n >= 1 && n <= len(first):
				at = n - 1
			case t.Header:
				return nil, invalid(didYouMean(column, first), "the table has no column %q", column)
			default:
				return nil, invalid("without a header, columns are named by their number from 1", "the table has %d columns, and no column %q", len(first), column)
			}
		}
		out = append(out, source{member, at})
	}
	if t.Columns["input"] == "" {
		return nil, invalid("map the member \"input\" to a column", "the mapping does not say which column is asked")
	}
	return out, nil
}

// build makes an example of a row.
func build(plan []source, row []string) (Example, error) {
	var e Example
	for _, s := range plan {
		if s.column >= len(row) {
			return e, invalid("", "the row has %d columns, and no column %d", len(row), s.column+1)
		}
		cell := row[s.column]
		if cell == "" {
			continue
		}
		if !utf8.ValidString(cell) {
			return e, invalid("save the file as UTF-8", "column %d is not UTF-8", s.column+1)
		}
		switch kind, name, _ := strings.Cut(s.member, "."); kind {
		case "id":
			e.ID = cell
		case "input":
			e.Input = cell
		case "label":
			e.Label = cell
		case "reference":
			e.Reference = cell
		case "want":
			e.Want = []byte(cell)
		case "group":
			e.Group = cell
		case "principal":
			e.Principal = cell
		case "fields":
			e.Fields = with(e.Fields, name, cell)
		case "metadata":
			e.Metadata = with(e.Metadata, name, cell)
		}
	}
	if err := e.Check(); err != nil {
		return e, err
	}
	e.identify()
	return e, nil
}

func with(m map[string]string, key, value string) map[string]string {
	if m == nil {
		m = make(map[string]string)
	}
	m[key] = value
	return m
}

// rows is a function that gives one row after the other with its line.
func (t Table) rows(r io.Reader) (func() ([]string, int, error), error) {
	switch t.Format {
	case FormatTSV:
		lines := jsonl.NewReader(r, MaxLine)
		return func() ([]string, int, error) {
			for {
				line, err := lines.Next()
				if errors.Is(err, io.EOF) {
					return nil, lines.Number(), err
				}
				if err != nil {
					return nil, lines.Number(), unreadable(err)
				}
				if text := strings.TrimSuffix(string(line.Data), "\r"); text != "" {
					return strings.Split(text, "\t"), line.Number, nil
				}
			}
		}, nil
	case FormatCSV:
		bounded := &boundedReader{r: r}
		reader := csv.NewReader(bounded)
		last := 0
		return func() ([]string, int, error) {
			bounded.left = MaxLine
			row, err := reader.Read()
			if wrong, ok := errors.AsType[*csv.ParseError](err); ok && errors.Is(err, csv.ErrFieldCount) {
				return nil, wrong.Line, invalid("quote cells that hold a comma", "the row has %d columns, the first one %d", len(row), reader.FieldsPerRecord)
			} else if ok {
				return nil, wrong.Line, invalid("a quote within a quoted cell is written twice", "column %d: %v", wrong.Column, wrong.Err)
			}
			if err != nil { // there is no row to ask for its line
				return nil, last + 1, err
			}
			last, _ = reader.FieldPos(0)
			return row, last, nil
		}, nil
	}
	return nil, invalid("say csv or tsv", "no such form of table: %q", t.Format)
}

// boundedReader ends a row that has no end: an open quote would otherwise read
// the rest of the file into one cell.
type boundedReader struct {
	r    io.Reader
	left int
}

func (b *boundedReader) Read(p []byte) (int, error) {
	if b.left <= 0 {
		return 0, invalid("look for a quote that is not closed", "a row is longer than %d bytes", MaxLine)
	}
	n, err := b.r.Read(p)
	b.left -= n
	if err != nil && !errors.Is(err, io.EOF) {
		err = broken(err)
	}
	return n, err
}
