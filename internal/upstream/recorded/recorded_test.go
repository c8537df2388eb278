package recorded_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/pointsman-ai/pointsman"
	"github.com/pointsman-ai/pointsman/internal/dialect/chat"
	"github.com/pointsman-ai/pointsman/internal/upstream"
	"github.com/pointsman-ai/pointsman/internal/upstream/recorded"
	"github.com/pointsman-ai/pointsman/internal/upstream/upstreamtest"
)

func request(i int) []byte {
	return fmt.Appendf(nil, `{"model":"m","messages":[{"role":"user","content":"question %d"}]}`, i)
}

func call(i int) upstream.Call { return upstream.Call{Body: request(i), Model: "m"} }

// response is an answer as some vendor may have sent it, over several lines.
func response(i int) *pointsman.Answer {
	body := fmt.Sprintf("{\n  \"id\": \"r%d\", \"object\": \"chat.completion\",\r\n\t\"created\": 1, \"model\": \"m-2026\", \"choices\": [{\"index\": 0, "+
		"\"message\": {\"role\": \"assistant\", \"content\": \"answer\\n%d of several words\"}, \"finish_reason\": \"stop\", "+
		"\"logprobs\": {\"content\": [{\"token\": \"a\", \"logprob\": -0.10, \"top_logprobs\": []}]}}],\n"+
		"  \"usage\": {\"prompt_tokens\": 3, \"completion_tokens\": 2, \"total_tokens\": 5}}", i, i)
	a, err := chat.ParseAnswer([]byte(body))
	if err != nil {
		panic(err)
	}
	a.Latency, a.FirstToken = 300*time.Millisecond, 100*time.Millisecond
	return a
}

// record makes a recording of n answers.
func record(t testing.TB, n int, options ...recorded.WriterOption) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "test.pmrec")
	w, err := recorded.NewWriter(path, options...)
	if err != nil {
		t.Fatal(err)
	}
	for i := range n {
		if err := w.Put(request(i), response(i)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return path
}

func open(t testing.TB, path string, o recorded.Options) *recorded.Upstream {
	t.Helper()
	u, err := recorded.Open(path, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = u.Close() })
	return u
}

func TestConformance(t *testing.T) {
	path := record(t, 3)
	for name, pace := range map[string]recorded.Pace{"at once": recorded.PaceNone, "paced": recorded.PaceRecorded} {
		t.Run(name, func(t *testing.T) {
			upstreamtest.Run(t, func(t *testing.T) upstream.Upstream { return open(t, path, recorded.Options{Pace: pace}) }, call(1))
		})
	}
}

func TestAnswersAreAsTheyWere(t *testing.T) {
	path := record(t, 20, recorded.WithRequests())
	u := open(t, path, recorded.Options{})
	for i := range 20 {
		got, err := u.Complete(t.Context(), call(i))
		if err != nil {
			t.Fatal(err)
		}
		want := response(i)
		if diff := cmp.Diff(want, got, cmpopts.IgnoreFields(pointsman.Answer{}, "Body")); diff != "" {
			t.Error(diff)
		}
		if flat := strings.NewReplacer("\n", " ", "\r", " ").Replace(string(want.Body)); string(got.Body) != flat {
			t.Errorf("got %s\nwant %s", got.Body, flat)
		}
	}
	streaming := call(3)
	streaming.Body = []byte(`{"stream":true,"messages":[{"content":"question 3","role":"user"}],"model":"m"}`)
	if a, err := u.Complete(t.Context(), streaming); err != nil || !strings.Contains(a.Text, "3") {
		t.Errorf("%v: %+v", err, a)
	}
	if _, err := u.Complete(t.Context(), call(20)); !errors.Is(err, upstream.ErrNoRecording) || !strings.Contains(err.Error(), `model "m"`) {
		t.Errorf("not recorded: %v", err)
	}
	if _, err := u.Stream(t.Context(), call(20)); !errors.Is(err, upstream.ErrNoRecording) {
		t.Errorf("not recorded: %v", err)
	}
	if _, err := u.Complete(t.Context(), upstream.Call{Body: []byte("{")}); !errors.Is(err, upstream.ErrRejected) {
		t.Errorf("no request: %v", err)
	}
}

func TestPace(t *testing.T) {
	path := record(t, 1)
	synctest.Test(t, func(t *testing.T) {
		u := open(t, path, recorded.Options{Pace: recorded.PaceRecorded})
		begun := time.Now()
		if _, err := u.Complete(t.Context(), call(0)); err != nil || time.Since(begun) != 300*time.Millisecond {
			t.Errorf("%v after %v", err, time.Since(begun))
		}
		begun = time.Now()
		s, err := u.Stream(t.Context(), call(0))
		if err != nil {
			t.Fatal(err)
		}
		_, err = s.Next()
		if first := time.Since(begun); err != nil || first != 100*time.Millisecond {
			t.Errorf("%v: first event after %v", err, first)
		}
		for err == nil {
			_, err = s.Next()
		}
		if all := time.Since(begun).Round(time.Microsecond); !errors.Is(err, io.EOF) || all != 300*time.Millisecond {
			t.Errorf("%v: last event after %v", err, all)
		}
		late, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		defer cancel()
		begun = time.Now()
		if _, err := u.Complete(late, call(0)); !errors.Is(err, upstream.ErrTimeout) || time.Since(begun) != 50*time.Millisecond {
			t.Errorf("%v after %v", err, time.Since(begun))
		}
	})
}

