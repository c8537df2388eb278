package collect

import (
	"bytes"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pointsman-ai/pointsman"
)

func FuzzDecodeRow(f *testing.F) {
	line, err := encodeRow(&Row{Key: "sha256:" + "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef", Target: "t", Result: Result{Text: "yes", Reading: pointsman.Reading{Valid: true, Label: "yes"}}})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(bytes.TrimSuffix(line, []byte("\n")))
	f.Add([]byte(`{"sum":"00000000","row":{}}`))
	f.Add([]byte(`{"key":"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef","text":"yes","cost":5}`))
	f.Fuzz(func(t *testing.T, line []byte) {
		row, err := decodeRow(line)
		if err != nil {
			return
		}
		again, err := encodeRow(row)
		if err != nil {
			t.Fatal(err)
		}
		back, err := decodeRow(bytes.TrimSuffix(again, []byte("\n")))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(row, back); diff != "" {
			t.Error(diff)
		}
	})
}
