//go:build unix

package main

import (
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/pointsman-ai/pointsman/internal/testenv"
)

// More connections than a process may have files: those that fit are served,
// nothing is lost, and when they are gone new ones are taken.
func TestMoreConnectionsThanFiles(t *testing.T) {
	dir := setUp(t, "journal: {segment_size: 1MiB, fsync_interval: 10ms}\n")
	s := startWith(t, dir, func(c *exec.Cmd) {
		c.Args = append([]string{"sh", "-c", `ulimit -n 64 && exec "$0" "$@"`}, c.Args...)
		var err error
		if c.Path, err = exec.LookPath("sh"); err != nil {
			testenv.Missing(t, "there is no sh: %v", err)
		}
	})
	kept := &http.Client{Timeout: 10 * time.Second}
	defer kept.CloseIdleConnections()
	ask := func() error {
		r, err := kept.Post(s.url+"/v1/chat/completions", "application/json", strings.NewReader(parcelRequest))
		if err != nil {
			return err
		}
		defer r.Body.Close()
		if r.StatusCode != 200 {
			t.Errorf("%s", r.Status)
		}
		_, err = io.Copy(io.Discard, r.Body) // so that the connection is used again
		return err
	}
	if err := ask(); err != nil {
		t.Fatal(err)
	}
	var held []net.Conn
	for range 200 { // the kernel takes those that the process cannot
		c, err := net.DialTimeout("tcp", strings.TrimPrefix(s.url, "http://"), time.Second)
		if err != nil {
			break
		}
		held = append(held, c)
	}
	for range 300 { // over the connection that is there
		if err := ask(); err != nil {
			t.Fatal(err)
		}
	}
	if ready := get(t, s.admin+"/readyz"); !strings.Contains(ready, `"ready"`) {
		t.Errorf("administration says %s", ready)
	}
	for _, c := range held {
		c.Close() //nolint:errcheck // it was only held
	}
	eventually(t, "new connections are taken", func() bool { return ask() == nil })
	must(t, "audit", "verify", "-q", "--config", filepath.Join(dir, "pointsman.yaml"))
	s.end(t)
}

// Many reloads of a file that is half-written and of one that is gone change
// nothing for requests, and the last whole file is in force in the end.
func TestReloadsOfHalfAFile(t *testing.T) {
	dir := setUp(t, "")
	s := startServer(t, dir)
	config := filepath.Join(dir, "pointsman.yaml")
	good, err := os.ReadFile(config)
	if err != nil {
		t.Fatal(err)
	}
	hangUp := func() {
		if err := s.Process.Signal(syscall.SIGHUP); err != nil {
			t.Fatal(err)
		}
	}
	for n := range 60 {
		write(t, dir, "pointsman.yaml", string(good[:len(good)*n/60]))
		hangUp()
		if r, body := post(t, s.url+"/v1/chat/completions", parcelRequest); r.StatusCode != 200 {
			t.Fatalf("%s %s", r.Status, body)
		}
		if n%10 == 0 {
			if err := os.Remove(config); err != nil {
				t.Fatal(err)
			}
			hangUp()
		}
	}
	if r, body := post(t, s.url+"/v1/chat/completions", parcelRequest); r.StatusCode != 200 {
		t.Fatalf("%s %s", r.Status, body)
	}
	write(t, dir, "pointsman.yaml", strings.Replace(string(good), "  support:", "  helpdesk:", 1))
	eventually(t, "the whole file is in force", func() bool { return strings.Contains(get(t, s.url+"/v1/models"), `"helpdesk"`) })
	s.end(t)
}

// A second signal cuts off what the first would have waited for.
func TestASecondSignalIsInAHurry(t *testing.T) {
	dir := setUp(t, "server: {drain_timeout: 1h}\n")
	api := newSilentAPI(t)
	content, err := os.ReadFile(filepath.Join(dir, "pointsman.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	write(t, dir, "pointsman.yaml", strings.Replace(string(content), "upstreams:\n",
		"upstreams:\n  silent: {type: openai, location: edge, region: house, base_url: "+api.url+"}\n", 1))
	s := startServer(t, dir)
	answered := make(chan string, 1)
	go func() {
		r, err := http.Post(s.url+"/v1/chat/completions", "application/json", strings.NewReader(`{"model":"silent/x","messages":[{"role":"user","content":"hello"}]}`))
		if err != nil {
			answered <- err.Error()
			return
		}
		defer r.Body.Close()
		answered <- r.Status
	}()
	<-api.asked
	signal := func() {
		if err := s.Process.Signal(syscall.SIGTERM); err != nil {
			t.Fatal(err)
		}
	}
	signal()
	eventually(t, "it drains", func() bool { return strings.Contains(get(t, s.admin+"/readyz"), "draining") })
	signal()
	if status := <-answered; !strings.HasPrefix(status, "503") {
		t.Errorf("the request that was cut off: %s", status)
	}
	if err := s.Wait(); err != nil {
		t.Errorf("%v\n%s", err, s.log)
	}
}

// silentAPI takes requests and does not answer.
type silentAPI struct {
	url   string
	asked chan struct{}
}

func newSilentAPI(t *testing.T) *silentAPI {
	t.Helper()
	a := &silentAPI{asked: make(chan struct{}, 10)}
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body) //nolint:errcheck // its client's going is seen behind it
		a.asked <- struct{}{}
		<-r.Context().Done()
	}))
	t.Cleanup(server.Close)
	a.url = server.URL
	return a
}
