//go:build linux

package main

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/pointsman-ai/pointsman/internal/testenv"
)

const parcelRequest = `{"model":"support","messages":[{"role":"user","content":"where is my parcel"}]}`

// onSmallDisk mounts a real file system of two megabytes as the data directory.
func onSmallDisk(t *testing.T, dir string) (fill, free func()) {
	t.Helper()
	data := filepath.Join(dir, "data")
	if err := os.MkdirAll(data, 0o700); err != nil {
		t.Fatal(err)
	}
	testenv.Mount(t, data, "2m")
	filler := filepath.Join(data, "filler")
	fill = func() {
		f, err := os.Create(filler)
		if err != nil {
			t.Fatal(err)
		}
		chunk := make([]byte, 4096)
		for err == nil {
			_, err = f.Write(chunk)
		}
		if !errors.Is(err, syscall.ENOSPC) {
			t.Fatal(err)
		}
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
	}
	free = func() {
		if err := os.Remove(filler); err != nil {
			t.Fatal(err)
		}
	}
	return fill, free
}

// By default a full disk refuses requests with an error that says so, and the
// server recovers by itself.
func TestFullDiskRefuses(t *testing.T) {
	dir := setUp(t, "journal: {fsync_interval: 20ms, segment_size: 1MiB}\n")
	fill, free := onSmallDisk(t, dir)
	s := startServer(t, dir)
	if r, body := post(t, s.url+"/v1/chat/completions", parcelRequest); r.StatusCode != 200 {
		t.Fatalf("%s %s", r.Status, body)
	}
	fill()
	var last string
	eventually(t, "requests are refused", func() bool {
		r, body := post(t, s.url+"/v1/chat/completions", parcelRequest)
		last = body
		return r.StatusCode == 503
	})
	if !strings.Contains(last, "journal.on_full") || !strings.Contains(last, "service_unavailable") {
		t.Errorf("the refusal says %s", last)
	}
	if ready := get(t, s.url+"/readyz"); !strings.Contains(ready, "not ready") {
		t.Errorf("readiness: %s", ready)
	}
	free()
	eventually(t, "requests are taken again", func() bool {
		r, _ := post(t, s.url+"/v1/chat/completions", parcelRequest)
		return r.StatusCode == 200
	})
	must(t, "audit", "verify", "-q", "--config", filepath.Join(dir, "pointsman.yaml"))
}

// Where the owner chose so, a full disk is answered and counted, and the count
// is on record once there is room.
func TestFullDiskAnswers(t *testing.T) {
	dir := setUp(t, "journal: {fsync_interval: 20ms, segment_size: 1MiB, on_full: answer}\n")
	fill, free := onSmallDisk(t, dir)
	s := startServer(t, dir)
	fill()
	for range 400 { // what is left of the last page is soon used up
		if r, body := post(t, s.url+"/v1/chat/completions", parcelRequest); r.StatusCode != 200 {
			t.Fatalf("%s %s", r.Status, body)
		}
	}
	if metrics := get(t, s.admin+"/metrics"); !strings.Contains(metrics, "pointsman_journal_healthy 0") || strings.Contains(metrics, "pointsman_journal_unwritten_total 0\n") {
		t.Error("the metrics do not say that records are missing")
	}
	free()
	config := filepath.Join(dir, "pointsman.yaml")
	eventually(t, "the gap is on record", func() bool {
		post(t, s.url+"/v1/chat/completions", parcelRequest)
		return strings.Contains(must(t, "audit", "export", "--config", config), `"type":"gap"`)
	})
	must(t, "audit", "verify", "-q", "--config", config)
}

