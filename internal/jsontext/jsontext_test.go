package jsontext_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/pointsman-ai/pointsman/internal/jsontext"
)

func FuzzAppend(f *testing.F) {
	for _, seed := range []string{"", "plain", "\"\\\b\f\n\r\t\x00\x1f\x7f", "<a href='x'>&</a>", "\u2028\u2029 é 日本 \U0001F600", "\xff\xc3(", strings.Repeat("a", 100)} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, s string) {
		want, err := json.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		if got := jsontext.AppendEscaped(nil, s); string(got) != string(want) {
			t.Errorf("AppendEscaped(%q) = %s, want %s", s, got, want)
		}
		var back string
		if err := json.Unmarshal(jsontext.AppendString([]byte("x"), s)[1:], &back); err != nil || back != strings.ToValidUTF8(s, "\uFFFD") && strings.ToValidUTF8(s, "") == s {
			t.Errorf("AppendString(%q) is read as %q, %v", s, back, err)
		}
	})
}
