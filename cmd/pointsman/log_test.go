//go:build unix

package main

import (
	"bufio"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// deadUpstream makes every direct request fail with an error that is logged:
// nothing listens there.
const deadUpstream = `  dead: {type: openai, location: edge, region: house, base_url: "http://127.0.0.1:1/v1", timeout: 1s}` + "\n"

// startLogging is a server whose log goes into a pipe that the test holds.
func startLogging(t *testing.T) (s *process, log *os.File) {
	t.Helper()
	dir := setUp(t, "")
	content, err := os.ReadFile(filepath.Join(dir, "pointsman.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	write(t, dir, "pointsman.yaml", strings.Replace(string(content), "upstreams:\n", "upstreams:\n"+deadUpstream, 1))
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close() })
	return startWith(t, dir, func(c *exec.Cmd) { c.Stderr = w }, "--log-level", "debug"), r
}

// ask sends requests that are logged, and one that is answered, each in its
// time.
func ask(t *testing.T, s *process, failures int) {
	t.Helper()
	client := &http.Client{Timeout: 10 * time.Second}
	defer client.CloseIdleConnections()
	send := func(body string, want int) {
		r, err := client.Post(s.url+"/v1/chat/completions", "application/json", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		r.Body.Close() //nolint:errcheck // its status is enough
		if r.StatusCode != want {
			t.Fatalf("%s, want %d", r.Status, want)
		}
	}
	for range failures {
		send(`{"model":"dead/x","messages":[{"role":"user","content":"hello"}]}`, 502)
	}
	send(parcelRequest, 200)
}

// Whoever takes the log and stops reading holds no request up, and learns what
// was missed once it reads again.
func TestALogThatNobodyReads(t *testing.T) {
	s, log := startLogging(t)
	const failures = 6000 // some 2 MB of log: the pipe and the queue hold less
	ask(t, s, failures)
	notices := make(chan string, 1)
	go func() {
		lines := bufio.NewScanner(log)
		for lines.Scan() {
			if strings.Contains(lines.Text(), "log lines were dropped") {
				notices <- lines.Text()
				break
			}
		}
		for lines.Scan() { // on to the end, so that the process may write
		}
	}()
	eventually(t, "the log names what it has lost", func() bool {
		ask(t, s, 1)
		return len(notices) > 0
	})
	s.end(t)
}

// A reader of the log and of what it prints that is gone does not take the
// process with it.
func TestALogWhoseReaderIsGone(t *testing.T) {
	s, log := startLogging(t)
	log.Close()      //nolint:errcheck // its end is what counts
	s.stdout.Close() //nolint:errcheck // likewise
	ask(t, s, 50)
	s.end(t)
}
