package main

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/pointsman-ai/pointsman/internal/config"
)

// command runs a command in this process.
func command(ctx context.Context, t *testing.T, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	var out, complaints bytes.Buffer
	code = run(ctx, args, streams{in: strings.NewReader(""), out: &out, err: &complaints})
	return out.String(), complaints.String(), code
}

// clearKeys takes every vendor's key out of the environment.
func clearKeys(t *testing.T) {
	t.Helper()
	for _, entry := range os.Environ() {
		if name, _, _ := strings.Cut(entry, "="); strings.HasSuffix(name, "_API_KEY") {
			t.Setenv(name, "")
		}
	}
}

// What init prints as next steps works, each as it is printed and in that
// order, in a folder that was empty before. Only where the server listens is
// changed, so that the test does not depend on free ports.
func TestNextStepsAfterInit(t *testing.T) {
	for name, c := range map[string]struct {
		key  string // of OpenAI
		args []string
	}{
		"embedded models": {"", nil},
		"a vendor":        {"sk-test", nil},
		"another folder":  {"", []string{"--config", "deep/er/support.yaml"}},
	} {
		t.Run(name, func(t *testing.T) {
			clearKeys(t)
			t.Setenv("OPENAI_API_KEY", c.key)
			t.Chdir(t.TempDir())
			ctx, stop := context.WithCancel(t.Context())
			defer stop()
			stdout, stderr, code := command(ctx, t, append([]string{"init", "--json"}, c.args...)...)
			var report initReport
			if err := json.Unmarshal([]byte(stdout), &report); err != nil || code != 0 {
				t.Fatalf("exit code %d, %v: %s %s", code, err, stdout, stderr)
			}
			content, err := os.ReadFile(report.Config)
			if err != nil {
				t.Fatal(err)
			}
			changed := strings.Replace(string(content), "listen: 127.0.0.1:8087", "listen: 127.0.0.1:0\n  admin_listen: off", 1)
			if err := os.WriteFile(report.Config, []byte(changed), 0o600); err != nil || changed == string(content) {
				t.Fatal(err, "the address is not in the file")
			}
			if len(report.Next) < 2 || len(report.Tiers) == 0 || report.Chose == "" {
				t.Fatalf("%+v", report)
			}
			for _, step := range report.Next {
				args, ok := strings.CutPrefix(step, "pointsman ")
				if !ok {
					t.Fatalf("%q is no command", step)
				}
				words := strings.Fields(args)
				if words[0] != "serve" {
					if stdout, stderr, code := command(ctx, t, words...); code != 0 {
						t.Fatalf("%s: exit code %d\n%s%s", step, code, stdout, stderr)
					}
					continue
				}
				ready := filepath.Join(t.TempDir(), "ready")
				done := make(chan int, 1)
				go func() {
					_, _, code := command(ctx, t, append(words, "--ready-file", ready)...)
					done <- code
				}()
				var url string
				eventually(t, "the server is ready", func() bool {
					content, err := os.ReadFile(ready)
					url = strings.TrimSpace(string(content))
					return err == nil && url != ""
				})
				if models := get(t, url+"/v1/models"); !strings.Contains(models, `"support"`) {
					t.Error(models)
				}
				if c.key == "" {
					if r, body := post(t, url+"/v1/chat/completions", `{"model":"support","messages":[{"role":"user","content":"where is my parcel"}]}`); r.StatusCode != 200 {
						t.Errorf("%d %s", r.StatusCode, body)
					}
				}
				stop()
				if code := <-done; code != 0 {
					t.Errorf("%s ended with %d", step, code)
				}
			}
		})
	}
}

