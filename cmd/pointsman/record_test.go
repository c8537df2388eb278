package main

import (
	"bytes"
	"context"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

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
