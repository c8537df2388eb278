package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

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