// A key that is not there makes every request fail, so check says so; where
// keys are not to be had, it can be told.
func TestCheckLooksForKeys(t *testing.T) {
	clearKeys(t)
	t.Setenv("OPENAI_API_KEY", "sk-test")
	t.Chdir(t.TempDir())
	if _, stderr, code := command(t.Context(), t, "init"); code != 0 {
		t.Fatal(stderr)
	}
	if _, stderr, code := command(t.Context(), t, "check"); code != 0 {
		t.Errorf("with its key: %d %s", code, stderr)
	}
	t.Setenv("OPENAI_API_KEY", "")
	_, stderr, code := command(t.Context(), t, "check")
	if code == 0 || !strings.Contains(stderr, "OPENAI_API_KEY is empty") || !strings.Contains(stderr, "pointsman.yaml:") || !strings.Contains(stderr, "--offline") {
		t.Errorf("without: %d %s", code, stderr)
	}
	if err := os.Unsetenv("OPENAI_API_KEY"); err != nil {
		t.Fatal(err)
	}
	if _, stderr, code := command(t.Context(), t, "check"); code == 0 || !strings.Contains(stderr, "is not set") {
		t.Errorf("without: %d %s", code, stderr)
	}
	if stdout, stderr, code := command(t.Context(), t, "check", "--offline"); code != 0 || !strings.Contains(stdout, "1 probes, 0 failed") {
		t.Errorf("offline: %d %s%s", code, stdout, stderr)
	}
}

// What check warns about does not fail it.
func TestCheckWarns(t *testing.T) {
	clearKeys(t)
	t.Setenv("OPENAI_API_KEY", "sk-test")
	t.Chdir(t.TempDir())
	if _, stderr, code := command(t.Context(), t, "init"); code != 0 {
		t.Fatal(stderr)
	}
	content, err := os.ReadFile("pointsman.yaml")
	if err != nil {
		t.Fatal(err)
	}
	changed := strings.Replace(string(content), "server:\n", "server:\n  request_timeout: 5s\n  read_timeout: 10s\n", 1)
	if err := os.WriteFile("pointsman.yaml", []byte(changed), 0o600); err != nil {
		t.Fatal(err)
	}
	stdout, _, code := command(t.Context(), t, "check")
	if code != 0 || !strings.Contains(stdout, "warning: pointsman.yaml:") || !strings.Contains(stdout, "read_timeout is 10s") {
		t.Errorf("%d %s", code, stdout)
	}
	stdout, _, _ = command(t.Context(), t, "check", "--json")
	var report struct{ Warnings []config.Problem }
	if err := json.Unmarshal([]byte(stdout), &report); err != nil || len(report.Warnings) != 1 {
		t.Errorf("%v: %s", err, stdout)
	}
}

// Files are written where they are asked for, also where there is no folder yet.
func TestOutMakesItsFolder(t *testing.T) {
	clearKeys(t)
	t.Chdir(t.TempDir())
	if _, stderr, code := command(t.Context(), t, "init"); code != 0 {
		t.Fatal(stderr)
	}
	out := filepath.Join("a", "b", "x.student")
	if _, stderr, code := command(t.Context(), t, "student", "train", "--data", "support.jsonl", "--size", "small", "--out", out); code != 0 {
		t.Fatal(stderr)
	}
	if _, err := os.Stat(out); err != nil {
		t.Error(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan int, 1)
	go func() {
		_, _, code := command(ctx, t, "record", "--target", "http://127.0.0.1:1/v1", "--out", "r/e/c.pmrec", "--listen", "127.0.0.1:0", "--ready-file", "ready")
		done <- code
	}()
	eventually(t, "the recorder is ready", func() bool { _, err := os.Stat("ready"); return err == nil })
	stop()
	<-done
	if _, err := os.Stat(filepath.Join("r", "e", "c.pmrec")); err != nil {
		t.Error(err)
	}
}

// The configuration that the README shows is one that check accepts, and so are
// those of the examples as far as they stand in the tree.
func TestConfigurationsThatAreShown(t *testing.T) {
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, found := strings.Cut(string(readme), "```yaml\n")
	shown, _, closed := strings.Cut(rest, "```")
	if !found || !closed || strings.Contains(rest[len(shown):], "```yaml\n") {
		t.Fatal("the README shows no configuration, or several")
	}
	examples, err := filepath.Glob("../../examples/*/pointsman.yaml")
	if err != nil || len(examples) == 0 {
		t.Fatal("no examples:", err)
	}
	for _, path := range examples {
		if _, err := config.Load(path); err != nil {
			t.Error(err)
		}
	}
	clearKeys(t)
	t.Setenv("OPENAI_API_KEY", "sk-test")
	t.Chdir(t.TempDir())
	if err := os.WriteFile("pointsman.yaml", []byte(shown), 0o600); err != nil {
		t.Fatal(err)
	}
	if stdout, stderr, code := command(t.Context(), t, "check"); code != 0 {
		t.Errorf("exit code %d: %s%s", code, stdout, stderr)
	}
}
