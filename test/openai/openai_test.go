// Package openai_test runs OpenAI's own npm client, unchanged, against the
// built binary: `pointsman serve` as a user runs it, with a vendor behind it
// that speaks the wire format. What the client sees is tested by
// client.test.mjs; what is on record afterwards is tested here.
package openai_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"text/template"
	"time"

	"github.com/pointsman-ai/pointsman/internal/testenv"
)

// nodeMajor is the oldest Node.js that the client supports.
const nodeMajor = 22

// clientKey is a key that the second server knows.
const clientKey = "pk-client-test"

func TestOfficialClient(t *testing.T) {
	node := setUp(t)
	binary := build(t)
	vendor := &fake{}
	upstream := httptest.NewServer(vendor)
	t.Cleanup(upstream.Close)
	open := serve(t, binary, settings{Vendor: upstream.URL})
	keyed := serve(t, binary, settings{Vendor: upstream.URL, KeyHash: hash(clientKey)})

	c := exec.CommandContext(t.Context(), node, "--test", "--test-reporter=spec", "client.test.mjs")
	c.Env = append(os.Environ(), "POINTSMAN_URL="+open.url, "POINTSMAN_KEYED_URL="+keyed.url, "POINTSMAN_KEY="+clientKey)
	output, err := c.CombinedOutput()
	t.Logf("node --test:\n%s", output)
	if err != nil {
		t.Errorf("OpenAI's client: %v", err)
	}

	// A server that is asked to stop puts everything on record first, so the
	// log can be read to its end.
	open.stop(t)
	keyed.stop(t)
	if n := vendor.strangers.Load(); n != 0 {
		t.Errorf("%d calls reached the vendor without its key or with a model that it does not have", n)
	}
	const aborts = 4 // two streams in the middle, two requests before their first byte
	if got := vendor.left.Load(); got < aborts {
		t.Errorf("the vendor was left %d times, want at least %d: an abort must reach it", got, aborts)
	}
	list := audit(t, binary, open, "list", "--lifecycle", "aborted", "--limit", "1000")
	if list.Total != aborts {
		t.Errorf("%d decisions are aborted, want %d", list.Total, aborts)
	}
	for _, row := range list.Rows {
		if row.Cause != "client_aborted" || row.Status != 499 {
			t.Errorf("aborted decision %s has cause %q and status %d", row.ID, row.Cause, row.Status)
		}
	}
	if list := audit(t, binary, keyed, "list", "--lifecycle", "completed"); list.Total != 1 || list.Rows[0].Principal != "tester" {
		t.Errorf("the server with keys has %d completed decisions, want 1 of tester: %+v", list.Total, list.Rows)
	}
	run(t, binary, "--config", open.config, "audit", "verify")
	for _, s := range []*server{open, keyed} {
		if strings.Contains(s.log.String(), vendorKey) {
			t.Error("the vendor's key is in the log")
		}
		if onDisk(t, s.dir, vendorKey) || onDisk(t, s.dir, clientKey) {
			t.Errorf("a key lies in %s", s.dir)
		}
	}
}

