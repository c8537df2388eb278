package config_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/pointsman-ai/pointsman/internal/config"
)

const secret = "hunter2-hunter2"

// withKey is a configuration in a directory with one upstream and this key and
// base URL.
func withKey(t *testing.T, key, base string) (*config.Config, string) {
	t.Helper()
	dir := t.TempDir()
	src := strings.Replace(minimal, `base_url: "http://127.0.0.1:11434/v1"`, fmt.Sprintf(`base_url: "%s", api_key: "%s"`, base, key), 1)
	c, err := config.Parse("x.yaml", []byte(src), dir)
	if err != nil {
		t.Fatalf("\n%v", err)
	}
	return c, dir
}

func TestSecretsResolveLate(t *testing.T) {
	c, _ := withKey(t, "${POINTSMAN_TEST_KEY}", "https://${POINTSMAN_TEST_HOST}/v1")
	u := c.Upstreams["on_premises"]
	if _, err := u.APIKey.Resolve(); !errors.Is(err, config.ErrUnresolved) || !strings.Contains(err.Error(), "POINTSMAN_TEST_KEY") {
		t.Errorf("unset: %v", err)
	}
	t.Setenv("POINTSMAN_TEST_KEY", "")
	if _, err := u.APIKey.Resolve(); !errors.Is(err, config.ErrUnresolved) {
		t.Errorf("empty: %v", err)
	}
	t.Setenv("POINTSMAN_TEST_KEY", secret)
	if got, err := u.APIKey.Resolve(); err != nil || got != secret {
		t.Errorf("set: %q, %v", got, err)
	}
	if _, err := u.BaseURL.Resolve(); !errors.Is(err, config.ErrUnresolved) {
		t.Errorf("unset host: %v", err)
	}
	t.Setenv("POINTSMAN_TEST_HOST", "example.com")
	if got, err := u.BaseURL.Resolve(); err != nil || got != "https://example.com/v1" {
		t.Errorf("host: %q, %v", got, err)
	}

	c, dir := withKey(t, "file:secret.key", "https://example.com/v1")
	u = c.Upstreams["on_premises"]
	file := filepath.Join(dir, "secret.key")
	for content, want := range map[string]string{secret: secret, secret + "\n": secret, secret + "\r\n": secret, "": "", "\n": "", "a\nb": "", strings.Repeat("a", 1<<20): ""} {
		if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		got, err := u.APIKey.Resolve()
		if got != want || (err == nil) != (want != "") || err != nil && (!errors.Is(err, config.ErrUnresolved) || strings.Contains(err.Error(), secret)) {
			t.Errorf("%.20q: %.20q, %v", content, got, err)
		}
	}
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	if _, err := u.APIKey.Resolve(); !errors.Is(err, config.ErrUnresolved) || !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no file: %v", err)
	}
	if got, err := (config.Secret{}).Resolve(); got != "" || err != nil || !(config.Secret{}).IsZero() {
		t.Errorf("no secret: %q, %v", got, err)
	}
}

// No way of writing a configuration down contains a resolved secret.
func TestSecretsAreNeverWritten(t *testing.T) {
	t.Setenv("POINTSMAN_TEST_KEY", secret)
	c, _ := withKey(t, "${POINTSMAN_TEST_KEY}", "https://${POINTSMAN_TEST_KEY}.example.com/v1")
	u := c.Upstreams["on_premises"]
	if _, err := u.APIKey.Resolve(); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	for _, handler := range []slog.Handler{slog.NewTextHandler(&out, nil), slog.NewJSONHandler(&out, nil)} {
		slog.New(handler).Info("x", "key", u.APIKey, "url", u.BaseURL, "upstream", u, "config", c)
	}
	snapshot, _ := c.Snapshot()
	out.Write(snapshot)
	fmt.Fprintf(&out, "%v %+v %#v %s %q %v %+v", u.APIKey, u.APIKey, u.APIKey, u.APIKey, u.APIKey, u, c)
	text, err := json.Marshal(u)
	if err != nil {
		t.Fatal(err)
	}
	out.Write(text)
	if strings.Contains(out.String(), secret) {
		t.Errorf("written:\n%s", out.String())
	}
	if !strings.Contains(string(snapshot), `"api_key":"${POINTSMAN_TEST_KEY}"`) {
		t.Errorf("the snapshot lost the reference:\n%s", snapshot)
	}
}

func TestCheckBaseURL(t *testing.T) {
	for url, ok := range map[string]bool{
		"https://api.example.com/v1": true, "http://127.0.0.1:1/v1": true, "ftp://x/v1": false, "https://u:p@x": false,
		"https://x?y=1": false, "": false, "${X}": false, "https://x:99999": false,
	} {
		if err := config.CheckBaseURL(url); (err == nil) != ok || err != nil && !errors.Is(err, config.ErrInvalid) {
			t.Errorf("%q: %v", url, err)
		}
	}
}

func TestUnresolved(t *testing.T) {
	c, err := config.Load("testdata/good/everything.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"OLLAMA_HOST", "OPENAI_API_KEY", "PROJECT"} {
		t.Setenv(name, "x")
	}
	t.Setenv("OTHER_URL", "not a URL")
	var paths []string
	for _, p := range c.Unresolved() {
		paths = append(paths, p.Path)
		if p.Line < 1 || p.Error() == "" {
			t.Errorf("%+v", p)
		}
	}
	if want := "upstreams.other.base_url upstreams.other.api_key"; strings.Join(paths, " ") != want {
		t.Errorf("%v, want %s", paths, want)
	}
}