func TestTheFirstOfTwoCounts(t *testing.T) {
	one, two := record(t, 2), record(t, 3)
	joined := filepath.Join(t.TempDir(), "joined.pmrec")
	a, b := read(t, one), read(t, two)
	write(t, joined, strings.ReplaceAll(a, "answer", "first")+b)
	u := open(t, joined, recorded.Options{})
	if got, err := u.Complete(t.Context(), call(1)); err != nil || !strings.HasPrefix(got.Text, "first") {
		t.Errorf("%v: %+v", err, got)
	}
	want := recorded.Report{Entries: 3, Duplicates: 2, Bytes: int64(len(read(t, joined)))}
	if got, err := recorded.Inspect(joined); err != nil || got != want || u.Report() != want {
		t.Errorf("%v: %+v", err, got)
	}
}

func read(t testing.TB, path string) string {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

func write(t testing.TB, path, content string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestBrokenRecordings(t *testing.T) {
	good := read(t, record(t, 3))
	lines := strings.SplitAfter(good, "\n")
	for _, c := range []struct{ name, content, message string }{
		{"cut in the middle", lines[0] + lines[1][:50] + "\n" + lines[2], "line 2"},
		{"empty line", lines[0] + "\n" + lines[1], "line 2"},
		{"a whole last line that is none", good + "oops\n", "line 4"},
		{"unknown member", strings.Replace(good, `"model":"m"`, `"modle":"m"`, 1), "line 1"},
		{"key", strings.Replace(good, "sha256:", "md5:", 1), "line 1"},
		{"latency", strings.Replace(good, `"latency_ns":300`, `"latency_ns":-300`, 1), "line 1"},
		{"first token", strings.Replace(good, `"first_token_ns":100`, `"first_token_ns":9900`, 1), "line 1"},
		{"two values", strings.Replace(good, "}\n", "}{}\n", 1), "line 1"},
		{"no response", `{"key":"sha256:` + strings.Repeat("0", 64) + `","model":"m"}` + "\n", "line 1: no response"},
		{"no answer", strings.Replace(good, `"choices"`, `"chioces"`, 1), "line 1: not the promised format"},
		{"another request", strings.Replace(read(t, record(t, 1, recorded.WithRequests())), "question 0", "question 9", 1), "line 1: the key is not that of the request"},
	} {
		t.Run(c.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "broken.pmrec")
			write(t, path, c.content)
			_, err := recorded.Open(path, recorded.Options{})
			if !errors.Is(err, recorded.ErrFormat) || !strings.Contains(err.Error(), c.message) {
				t.Errorf("open: %v", err)
			}
			if _, err := recorded.NewWriter(path); !errors.Is(err, recorded.ErrFormat) {
				t.Errorf("write: %v", err)
			}
			if read(t, path) != c.content {
				t.Error("the file was changed")
			}
		})
	}
	if _, err := recorded.Open(filepath.Join(t.TempDir(), "none"), recorded.Options{}); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("got %v", err)
	}
}

func TestTheFileIsNotTrusted(t *testing.T) {
	path := record(t, 2)
	u := open(t, path, recorded.Options{})
	write(t, path, strings.ReplaceAll(read(t, path), "sha256:", "sha256;"))
	if _, err := u.Complete(t.Context(), call(0)); !errors.Is(err, upstream.ErrMalformed) {
		t.Errorf("changed: %v", err)
	}
	write(t, path, "")
	if _, err := u.Complete(t.Context(), call(0)); !errors.Is(err, upstream.ErrUnavailable) {
		t.Errorf("emptied: %v", err)
	}
}

func TestMemoryIsBounded(t *testing.T) {
	const n = 8000
	path := record(t, n)
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	u := open(t, path, recorded.Options{})
	runtime.GC()
	runtime.ReadMemStats(&after)
	if each := (float64(after.HeapAlloc) - float64(before.HeapAlloc)) / n; each > 100 {
		t.Errorf("%.1f bytes an entry", each)
	}
	runtime.KeepAlive(u)
}

func BenchmarkComplete(b *testing.B) {
	u := open(b, record(b, 1000), recorded.Options{})
	c := call(500)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := u.Complete(b.Context(), c); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkNoRecording(b *testing.B) {
	u := open(b, record(b, 1000), recorded.Options{})
	c := upstream.Call{Body: bytes.Replace(request(1), []byte("question"), []byte("what"), 1)}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := u.Complete(b.Context(), c); !errors.Is(err, upstream.ErrNoRecording) {
			b.Fatal(err)
		}
	}
}
