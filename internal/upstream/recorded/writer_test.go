package recorded_test

import (
	"errors"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/pointsman-ai/pointsman"
	"github.com/pointsman-ai/pointsman/internal/upstream/recorded"
)

func TestHalfWrittenLastLine(t *testing.T) {
	good := read(t, record(t, 3))
	third := strings.LastIndex(good[:len(good)-1], "\n") + 1
	for cut := third + 1; cut < len(good); cut += 37 {
		path := filepath.Join(t.TempDir(), "cut.pmrec")
		write(t, path, good[:cut])
		u := open(t, path, recorded.Options{})
		want := recorded.Report{Entries: 2, Tail: int64(cut - third), Bytes: int64(cut)}
		if u.Report() != want {
			t.Fatalf("got %+v, want %+v", u.Report(), want)
		}
		if _, err := u.Complete(t.Context(), call(1)); err != nil {
			t.Fatal(err)
		}
		w, err := recorded.NewWriter(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(w.Put(request(2), response(2)), w.Close()); err != nil {
			t.Fatal(err)
		}
		if read(t, path) != good || read(t, path+".broken") != good[third:cut]+"\n" {
			t.Fatalf("mended to %s\nand %s", read(t, path), read(t, path+".broken"))
		}
	}
	whole := filepath.Join(t.TempDir(), "whole.pmrec") // only the line end is missing
	write(t, whole, good[:len(good)-1])
	w, err := recorded.NewWriter(whole)
	if err != nil || w.Len() != 3 {
		t.Fatalf("%v, %d entries", err, w.Len())
	}
	if err := w.Close(); err != nil || read(t, whole) != good {
		t.Errorf("%v: %s", err, read(t, whole))
	}
}

func TestWriterIsForMany(t *testing.T) {
	path := filepath.Join(t.TempDir(), "many.pmrec")
	w, err := recorded.NewWriter(path)
	if err != nil {
		t.Fatal(err)
	}
	var group sync.WaitGroup
	for g := range 8 {
		group.Go(func() {
			for i := range 20 {
				if err := w.Put(request(i+g), response(i+g)); err != nil {
					t.Error(err)
				}
			}
		})
	}
	group.Wait()
	if err := errors.Join(w.Sync(), w.Close(), w.Close()); err != nil || w.Len() != 27 {
		t.Errorf("%v, %d entries", err, w.Len())
	}
	if err := w.Put(request(99), response(99)); err == nil {
		t.Error("written after Close")
	}
	if got, err := recorded.Inspect(path); err != nil || got.Entries != 27 || got.Duplicates != 0 {
		t.Errorf("%v: %+v", err, got)
	}
}

func TestWriterRefusesWhatIsNoAnswer(t *testing.T) {
	w, err := recorded.NewWriter(filepath.Join(t.TempDir(), "x.pmrec"))
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	if err := w.Put([]byte(`{`), response(0)); err == nil {
		t.Error("a request that is none was recorded")
	}
	if err := w.Put(request(0), &pointsman.Answer{Body: []byte(`{"error":"x"}`)}); err == nil || w.Len() != 0 {
		t.Errorf("%v: an answer that is none was recorded", err)
	}
}

func FuzzOpen(f *testing.F) {
	good := read(f, record(f, 2, recorded.WithRequests()))
	f.Add([]byte(good))
	f.Add([]byte(good[:len(good)-20]))
	f.Add([]byte("{}\n"))
	f.Fuzz(func(t *testing.T, content []byte) {
		path := filepath.Join(t.TempDir(), "fuzz.pmrec")
		write(t, path, string(content))
		before, err := recorded.Inspect(path)
		if err != nil {
			if !errors.Is(err, recorded.ErrFormat) {
				t.Fatal(err)
			}
			return
		}
		w, err := recorded.NewWriter(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(w.Put(request(0), response(0)), w.Close()); err != nil {
			t.Fatal(err)
		}
		after, err := recorded.Inspect(path)
		if err != nil || after.Tail != 0 || after.Entries < max(before.Entries, 1) {
			t.Fatalf("%v: from %+v to %+v", err, before, after)
		}
	})
}
