package main

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pointsman-ai/pointsman/internal/collect"
	"github.com/pointsman-ai/pointsman/internal/dataset"
)

// TestFigures prints what make bench is asked for: the size of the binary, the
// time from start to ready, the CPU of a request through gateway, cascade and
// journal, and the resident memory after 100,000 of them. It runs where
// POINTSMAN_FIGURES names the binary to measure, because it takes a minute and
// judges nothing that noise could change: only bounds that are far away fail.
func TestFigures(t *testing.T) {
	binary := os.Getenv("POINTSMAN_FIGURES")
	if binary == "" {
		t.Skip("set POINTSMAN_FIGURES to a binary: make bench does")
	}
	info, err := os.Stat(binary)
	if err != nil {
		t.Fatal(err)
	}
	dir := sample(t)
	fmt.Printf("binary                    %.1f MB (bound 50 MB)\n", float64(info.Size())/1e6)
	if info.Size() > 50<<20 {
		t.Error("the binary is larger than 50 MB")
	}

	var ready []time.Duration
	for range 5 {
		p := startBinary(t, binary, dir)
		ready = append(ready, p.ready)
		p.end(t)
	}
	fmt.Printf("start to ready            %v … %v over 5 starts (bound 300 ms)\n", minimum(ready), maximum(ready))
	if minimum(ready) > time.Second {
		t.Error("the fastest of five starts took more than a second")
	}

	one := setUp(t, "")
	plain := []byte(`{"model":"support","messages":[{"role":"user","content":"where is my parcel, it has not come"}],"metadata":{"channel":"chat"}}`)
	figureLoad(t, binary, one, "one embedded tier", [][]byte{plain})
	figureLoad(t, binary, dir, "calibrated sample, two tiers", bodies(t, dir))
}

// figureLoad measures 100,000 requests.
func figureLoad(t *testing.T, binary, dir, what string, bodies [][]byte) {
	t.Helper()
	const requests = 100_000
	p := startBinary(t, binary, dir)
	before := p.cpu(t)
	began := time.Now()
	p.load(t, requests, bodies)
	elapsed := time.Since(began)
	each := (p.cpu(t) - before) / requests
	resident := p.resident(t)
	fmt.Printf("%s:\n", what)
	fmt.Printf("  CPU of a request        %v (bound 250 µs), %d requests in %v by 8 clients on the same cores\n", each, requests, elapsed.Round(time.Millisecond))
	fmt.Printf("  resident after %d   %.1f MB (bound 64 MB)\n", requests, float64(resident)/(1<<20))
	if each > time.Millisecond {
		t.Error("a request costs more than a millisecond of CPU")
	}
	if resident > 64<<20 {
		t.Error("more than 64 MB are resident")
	}
	p.end(t)
}

// sample lays the sample workload out, trained and calibrated, so that requests
// go the whole way: rules, the small tier, its signals and students, the policy,
// often the large tier, and a journal that keeps the texts in full.
func sample(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "sample")
	if err := layOut(dir); err != nil {
		t.Fatal(err)
	}
	for _, size := range []string{"small", "large"} {
		train := []string{"student", "train", "-q", "--data", filepath.Join(dir, "messages", "train.jsonl"), "--size", size}
		must(t, append(train, "--out", filepath.Join(dir, "models", size+".student"))...)
		must(t, append(train, "--learn", "fields", "--out", filepath.Join(dir, "models", "fields-"+size+".student"))...)
	}
	must(t, "calibrate", "-q", "--task", demoTask, "--config", filepath.Join(dir, "pointsman.yaml"), "--data", filepath.Join(dir, "messages", "calibrate.jsonl"))
	return dir
}

// bodies are the test messages as requests.
func bodies(t *testing.T, dir string) [][]byte {
	t.Helper()
	examples, err := dataset.Load(filepath.Join(dir, "messages", "test.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	out := make([][]byte, len(examples))
	for i := range examples {
		if out[i], err = collect.Body(demoTask, &examples[i]); err != nil {
			t.Fatal(err)
		}
	}
	return out
}

// measuredProcess is a running binary.
type measuredProcess struct {
	*exec.Cmd
	url   string
	ready time.Duration
	log   bytes.Buffer
}

func startBinary(t *testing.T, binary, dir string) *measuredProcess {
	t.Helper()
	readyFile := filepath.Join(dir, "url")
	os.Remove(readyFile) //nolint:errcheck // it may not be there
	p := &measuredProcess{Cmd: exec.Command(binary, "serve", "--config", filepath.Join(dir, "pointsman.yaml"), "--listen", "127.0.0.1:0", "--ready-file", readyFile)}
	p.Stderr = &p.log
	began := time.Now()
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Process.Kill() }) //nolint:errcheck // it may be gone
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for range tick.C {
		if url, err := os.ReadFile(readyFile); err == nil {
			p.url = strings.TrimSpace(string(url))
			break
		}
		if time.Since(began) > 20*time.Second {
			t.Fatalf("not ready in 20 s\n%s", p.log.String())
		}
	}
	p.ready = time.Since(began)
	return p
}

func (p *measuredProcess) end(t *testing.T) {
	t.Helper()
	if err := p.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	if err := p.Wait(); err != nil {
		t.Fatalf("%v\n%s", err, p.log.String())
	}
}

// load sends requests from eight clients over kept connections.
func (p *measuredProcess) load(t *testing.T, requests int64, bodies [][]byte) {
	t.Helper()
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 8}}
	defer client.CloseIdleConnections()
	var next, failed atomic.Int64
	var clients sync.WaitGroup
	for range 8 {
		clients.Go(func() {
			for i := next.Add(1); i <= requests; i = next.Add(1) {
				body := bodies[i%int64(len(bodies))]
				r, err := client.Post(p.url+"/v1/chat/completions", "application/json", bytes.NewReader(body))
				if err != nil {
					failed.Add(1)
					continue
				}
				if _, err := io.Copy(io.Discard, r.Body); err != nil || r.StatusCode != http.StatusOK {
					failed.Add(1)
				}
				r.Body.Close() //nolint:errcheck // read to its end
			}
		})
	}
	clients.Wait()
	if n := failed.Load(); n > 0 {
		t.Errorf("%d of %d requests failed", n, requests)
	}
}

// cpu is the user and system time of the process so far (proc(5)).
func (p *measuredProcess) cpu(t *testing.T) time.Duration {
	t.Helper()
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p.Process.Pid))
	if err != nil {
		t.Fatal(err)
	}
	fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
	var ticks int64
	for _, f := range fields[11:13] {
		n, err := strconv.ParseInt(f, 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		ticks += n
	}
	const perSecond = 100 // USER_HZ on Linux
	return time.Duration(ticks) * time.Second / perSecond
}

// resident is the process's resident memory in bytes.
func (p *measuredProcess) resident(t *testing.T) int64 {
	t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.Process.Pid))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(status)) {
		if rest, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			n, err := strconv.ParseInt(strings.Fields(rest)[0], 10, 64)
			if err != nil {
				t.Fatal(err)
			}
			return n << 10
		}
	}
	t.Fatal("no VmRSS")
	return 0
}

func minimum(all []time.Duration) time.Duration { return extreme(all, -1) }
func maximum(all []time.Duration) time.Duration { return extreme(all, 1) }

func extreme(all []time.Duration, sign time.Duration) time.Duration {
	out := all[0]
	for _, one := range all {
		if sign*one > sign*out {
			out = one
		}
	}
	return out.Round(100 * time.Microsecond)
}
