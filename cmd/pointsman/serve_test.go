package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/pointsman-ai/pointsman/internal/journal"
)

// eventually waits for a condition that another process brings about.
func eventually(t *testing.T, what string, is func() bool) {
	t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	deadline := time.After(20 * time.Second)
	for !is() {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("%s: not in 20 s", what)
		}
	}
}

func get(t *testing.T, url string) string {
	t.Helper()
	r, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	content, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

func post(t *testing.T, url, body string) (*http.Response, string) {
	t.Helper()
	r, err := http.Post(url, "application/json", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	content, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return r, string(content)
}

// A changed file is taken up by itself, a bad one changes nothing, and SIGHUP
// asks for it at once.
func TestReload(t *testing.T) {
	dir := setUp(t, "")
	s := startServer(t, dir)
	config := filepath.Join(dir, "pointsman.yaml")
	good, err := os.ReadFile(config)
	if err != nil {
		t.Fatal(err)
	}
	metric := func(name, value string) func() bool {
		return func() bool { return strings.Contains(get(t, s.admin+"/metrics"), name+" "+value+"\n") }
	}
	write(t, dir, "pointsman.yaml", strings.Replace(string(good), "tasks:", "tsaks:", 1))
	eventually(t, "the bad file is refused", metric("pointsman_config_refused_total", "1"))
	if r, _ := post(t, s.url+"/v1/chat/completions", `{"model":"support","messages":[{"role":"user","content":"refund"}]}`); r.StatusCode != 200 {
		t.Errorf("after a bad file: %s", r.Status)
	}
	write(t, dir, "pointsman.yaml", strings.Replace(string(good), "  support:", "  helpdesk:", 1))
	eventually(t, "the new file is in force", func() bool { return strings.Contains(get(t, s.url+"/v1/models"), `"helpdesk"`) })
	if r, body := post(t, s.url+"/v1/chat/completions", `{"model":"support","messages":[{"role":"user","content":"refund"}]}`); r.StatusCode != 404 || !strings.Contains(body, "helpdesk") {
		t.Errorf("the task that is gone: %s %s", r.Status, body)
	}
	if err := s.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	eventually(t, "SIGHUP reads the file again", metric("pointsman_config_reloads_total", "2"))
}

// Weights that are overwritten are taken up by themselves; a file that keeps its
// bytes changes nothing.
func TestOverwrittenWeightsAreTakenUp(t *testing.T) {
	dir := setUp(t, "")
	s := startServer(t, dir)
	reloads := func(n int) func() bool {
		return func() bool {
			return strings.Contains(get(t, s.admin+"/metrics"), fmt.Sprintf("pointsman_config_reloads_total %d\n", n))
		}
	}
	small, err := os.ReadFile(filepath.Join(dir, "small.student"))
	if err != nil {
		t.Fatal(err)
	}
	write(t, dir, "small.student", string(small))
	large, err := os.ReadFile(filepath.Join(dir, "large.student"))
	if err != nil {
		t.Fatal(err)
	}
	write(t, dir, "small.student", string(large))
	eventually(t, "the new weights are in force", reloads(1))
	if r, body := post(t, s.url+"/v1/chat/completions", parcelRequest); r.StatusCode != 200 {
		t.Errorf("%s %s", r.Status, body)
	}
	write(t, dir, "small.student", "half a fi")
	eventually(t, "broken weights are refused", func() bool {
		return strings.Contains(get(t, s.admin+"/metrics"), "pointsman_config_refused_total 1\n")
	})
	if r, body := post(t, s.url+"/v1/chat/completions", parcelRequest); r.StatusCode != 200 {
		t.Errorf("with broken weights on disk: %s %s", r.Status, body)
	}
}

// A file that a refused configuration names is noticed when it comes.
func TestAMissingFileIsNoticedWhenItComes(t *testing.T) {
	dir := setUp(t, "")
	s := startServer(t, dir)
	content, err := os.ReadFile(filepath.Join(dir, "pointsman.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	write(t, dir, "pointsman.yaml", strings.Replace(string(content), "{labels: [parcel, refund]}", "{labels_file: labels.txt}", 1))
	eventually(t, "the file is missing", func() bool {
		return strings.Contains(get(t, s.admin+"/metrics"), "pointsman_config_refused_total 1\n")
	})
	write(t, dir, "labels.txt", "parcel\nrefund\n")
	eventually(t, "the file is there", func() bool {
		return strings.Contains(get(t, s.admin+"/metrics"), "pointsman_config_reloads_total 1\n")
	})
}

// The whole way of feedback: an answer, feedback on it, the same again, and
// examples that calibration takes from the journal.
func TestFeedbackBecomesExamples(t *testing.T) {
	dir := setUp(t, "")
	s := startServer(t, dir)
	for i := range 60 {
		text, label := fmt.Sprintf("where is my parcel %d", i), "parcel"
		if i%2 == 1 {
			text, label = fmt.Sprintf("refund order %d please", i), "refund"
		}
		r, body := post(t, s.url+"/v1/chat/completions", fmt.Sprintf(`{"model":"support","messages":[{"role":"user","content":%q}]}`, text))
		if r.StatusCode != 200 {
			t.Fatalf("%s %s", r.Status, body)
		}
		feedback := fmt.Sprintf(`{"decision_id":%q,"label":%q}`, r.Header.Get("X-Pointsman-Decision"), label)
		for _, want := range []int{201, 200} {
			if r, body := post(t, s.url+"/v1/feedback", feedback); r.StatusCode != want {
				t.Fatalf("feedback: %s %s, want %d", r.Status, body, want)
			}
		}
	}
	config := filepath.Join(dir, "pointsman.yaml")
	var r struct {
		Examples int
		Active   bool
		Policy   string
	}
	if err := json.Unmarshal([]byte(must(t, "calibrate", "-q", "--json", "--from-journal", "--config", config)), &r); err != nil {
		t.Fatal(err)
	}
	if r.Examples != 60 || !r.Active {
		t.Errorf("%+v, want 60 examples and a policy in force", r)
	}
	// The running server takes the policy up by itself.
	eventually(t, "the policy is in force", func() bool {
		post(t, s.url+"/v1/chat/completions", `{"model":"support","messages":[{"role":"user","content":"where is my parcel"}]}`)
		return strings.Contains(must(t, "audit", "list", "--json", "--limit", "1", "--config", config), r.Policy)
	})
	must(t, "audit", "verify", "-q", "--config", config)
	must(t, "audit", "replay", "-q", "--config", config)
	if out := must(t, "audit", "export", "--config", config); strings.Count(out, `"type":"outcome"`) != 60 {
		t.Errorf("the export has %d outcomes, want 60", strings.Count(out, `"type":"outcome"`))
	}
}

// A mistyped name in a selection is told; one that is right and selects nothing
// is an empty list.
func TestMistypedSelections(t *testing.T) {
	dir := setUp(t, "")
	s := startServer(t, dir)
	post(t, s.url+"/v1/chat/completions", parcelRequest)
	s.end(t)
	for line, want := range map[string]struct {
		code int
		text string
	}{
		"--cause uncertian":            {exitUsage, "did you mean uncertain?"},
		"--cause uncertain":            {exitOK, "0 decisions"},
		"--lifecycle done":             {exitUsage, "There are aborted, completed, failed"},
		"--task suport":                {exitUsage, "did you mean support?"},
		"--task support":               {exitOK, "1 decisions"},
		"--task local/small":           {exitOK, "0 decisions"},
		"--tier smal":                  {exitUsage, "did you mean small?"},
		"--tier small":                 {exitOK, "0 decisions"},
		"--task support --tier larg":   {exitUsage, "did you mean large?"},
		"--tier large --cause pinned":  {exitOK, "0 decisions"},
		"--tier large --task support":  {exitOK, "1 decisions"},
		"--lifecycle completed":        {exitOK, "1 decisions"},
		"--cause no_permitted_tier":    {exitOK, "0 decisions"},
		"--cause policy_voyd --json":   {exitUsage, "did you mean policy_void?"},
		"--tier quux --task local/any": {exitOK, "0 decisions"},
	} {
		args := append([]string{"audit", "list", "--config", filepath.Join(dir, "pointsman.yaml")}, strings.Fields(line)...)
		var out, stderr bytes.Buffer
		code := run(t.Context(), args, streams{in: strings.NewReader(""), out: &out, err: &stderr})
		if text := strings.ToLower(out.String() + stderr.String()); code != want.code || !strings.Contains(text, strings.ToLower(want.text)) {
			t.Errorf("audit list %s: exit %d\n%s", line, code, text)
		}
	}
}

// SIGTERM ends the server with exit code 0, and what was answered is on record.
func TestDrain(t *testing.T) {
	dir := setUp(t, "")
	s := startServer(t, dir)
	if r, _ := post(t, s.url+"/v1/chat/completions", `{"model":"support","messages":[{"role":"user","content":"refund"}]}`); r.StatusCode != 200 {
		t.Fatal(r.Status)
	}
	http.DefaultClient.CloseIdleConnections()
	if err := s.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := s.Wait(); err != nil {
		t.Fatalf("%v\n%s", err, s.log)
	}
	count := 0
	for entry, err := range journal.Read(filepath.Join(dir, "data", "journal"), journal.Position{}) {
		if err != nil {
			t.Fatal(err)
		}
		if entry.Kind == journal.KindDecision {
			count++
		}
	}
	if count != 1 {
		t.Errorf("%d decisions on record, want 1", count)
	}
}

// A flipped byte in the journal is exit code 4, with its place.
func TestVerifyNamesAFlippedByte(t *testing.T) {
	dir := setUp(t, "")
	s := startServer(t, dir)
	for range 20 {
		post(t, s.url+"/v1/chat/completions", `{"model":"support","messages":[{"role":"user","content":"refund"}]}`)
	}
	http.DefaultClient.CloseIdleConnections()
	if err := s.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	s.Wait() //nolint:errcheck // its end is not what this is about
	segment := filepath.Join(dir, "data", "journal", "segments", "00000001.pmj")
	content, err := os.ReadFile(segment)
	if err != nil {
		t.Fatal(err)
	}
	content[len(content)/2] ^= 1
	if err := os.WriteFile(segment, content, 0o600); err != nil {
		t.Fatal(err)
	}
	var out, stderr bytes.Buffer
	code := run(context.Background(), []string{"audit", "verify", "-q", "--config", filepath.Join(dir, "pointsman.yaml")}, streams{in: strings.NewReader(""), out: &out, err: &stderr})
	if code != exitFindings || !strings.Contains(out.String(), "00000001.pmj: byte ") || !strings.Contains(out.String(), "NOT what was written") {
		t.Errorf("exit %d\n%s%s", code, out.String(), stderr.String())
	}
}

// record stands between a client and an API, and what it wrote answers again.
func TestRecordAndPlayBack(t *testing.T) {
	dir := setUp(t, "")
	api := startServer(t, dir) // any OpenAI-compatible API will do: our own
	recording := filepath.Join(dir, "tape.pmrec")
	ready := filepath.Join(dir, "proxy")
	ctx, cancel := context.WithCancel(t.Context())
	var out, stderr bytes.Buffer
	done := make(chan int)
	go func() {
		done <- run(ctx, []string{"record", "--target", api.url + "/v1", "--out", recording, "--listen", "127.0.0.1:0", "--ready-file", ready}, streams{in: strings.NewReader(""), out: &out, err: &stderr})
	}()
	var proxy string
	eventually(t, "the proxy is ready", func() bool {
		url, err := os.ReadFile(ready)
		proxy = strings.TrimSpace(string(url))
		return err == nil
	})
	const request = `{"model":"support","messages":[{"role":"user","content":"where is my parcel"}]}`
	r, live := post(t, proxy+"/v1/chat/completions", request)
	if r.StatusCode != 200 {
		t.Fatalf("%s %s", r.Status, live)
	}
	http.DefaultClient.CloseIdleConnections()
	cancel()
	if code := <-done; code != exitOK {
		t.Fatalf("record: exit %d\n%s%s", code, out.String(), stderr.String())
	}
	other := t.TempDir()
	write(t, other, "pointsman.yaml", `version: 1
upstreams: {tape: {type: recorded, location: self_hosted, region: x, recording: `+recording+`}}
models: {support: {upstream: tape, name: support}}
tasks: {again: {kind: open, tiers: [{name: only, model: support}]}}
`)
	s := startServer(t, other)
	r, played := post(t, s.url+"/v1/chat/completions", strings.Replace(request, `"support"`, `"again"`, 1))
	if r.StatusCode != 200 || played != live {
		t.Errorf("%s\n%s\nwas\n%s", r.Status, played, live)
	}
	if r, body := post(t, s.url+"/v1/chat/completions", `{"model":"again","messages":[{"role":"user","content":"never asked"}]}`); r.StatusCode != 502 || !strings.Contains(body, "no tier of again could answer") {
		t.Errorf("a request that was never recorded: %s %s", r.Status, body)
	}
	if r, body := post(t, s.url+"/v1/chat/completions", strings.Replace(request, `"support"`, `"tape/support"`, 1)); r.StatusCode != 200 || r.Header.Get("X-Pointsman-Cause") != "direct" {
		t.Errorf("straight through: %s %s", r.Status, body)
	}
}

// The demo's figures hold together, and the commands that it prints work.
func TestDemo(t *testing.T) {
	if testing.Short() {
		t.Skip("training takes minutes under the race detector: make unit runs the demo")
	}
	dir := filepath.Join(t.TempDir(), "demo")
	var r demonstrated
	t.Setenv(childVariable, "1") // its gateway is this test binary
	if err := json.Unmarshal([]byte(must(t, "demo", "-q", "--json", "--dir", dir, "--keep", "1m")), &r); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		var pid int
		if _, err := fmt.Sscanf(r.Stop, "kill %d", &pid); err == nil {
			syscall.Kill(pid, syscall.SIGTERM) //nolint:errcheck // it may be gone
		}
	})
	if r.Messages < 200 || r.Large.Value <= r.Small.Value || !r.Certified || r.Kept == nil || !*r.Kept || r.CostVsLarge == nil || *r.CostVsLarge >= 1 {
		t.Errorf("figures: %+v", r)
	}
	if r.Recorded != 3*r.Messages || !r.Verified || r.Replayed != r.Recorded {
		t.Errorf("records: %d of %d, verified %v, replayed %d", r.Recorded, 3*r.Messages, r.Verified, r.Replayed)
	}
	if answer, body := post(t, r.URL+"/v1/chat/completions", `{"model":"support-intent","messages":[{"role":"user","content":"where is my parcel"}]}`); answer.StatusCode != 200 {
		t.Errorf("%s %s", answer.Status, body)
	}
	words := strings.Fields(r.Explain)
	if out := must(t, words[1:]...); !strings.Contains(out, "certified threshold") || !strings.Contains(out, "promise:") {
		t.Errorf("%s\n%s", r.Explain, out)
	}
	must(t, "check", "--config", filepath.Join(dir, "pointsman.yaml"))
	if out := must(t, "audit", "show", words[3], "--json", "--config", filepath.Join(dir, "pointsman.yaml")); !strings.Contains(out, `"payload":{`) {
		t.Errorf("audit show: %s", out)
	}
	// A demo whose gateway has stopped names no command that needs it.
	if again := must(t, "demo", "-q", "--dir", dir, "--keep", "0"); !strings.Contains(again, "kept") || strings.Contains(again, "curl") || !strings.Contains(again, " serve --config ") {
		t.Errorf("a second demo: %s", again)
	}
}
