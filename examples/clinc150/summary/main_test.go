package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
)

func TestSummarise(t *testing.T) {
	dir := t.TempDir()
	train, test := filepath.Join(dir, "train.json"), filepath.Join(dir, "test.json")
	write(t, train, `{"labels":4,"fit_seconds":1.5,"model_bytes":10,"digest":"sha256:00"}`)
	write(t, test, `{"n":2,"accuracy":0.5,"ece":0.125,"oos_auroc":null,"model_bytes":10,"p50_micros":3}`)
	s, err := summarise(train, test)
	if err != nil {
		t.Fatal(err)
	}
	got, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	want := `{"accuracy":0.5,"ece":0.125,"oos_auroc":null,"fit_seconds":1.5,"model_bytes":10,"p50_micros":3}`
	if string(got) != want {
		t.Errorf("got %s, want %s", got, want)
	}
	write(t, test, `{}`)
	if _, err := summarise(train, test); err == nil {
		t.Error("figures that are missing were not missed")
	}
	if _, err := summarise(train, filepath.Join(dir, "none")); err == nil {
		t.Error("a file that is missing was not missed")
	}
}

func write(t *testing.T, path, content string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}