// A data directory that cannot be written to is told at start, with what to do.
func TestDataDirectoryThatCannotBeWritten(t *testing.T) {
	dir := setUp(t, "")
	onSmallDisk(t, dir)
	if err := syscall.Mount("", filepath.Join(dir, "data"), "", syscall.MS_REMOUNT|syscall.MS_RDONLY, ""); err != nil {
		t.Fatal(err)
	}
	var out, stderr bytes.Buffer
	code := run(t.Context(), []string{"serve", "--listen", "127.0.0.1:0", "--config", filepath.Join(dir, "pointsman.yaml")}, streams{in: strings.NewReader(""), out: &out, err: &stderr})
	if code != exitFailure || !strings.Contains(stderr.String(), "cannot be written to") || strings.Count(stderr.String(), "hint: decisions are recorded there") != 1 {
		t.Errorf("exit %d\n%s%s", code, out.String(), stderr.String())
	}
}

// A disk that is full already keeps no server from starting: where the owner
// chose so requests are answered and counted, elsewhere they are refused, and
// once there is room both record.
func TestStartOnAFullDisk(t *testing.T) {
	for policy, status := range map[string]int{"answer": 200, "refuse": 503} {
		for _, before := range []bool{false, true} {
			t.Run(policy, func(t *testing.T) {
				dir := setUp(t, "journal: {fsync_interval: 20ms, segment_size: 1MiB, on_full: "+policy+"}\n")
				config := filepath.Join(dir, "pointsman.yaml")
				fill, free := onSmallDisk(t, dir)
				if before { // there is a journal already
					s := startServer(t, dir)
					if r, body := post(t, s.url+"/v1/chat/completions", parcelRequest); r.StatusCode != 200 {
						t.Fatalf("%s %s", r.Status, body)
					}
					s.end(t)
				}
				fill()
				s := startServer(t, dir)
				if r, body := post(t, s.url+"/v1/chat/completions", parcelRequest); r.StatusCode != status {
					t.Fatalf("%s %s, want %d", r.Status, body, status)
				}
				free()
				eventually(t, "requests are on record", func() bool {
					r, _ := post(t, s.url+"/v1/chat/completions", parcelRequest)
					return r.StatusCode == 200 && strings.Contains(must(t, "audit", "export", "--config", config), `"type":"decision"`)
				})
				eventually(t, "the index is there", func() bool {
					_, err := os.Stat(filepath.Join(dir, "data", "index.sqlite"))
					return err == nil
				})
				must(t, "audit", "verify", "-q", "--config", config)
				eventually(t, "the snapshot of the configuration is kept", func() bool {
					var out, stderr bytes.Buffer
					return run(t.Context(), []string{"audit", "replay", "-q", "--config", config}, streams{in: strings.NewReader(""), out: &out, err: &stderr}) == exitOK
				})
				s.end(t)
			})
		}
	}
}

// The journal's folder, deleted under a running server, is there again within
// seconds, and so are new records; verification says what was lost.
func TestTheJournalIsDeletedWhileServing(t *testing.T) {
	dir := setUp(t, "journal: {fsync_interval: 20ms}\n")
	config := filepath.Join(dir, "pointsman.yaml")
	s := startServer(t, dir)
	send := func() int {
		r, _ := post(t, s.url+"/v1/chat/completions", parcelRequest)
		return r.StatusCode
	}
	if send() != 200 {
		t.Fatal("the first request failed")
	}
	data := filepath.Join(dir, "data")
	for _, name := range []string{"journal", "index.sqlite", "index.sqlite-wal", "index.sqlite-shm"} {
		if err := os.RemoveAll(filepath.Join(data, name)); err != nil {
			t.Fatal(err)
		}
	}
	eventually(t, "requests are on record again", func() bool {
		if _, err := os.Stat(filepath.Join(data, "journal", "segments")); err != nil {
			return false
		}
		return send() == 200 && strings.Contains(must(t, "audit", "list", "--json", "--config", config), `"cause"`)
	})
	var out, stderr bytes.Buffer
	code := run(t.Context(), []string{"audit", "verify", "--config", config}, streams{in: strings.NewReader(""), out: &out, err: &stderr})
	if code != exitFindings || !strings.Contains(out.String(), "was deleted while it was written to") {
		t.Errorf("exit %d\n%s%s", code, out.String(), stderr.String())
	}
}