// setUp finds Node.js, installs what package-lock.json names where that was not
// done, and says which node to run.
func setUp(t *testing.T) string {
	t.Helper()
	npm, err := exec.LookPath("npm")
	if err != nil {
		testenv.Missing(t, "%s is missing; make deps installs it on Debian, or says how", "npm")
	}
	own, err := exec.LookPath("node")
	if err != nil {
		testenv.Missing(t, "%s is missing; make deps installs it on Debian, or says how", "node")
	}
	arguments := []string{"ci"}
	if major(t, own) >= nodeMajor {
		arguments = append(arguments, "--omit=optional")
	} else {
		own = "" // too old: one comes with the packages
	}
	lock, err := os.ReadFile("package-lock.json")
	if err != nil {
		t.Fatal(err)
	}
	const stamp = "node_modules/.pointsman-installed"
	state := hash(string(lock)) + " " + strings.Join(arguments, " ")
	if have, err := os.ReadFile(stamp); err != nil || string(have) != state {
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
		defer cancel()
		if output, err := exec.CommandContext(ctx, npm, arguments...).CombinedOutput(); err != nil {
			t.Fatalf("npm %s: %v\n%s", strings.Join(arguments, " "), err, output)
		}
		if err := os.WriteFile(stamp, []byte(state), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if own != "" {
		return own
	}
	shipped := filepath.Join("node_modules", "node-linux-"+map[string]string{"amd64": "x64", "arm64": "arm64"}[runtime.GOARCH], "bin", "node")
	if _, err := os.Stat(shipped); err != nil {
		testenv.Missing(t, "%s is missing; make deps installs it on Debian, or says how", fmt.Sprintf("Node.js %d or newer", nodeMajor))
	}
	if shipped, err = filepath.Abs(shipped); err != nil {
		t.Fatal(err)
	}
	return shipped
}

// major is the first number of a node's version.
func major(t *testing.T, node string) int {
	t.Helper()
	output, err := exec.CommandContext(t.Context(), node, "--version").Output()
	if err != nil {
		t.Fatalf("node --version: %v", err)
	}
	first, _, _ := strings.Cut(strings.TrimPrefix(strings.TrimSpace(string(output)), "v"), ".")
	n, err := strconv.Atoi(first)
	if err != nil {
		t.Fatalf("node --version says %q", output)
	}
	return n
}

// build builds the binary, with the race detector where this test has it.
func build(t *testing.T) string {
	t.Helper()
	binary := filepath.Join(t.TempDir(), "pointsman")
	arguments := []string{"build", "-o", binary}
	if raceEnabled {
		arguments = append(arguments, "-race")
	}
	output, err := exec.CommandContext(t.Context(), "go", append(arguments, "../../cmd/pointsman")...).CombinedOutput()
	if err != nil {
		t.Fatalf("go build: %v\n%s", err, output)
	}
	return binary
}

// settings are what a server's configuration depends on.
type settings struct{ Vendor, KeyHash string }

var configuration = template.Must(template.New("").Parse(`version: 1
data_dir: data
server:
  drain_timeout: 20s
{{- if .KeyHash}}
  keys:
    - {name: tester, sha256: "{{.KeyHash}}"}
{{- end}}
upstreams:
  vendor:
    type: openai
    location: self_hosted
    base_url: "{{.Vendor}}/v1"
    api_key: ${POINTSMAN_TEST_VENDOR_KEY}
models:
  small: {upstream: vendor, name: vendor-small, price: {input: 0.1, output: 0.4}}
  large: {upstream: vendor, name: vendor-large, price: {input: 2.5, output: 10}}
tasks:
  chat:
    kind: open
    tiers:
      - {name: large, model: large}
  intent:
    kind: classify
    contract: {labels: [parcel, refund, other]}
    tiers:
      - {name: small, model: small}
      - {name: large, model: large}
  steady:
    kind: open
    tiers:
      - {name: large, model: large, timeout: 300ms}
`))

// server is a running pointsman.
type server struct {
	dir, config, url string
	log              *buffer
	cmd              *exec.Cmd
	ended            chan struct{} // closed once err says how the process ended
	err              error
	once             sync.Once
}

// serve starts a server and waits until it takes requests.
func serve(t *testing.T, binary string, with settings) *server {
	t.Helper()
	dir := t.TempDir()
	s := &server{dir: dir, config: filepath.Join(dir, "pointsman.yaml"), log: &buffer{}, ended: make(chan struct{})}
	var text bytes.Buffer
	if err := configuration.Execute(&text, with); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(s.config, text.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	run(t, binary, "--config", s.config, "check")
	ready := filepath.Join(dir, "ready")
	s.cmd = exec.Command(binary, "--config", s.config, "serve", "--listen", "127.0.0.1:0", "--ready-file", ready)
	s.cmd.Env = environment()
	s.cmd.Stdout, s.cmd.Stderr = s.log, s.log
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		s.err = s.cmd.Wait()
		close(s.ended)
	}()
	t.Cleanup(func() {
		s.end(s.kill)
		if t.Failed() {
			t.Logf("log of the server in %s:\n%s", dir, s.log)
		}
	})
	ticker := time.NewTicker(10 * time.Millisecond)
	defer ticker.Stop()
	patience := time.After(time.Minute)
	for {
		url, err := os.ReadFile(ready)
		if err == nil {
			s.url = strings.TrimSpace(string(url))
			return s
		}
		if !errors.Is(err, fs.ErrNotExist) {
			t.Fatal(err)
		}
		select {
		case <-ticker.C:
		case <-s.ended:
			t.Fatalf("pointsman serve ended before it was ready: %v\n%s", s.err, s.log)
		case <-patience:
			t.Fatalf("pointsman serve was not ready in a minute:\n%s", s.log)
		}
	}
}

// end runs how the server is ended, once.
func (s *server) end(how func()) { s.once.Do(how) }

// stop asks the server to end, which it must do well and in its time.
func (s *server) stop(t *testing.T) {
	t.Helper()
	s.end(func() {
		if err := s.cmd.Process.Signal(syscall.SIGTERM); err != nil {
			t.Errorf("stop the server: %v", err)
		}
		select {
		case <-s.ended:
			if s.err != nil {
				t.Errorf("the server ended badly after SIGTERM: %v", s.err)
			}
		case <-time.After(30 * time.Second):
			t.Error("the server did not end within 30 s of SIGTERM")
			s.kill()
		}
	})
}

// kill ends the server at once.
func (s *server) kill() {
	_ = s.cmd.Process.Kill() // it may have ended by itself
	<-s.ended
}

// row is what this test reads of a listed decision.
type row struct {
	ID        string `json:"id"`
	Cause     string `json:"cause"`
	Status    int    `json:"status"`
	Principal string `json:"principal"`
}

type page struct {
	Total int   `json:"total"`
	Rows  []row `json:"rows"`
}

// audit asks the decision log.
func audit(t *testing.T, binary string, s *server, arguments ...string) page {
	t.Helper()
	output := run(t, binary, append([]string{"--config", s.config, "--json", "audit"}, arguments...)...)
	var p page
	if err := json.Unmarshal(output, &p); err != nil {
		t.Fatalf("pointsman audit %v: %v\n%s", arguments, err, output)
	}
	return p
}

// run runs a command that must succeed and gives its standard output.
func run(t *testing.T, binary string, arguments ...string) []byte {
	t.Helper()
	c := exec.CommandContext(t.Context(), binary, arguments...)
	c.Env = environment()
	output, err := c.Output()
	if err != nil {
		var exit *exec.ExitError
		if errors.As(err, &exit) {
			output = append(output, exit.Stderr...)
		}
		t.Fatalf("pointsman %s: %v\n%s", strings.Join(arguments, " "), err, output)
	}
	return output
}

func environment() []string { return append(os.Environ(), "POINTSMAN_TEST_VENDOR_KEY="+vendorKey) }

func hash(s string) string {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:])
}

// onDisk says whether a text stands in any file below a folder.
func onDisk(t *testing.T, dir, text string) bool {
	t.Helper()
	found := false
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		content, err := os.ReadFile(path)
		found = found || bytes.Contains(content, []byte(text))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// buffer takes what a child writes; it is safe for concurrent use.
type buffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}
