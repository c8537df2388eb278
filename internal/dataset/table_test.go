package dataset

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pointsman-ai/pointsman"
	"github.com/pointsman-ai/pointsman/internal/testenv"
)

func collect(content string, t Table) ([]Example, error) {
	var out []Example
	for e, err := range ImportFrom(strings.NewReader(content), "table", t) {
		if err != nil {
			return out, err
		}
		out = append(out, e)
	}
	return out, nil
}

var (
	byNumber = Table{Format: FormatTSV, Columns: map[string]string{"label": "1", "input": "2"}}
	byName   = Table{Format: FormatCSV, Header: true, Columns: map[string]string{
		"input": "query", "label": "label", "id": "id", "metadata.source": "from", "fields.total": "sum",
	}}
)

func TestImport(t *testing.T) {
	got, err := collect("alarm\tsay \"wake up\"\tmore\r\n\nmusic\tplay\n", byNumber)
	if err != nil {
		t.Fatal(err)
	}
	want := []Example{{Input: "say \"wake up\"", Label: "alarm"}, {Input: "play", Label: "music"}}
	for i := range want {
		want[i].ID = want[i].Digest().Short()
	}
	if diff := cmp.Diff(want, got, unplaced); diff != "" {
		t.Error(diff)
	}

	got, err = collect("\xef\xbb\xbfid,query,label,from,sum,left\n1,\"Q: gold, up\nA:\",up,web,3.50,x\n2,b,,,,\n", byName)
	if err != nil {
		t.Fatal(err)
	}
	want = []Example{
		{ID: "1", Input: "Q: gold, up\nA:", Label: "up", Metadata: map[string]string{"source": "web"}, Fields: map[string]string{"total": "3.50"}},
		{ID: "2", Input: "b"},
	}
	if diff := cmp.Diff(want, got, unplaced); diff != "" {
		t.Error(diff)
	}
}

func TestImportErrors(t *testing.T) {
	cases := map[string]struct {
		content    string
		table      Table
		want, hint string
	}{
		"empty":        {"", byNumber, "table:1: the table is empty", ""},
		"no column":    {"a,query\n", byName, `table:1: the table has no column "`, "known: a, query"},
		"misspelt":     {"id,qeury,label,from,sum\n", byName, `no column "query"`, `did you mean "qeury"?`},
		"number":       {"a\n", byNumber, `no column "2"`, "number from 1"},
		"member":       {"a,b\n", Table{Format: FormatCSV, Columns: map[string]string{"input": "1", "lable": "2"}}, `the member "lable"`, `did you mean "label"?`},
		"no input":     {"a,b\n", Table{Format: FormatCSV, Columns: map[string]string{"label": "2"}}, "which column is asked", ""},
		"format":       {"a", Table{Columns: map[string]string{"input": "1"}}, "no such form", "csv or tsv"},
		"short row":    {"a\tb\nc\n", byNumber, "table:2: the row has 1 columns", ""},
		"nothing":      {"a\t\n", byNumber, "table:1: the example asks nothing", ""},
		"bad quote":    {"id,query,label,from,sum\n1,\"a\" b,,,\n", byName, "table:2: column", "quote"},
		"open quote":   {"id,query,label,from,sum\n1,\"" + strings.Repeat("x", 2*MaxLine), byName, "longer than 8388608", "not closed"},
		"not UTF-8":    {"a\t\xff\n", byNumber, "table:1: column 2 is not UTF-8", "UTF-8"},
		"ragged":       {"id,query,label,from,sum\n1,a\n", byName, "table:2:", ""},
		"long TSV row": {strings.Repeat("x", MaxLine+1), byNumber, "table:1: the line is longer", ""},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			_, err := collect(c.content, c.table)
			if err == nil || pointsman.CodeOf(err) != pointsman.CodeInvalid {
				t.Fatalf("error %v", err)
			}
			e := func() *pointsman.Error {
				target := &pointsman.Error{}
				_ = errors.As(err, &target)
				return target
			}()
			if !strings.Contains(e.Message, c.want) || !strings.Contains(e.Hint, c.hint) {
				t.Errorf("message %q, hint %q", e.Message, e.Hint)
			}
		})
	}
}

func TestFormatOf(t *testing.T) {
	for name, want := range map[string]Format{"a.csv": FormatCSV, "a.CSV.gz": FormatCSV, "a.tsv.gz": FormatTSV, "a.json": ""} {
		if got, err := FormatOf(name); got != want || (err != nil) != (want == "") {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
}

func FuzzImport(f *testing.F) {
	f.Add("label\tinput\n", false)
	f.Add("a,\"b\n\"\"c\"\n", true)
	f.Fuzz(func(t *testing.T, content string, quoted bool) {
		table := byNumber
		if quoted {
			table.Format = FormatCSV
		}
		got, err := collect(content, table)
		for _, e := range got {
			if err := e.Check(); err != nil {
				t.Fatal(err)
			}
		}
		if err == nil && len(got) == 0 {
			t.Fatal("an empty table is an error")
		}
	})
}

func TestRealTables(t *testing.T) {
	sets := map[string][]Example{}
	for name, n := range map[string]int{"train": 8954, "valid": 1076, "test": 1076} {
		for e, err := range Import(testenv.Data(t, "hwu64", "HWU64_"+name+".tsv.gz"), byNumber) {
			if err != nil {
				t.Fatal(err)
			}
			sets[name] = append(sets[name], e)
		}
		if len(sets[name]) != n {
			t.Errorf("%s has %d examples", name, len(sets[name]))
		}
	}
	t.Logf("HWU64: %d texts stand in more than one of train, valid and test", len(CheckDisjoint(sets)))
	n := 0
	headlines := Table{Format: FormatCSV, Columns: map[string]string{"input": "1", "label": "2", "id": "3"}}
	for e, err := range Import(testenv.Data(t, "frugalgpt_headlines", "test.csv.gz"), headlines) {
		if err != nil {
			t.Fatal(err)
		}
		if n++; !strings.HasPrefix(e.Input, "Q: ") || e.Label == "" || e.ID == "" {
			t.Fatalf("%+v", e)
		}
	}
	if n != 5000 {
		t.Errorf("%d headlines", n)
	}
}
