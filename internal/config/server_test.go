package config_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pointsman-ai/pointsman"
	"github.com/pointsman-ai/pointsman/internal/config"
)

func load(t *testing.T, file string) *config.Config {
	t.Helper()
	c, err := config.Load(file)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// Who may name upstreams depends on whether there are keys, unless the file
// says it.
func TestDirectDefaults(t *testing.T) {
	const hash = "aabbccddeeff00112233445566778899aabbccddeeff00112233445566778899"
	for _, c := range []struct {
		server string
		key    config.Direct // of the first key, or of everybody
	}{
		{"", config.Direct{All: true}},
		{"server: {direct: deny}", config.Direct{}},
		{"server: {direct: [on_premises]}", config.Direct{Upstreams: []pointsman.UpstreamID{"on_premises"}}},
		{"server: {keys: [{name: a, sha256: " + hash + "}]}", config.Direct{}},
		{"server: {direct: allow, keys: [{name: a, sha256: " + hash + "}]}", config.Direct{All: true}},
		{"server: {direct: deny, keys: [{name: a, sha256: " + hash + ", direct: allow}]}", config.Direct{All: true}},
		{"server: {direct: allow, keys: [{name: a, sha256: " + hash + ", direct: deny}]}", config.Direct{}},
		{"server: {keys: [{name: a, sha256: " + hash + ", direct: [on_premises]}]}", config.Direct{Upstreams: []pointsman.UpstreamID{"on_premises"}}},
	} {
		server := parse(t, strings.Replace(minimal, "version: 1", "version: 1\n"+c.server, 1)).Server
		got := server.Direct
		if len(server.Keys) > 0 {
			got = *server.Keys[0].Direct
		}
		if diff := cmp.Diff(c.key, got); diff != "" {
			t.Errorf("%s:\n%s", c.server, diff)
		}
	}
}

// A time-out that the whole request cuts off is legal, and said.
func TestWarnings(t *testing.T) {
	var got []string
	for _, p := range load(t, "testdata/good/access.yaml").Warnings() {
		got = append(got, p.Path+": "+p.Message)
	}
	want := []string{
		"server.read_timeout: read_timeout is 1m, and a whole request may take 30s",
		"tasks.chat.tiers[0].timeout: an answer may take 1m, and a whole request 30s",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	open := parse(t, strings.Replace(minimal, "version: 1", "version: 1\nserver: {admin_listen: 0.0.0.0:8088, keys: [{name: a, sha256: aabbccddeeff00112233445566778899aabbccddeeff00112233445566778899}]}", 1))
	if w := open.Warnings(); len(w) != 1 || !strings.Contains(w[0].Message, "without a key") {
		t.Errorf("open administration: %v", w)
	}
	for _, file := range []string{"testdata/good/minimal.yaml", "testdata/good/everything.yaml"} {
		if w := load(t, file).Warnings(); len(w) > 0 {
			t.Errorf("%s: %v", file, w)
		}
	}
}

// What was in force once can be replayed, whatever is refused today.
func TestOldSnapshotsAreRead(t *testing.T) {
	old := `{"data_dir":"./data","journal":{},"models":{"small":{"name":"small","price":"unknown","upstream":"vendor"}},` +
		`"server":{"direct":"allow","listen":"127.0.0.1:8088","read_timeout":"30s","request_timeout":"10s"},` +
		`"tasks":{"chat":{"contract":{},"fallback":"none","kind":"open","record":"redacted","tiers":[{"model":"small","name":"only","timeout":"30s"}]}},` +
		`"upstreams":{"vendor":{"api_key":"${KEY}","base_url":"http://api.example.com/v1","location":"self_hosted","timeout":"30s","type":"openai"}},"version":1}`
	if _, err := config.FromSnapshot([]byte(old)); err != nil {
		t.Fatal(err)
	}
	// As a file, two of its settings are refused.
	_, err := config.Parse("x.yaml", []byte(old), ".")
	if err == nil || !strings.Contains(err.Error(), "same address") {
		t.Error(err)
	}
}
