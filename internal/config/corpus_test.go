package config_test

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/pointsman-ai/pointsman/internal/config"
)

var update = flag.Bool("update", false, "write what is reported of the bad corpus, and the schema, anew")

// A bad file begins with what must be reported of it, one line a problem, and with
// what the JSON Schema makes of it:
//
//	# want: LINE:COLUMN: message | hint
//	# schema: rejects
//
// Lines are counted below these.
const (
	wantPrefix   = "# want: "
	schemaPrefix = "# schema: "
)

// splitCorpus takes the expectations off a file.
func splitCorpus(src []byte) (want []string, schema string, body []byte) {
	for {
		line, rest, ok := bytes.Cut(src, []byte("\n"))
		switch {
		case ok && bytes.HasPrefix(line, []byte(wantPrefix)):
			want = append(want, string(line[len(wantPrefix):]))
		case ok && bytes.HasPrefix(line, []byte(schemaPrefix)):
			schema = string(line[len(schemaPrefix):])
		default:
			return want, schema, src
		}
		src = rest
	}
}

func TestBadCorpus(t *testing.T) {
	schema := compileSchema(t)
	files := glob(t, "testdata/bad/*.yaml")
	if len(files) < 70 {
		t.Errorf("%d bad configurations, want at least 70", len(files))
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".yaml"), func(t *testing.T) {
			want, wantSchema, body := splitCorpus(read(t, file))
			c, err := config.Parse("x.yaml", body, filepath.Dir(file))
			var problems config.Problems
			if !errors.As(err, &problems) || !errors.Is(err, config.ErrInvalid) || c != nil {
				t.Fatalf("accepted, or not Problems: %v", err)
			}
			var got []string
			for _, p := range problems {
				got = append(got, fmt.Sprintf("%d:%d: %s | %s", p.Line, p.Column, p.Message, p.Hint))
			}
			gotSchema := verdict(schema, body)
			if *update {
				head := ""
				for _, g := range got {
					head += wantPrefix + g + "\n"
				}
				write(t, file, append([]byte(head+schemaPrefix+gotSchema+"\n"), body...))
				return
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Error(diff)
			}
			if gotSchema != wantSchema {
				t.Errorf("the schema %s it, want %s", gotSchema, wantSchema)
			}
			for _, secret := range []string{"hunter2", "sk-proj", "sk-live", "12345678"} {
				if strings.Contains(strings.ReplaceAll(err.Error(), "value", ""), secret) {
					t.Errorf("a secret is shown:\n%v", err)
				}
			}
		})
	}
}

func TestGoodCorpus(t *testing.T) {
	schema := compileSchema(t)
	for _, file := range glob(t, "testdata/good/*.yaml") {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".yaml"), func(t *testing.T) {
			c, err := config.Load(file)
			if err != nil {
				t.Fatalf("\n%v", err)
			}
			if got := verdict(schema, read(t, file)); got != "accepts" {
				t.Errorf("the schema %s it", got)
			}
			snapshot, digest := c.Snapshot()
			back, err := config.FromSnapshot(snapshot)
			if err != nil {
				t.Fatalf("snapshot:\n%v\n%s", err, snapshot)
			}
			again, same := back.Snapshot()
			if same != digest {
				t.Errorf("the snapshot of the snapshot differs:\n%s", cmp.Diff(string(snapshot), string(again)))
			}
			if diff := cmp.Diff(c.ResolveTasks(), back.ResolveTasks()); diff != "" {
				t.Errorf("the tasks of the snapshot differ:\n%s", diff)
			}
			if err := schema.Validate(decodeJSON(t, snapshot)); err != nil {
				t.Errorf("the schema rejects the snapshot: %v", err)
			}
		})
	}
}

func compileSchema(t *testing.T) *jsonschema.Schema {
	t.Helper()
	compiler := jsonschema.NewCompiler()
	if err := compiler.AddResource(config.SchemaID, decodeJSON(t, config.Schema())); err != nil {
		t.Fatal(err)
	}
	schema, err := compiler.Compile(config.SchemaID)
	if err != nil {
		t.Fatal(err)
	}
	return schema
}

// verdict is what the schema makes of a file.
func verdict(schema *jsonschema.Schema, src []byte) string {
	text, ok := config.ToJSON(src)
	if !ok {
		return "cannot read"
	}
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		return "cannot read"
	}
	if schema.Validate(value) != nil {
		return "rejects"
	}
	return "accepts"
}

func decodeJSON(t *testing.T, text []byte) any {
	t.Helper()
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	return value
}

// The schema that editors are given is the one that is in the tree.
func TestSchemaIsFresh(t *testing.T) {
	const file = "testdata/schema/pointsman.schema.json"
	if *update {
		write(t, file, config.Schema())
	}
	if diff := cmp.Diff(string(read(t, file)), string(config.Schema())); diff != "" {
		t.Errorf("%s is stale; go test ./internal/config -update\n%s", file, diff)
	}
}

func glob(t *testing.T, pattern string) []string {
	t.Helper()
	files, err := filepath.Glob(pattern)
	if err != nil || len(files) == 0 {
		t.Fatalf("%s: %v, %d files", pattern, err, len(files))
	}
	return files
}

var readFile = os.ReadFile

func read(t *testing.T, file string) []byte {
	t.Helper()
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return content
}

func write(t *testing.T, file string, content []byte) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, content, 0o644); err != nil {
		t.Fatal(err)
	}
}
