package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// Lines as go test -json writes them.
const (
	good = `{"Action":"start","Package":"x"}
{"Action":"run","Package":"x","Test":"TestA"}
{"Action":"output","Package":"x","Test":"TestA","Output":"=== RUN   TestA\n"}
{"Action":"pass","Package":"x","Test":"TestA","Elapsed":0}
{"Action":"run","Package":"x","Test":"TestS"}
{"Action":"output","Package":"x","Test":"TestS","Output":"    s_test.go:1: NOT TESTED: no disk\n"}
{"Action":"skip","Package":"x","Test":"TestS","Elapsed":0}
{"Action":"output","Package":"x","Output":"PASS\n"}
{"Action":"output","Package":"x","Output":"ok  \tx\t0.1s\n"}
{"Action":"pass","Package":"x","Elapsed":0.1}
`
	again = `{"Action":"pass","Package":"x","Test":"TestS","Elapsed":0}
{"Action":"pass","Package":"x","Test":"TestA","Elapsed":0}
`
	bad = `{"Action":"output","Package":"y","Test":"TestB","Output":"    b_test.go:1: wrong\n"}
{"Action":"fail","Package":"y","Test":"TestB","Elapsed":0}
{"Action":"output","Package":"y","Output":"FAIL\n"}
{"Action":"fail","Package":"y","Elapsed":0.1}
`
	panicked = `{"Action":"output","Package":"z","Test":"TestC","Output":"panic: at the disco\n"}
{"Action":"output","Package":"z","Output":"FAIL\tz\t0.1s\n"}
{"Action":"fail","Package":"z","Elapsed":0.1}
`
	broken = `{"ImportPath":"w","Action":"build-output","Output":"w.go:1: undefined: v\n"}
{"ImportPath":"w","Action":"build-fail"}
{"Action":"fail","Package":"w","Elapsed":0,"FailedBuild":"w"}
`
)

func TestRun(t *testing.T) {
	for _, c := range []struct {
		name, in, out string
		fails         bool
	}{
		{"good", good, "    s_test.go:1: NOT TESTED: no disk\nok  \tx\t0.1s\n", false},
		{"a failure", good + bad, "    b_test.go:1: wrong\nFAIL\n", true},
		{"a panic", panicked, "panic: at the disco\n", true},
		{"no build", broken, "w.go:1: undefined: v\n", true},
		{"not of go test", "go: no such module\n" + good, "go: no such module\n", false},
	} {
		var out bytes.Buffer
		err := command([]string{"run", filepath.Join(t.TempDir(), "record")}, strings.NewReader(c.in), &out, time.Now)
		if (err != nil) != c.fails || !strings.Contains(out.String(), c.out) || strings.Contains(out.String(), "RUN") {
			t.Errorf("%s: %v\n%s", c.name, err, out.String())
		}
	}
}

func TestTotal(t *testing.T) {
	record := filepath.Join(t.TempDir(), "record")
	at := time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)
	now := func() time.Time { return at }
	var out bytes.Buffer
	do := func(want bool, in string, args ...string) {
		t.Helper()
		if err := command(append(args, record), strings.NewReader(in), &out, now); (err == nil) != want {
			t.Fatalf("%v: %v", args, err)
		}
	}
	do(true, "", "begin")
	do(false, "", "total") // nothing ran
	do(true, good, "run")
	do(true, again, "run")
	do(false, bad, "run")
	at = at.Add(83 * time.Second)
	out.Reset()
	do(true, "", "total")
	if out.String() != "3 tests ran in 1m23s\ntests: 2 passed, 1 failed, 0 skipped\n" {
		t.Errorf("%q", out.String())
	}
	do(true, "", "begin")
	if content, err := os.ReadFile(record); err != nil || strings.Count(string(content), "\n") != 1 {
		t.Errorf("begin left %q, %v", content, err)
	}
}
