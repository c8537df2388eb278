package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/pointsman-ai/pointsman/internal/journal"
	"github.com/pointsman-ai/pointsman/internal/ledger"
)

// child runs the command line in a process of its own: this test binary, told
// by an environment variable to be pointsman.
const childVariable = "POINTSMAN_TEST_CHILD"

func TestMain(m *testing.M) {
	if os.Getenv(childVariable) != "" {
		main()
		return
	}
	testscript.Main(m, map[string]func(){"pointsman": main})
}

// TestScripts runs the command lines in testdata.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{Dir: "testdata", RequireExplicitExec: true, RequireUniqueNames: true})
}

// process is a pointsman serve in a process of its own.
type process struct {
	*exec.Cmd
	url    string
	admin  string
	log    *bytes.Buffer
	stdout io.ReadCloser
}

func startServer(t *testing.T, dir string, args ...string) *process {
	t.Helper()
	return startWith(t, dir, func(*exec.Cmd) {}, args...)
}

// startWith starts a server after a last change to its command.
func startWith(t *testing.T, dir string, change func(*exec.Cmd), args ...string) *process {
	t.Helper()
	s := &process{log: &bytes.Buffer{}}
	s.Cmd = exec.Command(os.Args[0], append([]string{"serve", "--config", filepath.Join(dir, "pointsman.yaml"), "--listen", "127.0.0.1:0"}, args...)...)
	s.Env = append(os.Environ(), childVariable+"=1")
	s.Stderr = s.log
	change(s.Cmd)
	var err error
	if s.stdout, err = s.StdoutPipe(); err != nil {
		t.Fatal(err)
	}
	if err := s.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		s.Process.Kill() //nolint:errcheck // it may be gone
		s.Wait()         //nolint:errcheck // it may have been waited for
	})
	if file, ok := s.Stderr.(*os.File); ok {
		file.Close() //nolint:errcheck // the child has its own
	}
	out := bufio.NewReader(s.stdout)
	s.url, s.admin = s.address(t, out, "listening on "), s.address(t, out, "administration on ")
	return s
}

// address reads where the server says that it listens.
func (s *process) address(t *testing.T, out *bufio.Reader, prefix string) string {
	t.Helper()
	line, err := out.ReadString('\n')
	url, ok := strings.CutPrefix(strings.TrimSpace(line), prefix)
	if !ok {
		t.Fatalf("%q, %v\n%s", line, err, s.log)
	}
	return url
}

// end asks the server to end and waits until it has, with exit code 0.
func (s *process) end(t *testing.T) {
	t.Helper()
	http.DefaultClient.CloseIdleConnections()
	if err := s.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := s.Wait(); err != nil {
		t.Fatalf("%v\n%s", err, s.log)
	}
}

// setUp makes a directory with a configuration and two trained students.
func setUp(t *testing.T, more string) string {
	t.Helper()
	dir := t.TempDir()
	var train strings.Builder
	for i := range 30 {
		fmt.Fprintf(&train, "{\"input\":\"where is my parcel number %d it has not come\",\"label\":\"parcel\"}\n", i)
		fmt.Fprintf(&train, "{\"input\":\"please refund the money for order %d\",\"label\":\"refund\"}\n", i)
	}
	write(t, dir, "train.jsonl", train.String())
	for _, size := range []string{"small", "large"} {
		must(t, "student", "train", "--quiet", "--data", filepath.Join(dir, "train.jsonl"), "--size", size, "--out", filepath.Join(dir, size+".student"))
	}
	write(t, dir, "pointsman.yaml", `version: 1
upstreams:
  local: {type: embedded, location: edge, region: on_premises}
models:
  small: {upstream: local, artefact: "file:./small.student", price: {input: 0.02, output: 0.02}}
  large: {upstream: local, artefact: "file:./large.student", price: {input: 0.20, output: 0.20}}
tasks:
  support:
    kind: classify
    contract: {labels: [parcel, refund]}
    tiers:
      - {name: small, model: small}
      - {name: large, model: large}
    record: full
    rules:
      - {name: high-stakes, when: 'metadata["stakes"] == "high"', pin: large}
    probes:
      - {name: high, input: "hello", metadata: {stakes: high}, expect: {tier: large, cause: pinned, rule: high-stakes}}
`+more)
	return dir
}

func write(t *testing.T, dir, name, content string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

// must runs a command line in process and returns what it printed.
func must(t *testing.T, args ...string) string {
	t.Helper()
	var out, err bytes.Buffer
	if code := run(context.Background(), args, streams{in: strings.NewReader(""), out: &out, err: &err}); code != exitOK {
		t.Fatalf("pointsman %s: exit %d\n%s%s", strings.Join(args, " "), code, out.String(), err.String())
	}
	return out.String()
}

// Every answer that a client has received whole is on record after kill -9,
// under concurrent load, plain and streamed, and the journal goes on afterwards.
func TestKillUnderLoadLosesNothing(t *testing.T) {
	dir := setUp(t, "")
	acknowledged := map[string]bool{}
	for round := range 3 {
		s := startServer(t, dir)
		var mu sync.Mutex
		var clients sync.WaitGroup
		received := 0
		enough := make(chan struct{})
		for client := range 8 {
			clients.Go(func() {
				for i := 0; ; i++ {
					id, ok := askOnce(s.url, (client+i)%2 == 0)
					if !ok {
						return // the server is dead
					}
					mu.Lock()
					acknowledged[id] = true
					if received++; received == 400 {
						close(enough)
					}
					mu.Unlock()
				}
			})
		}
		select {
		case <-enough:
		case <-time.After(time.Minute):
			t.Fatalf("round %d: only %d answers in a minute\n%s", round, received, s.log)
		}
		if err := s.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		clients.Wait()
		s.Wait() //nolint:errcheck // killed
	}
	startServer(t, dir) // opens the journal once more, and mends a torn tail
	for entry, err := range journal.Read(filepath.Join(dir, "data", "journal"), journal.Position{}) {
		if err != nil {
			t.Fatal(err)
		}
		if entry.Kind == journal.KindDecision {
			d, _, err := entry.Decision()
			if err != nil {
				t.Fatal(err)
			}
			delete(acknowledged, string(d.ID))
		}
	}
	if len(acknowledged) > 0 {
		t.Errorf("%d answers that clients have received are not on record", len(acknowledged))
	}
	config := filepath.Join(dir, "pointsman.yaml")
	must(t, "audit", "verify", "--quiet", "--config", config)
	var replay ledger.ReplayReport
	if err := json.Unmarshal([]byte(must(t, "audit", "replay", "--quiet", "--json", "--config", config)), &replay); err != nil {
		t.Fatal(err)
	}
	if replay.Decisions < 1200 || replay.Agree != replay.Decisions {
		t.Errorf("replay: %+v", replay)
	}
}

// askOnce sends one request and returns the decision's id once the whole answer
// is there.
func askOnce(url string, streamed bool) (id string, ok bool) {
	body := fmt.Sprintf(`{"model":"support","stream":%v,"messages":[{"role":"user","content":"where is my parcel"}]}`, streamed)
	r, err := http.Post(url+"/v1/chat/completions", "application/json", strings.NewReader(body))
	if err != nil {
		return "", false
	}
	defer r.Body.Close()
	content, err := io.ReadAll(r.Body)
	if err != nil || r.StatusCode != http.StatusOK {
		return "", false
	}
	if streamed && !bytes.HasSuffix(content, []byte("data: [DONE]\n\n")) {
		return "", false
	}
	return r.Header.Get("X-Pointsman-Decision"), true
}
