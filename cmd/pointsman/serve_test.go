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

// The whole way of feedback: an answer, feedback on it, the same again, and
// examples that calibration takes from the journal.
func TestFeedbackBecomesExamples(t *testing.T) {
	dir := setUp(t, "")
	s := startServer(t, dir)
	const n = 160
	for i := range n {
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
		if i == 0 { // nothing could be learned from a label that no answer may have
			foreign := strings.Replace(feedback, `"parcel"`, `"parcell"`, 1)
			if r, body := post(t, s.url+"/v1/feedback", foreign); r.StatusCode != 400 || !strings.Contains(body, "its labels are parcel, refund") || !strings.Contains(body, `"param":"label"`) {
				t.Errorf("feedback with a foreign label: %s %s", r.Status, body)
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
	if r.Examples != n || !r.Active {
		t.Errorf("%+v, want all examples and a policy in force", r)
	}
	// The running server takes the policy up by itself.
	eventually(t, "the policy is in force", func() bool {
		post(t, s.url+"/v1/chat/completions", `{"model":"support","messages":[{"role":"user","content":"where is my parcel"}]}`)
		return strings.Contains(must(t, "audit", "list", "--json", "--limit", "1", "--config", config), r.Policy)
	})
	must(t, "audit", "verify", "-q", "--config", config)
	must(t, "audit", "replay", "-q", "--config", config)
	if out := must(t, "audit", "export", "--config", config); strings.Count(out, `"type":"outcome"`) != n {
		t.Errorf("the export has %d outcomes, want %d", strings.Count(out, `"type":"outcome"`), n)
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
