package server_test

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/pointsman-ai/pointsman/internal/server"
)

// hashed is the entry of a key under server.keys.
func hashed(name, key, more string) string {
	sum := sha256.Sum256([]byte(key))
	return fmt.Sprintf("{name: %s, sha256: %q%s}", name, hex.EncodeToString(sum[:]), more)
}

// rewrite changes the configuration of a running server, which reads it again.
func (r *running) rewrite(t *testing.T, was, is string) {
	t.Helper()
	path := filepath.Join(r.dir, "pointsman.yaml")
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(content), was) {
		t.Fatalf("%q is not in the configuration", was)
	}
	if err := os.WriteFile(path, []byte(strings.Replace(string(content), was, is, 1)), 0o600); err != nil {
		t.Fatal(err)
	}
}

// ask sends a request with a key and returns the status.
func ask(t *testing.T, r *running, key, body string) int {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, r.API+"/v1/chat/completions", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Authorization", "Bearer "+key)
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	return response.StatusCode
}

// until waits for something that a reload brings about.
func until(t *testing.T, what string, holds func() bool) {
	t.Helper()
	deadline := time.After(30 * time.Second)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !holds() {
		select {
		case <-deadline:
			t.Fatal(what)
		case <-tick.C:
		}
	}
}

// A reload that takes all keys away would open a server that others can reach:
// it is refused though the file itself is in order, because --listen is not in
// it.
func TestAReloadDoesNotOpenTheServer(t *testing.T) {
	key := hashed("app", "k", "")
	r, err := tryStart(t, respond, "keys: ["+key+"]", server.Options{Listen: "0.0.0.0:0"})
	if err != nil {
		t.Fatal(err)
	}
	r.API = strings.NewReplacer("0.0.0.0", "127.0.0.1", "[::]", "127.0.0.1").Replace(r.API)
	if with, without := ask(t, r, "k", whole), ask(t, r, "", whole); with != 200 || without != 401 {
		t.Fatalf("with the key %d, without %d", with, without)
	}
	r.rewrite(t, "keys: ["+key+"]", "")
	until(t, "the reload was not refused", func() bool { return strings.Contains(r.log.String(), "is refused") })
	if with, without := ask(t, r, "k", whole), ask(t, r, "", whole); with != 200 || without != 401 {
		t.Errorf("after the reload: with the key %d, without %d", with, without)
	}
}

// A key that a reload removes is refused from then on; the request that it
// began goes on to its end.
func TestAReloadThatRemovesAKeyUnderItsRequest(t *testing.T) {
	goOn := make(chan struct{})
	reached := make(chan struct{}, 8)
	gone, stays := hashed("gone", "1", ""), hashed("stays", "2", "")
	r := start(t, func(w http.ResponseWriter, q *http.Request) {
		reached <- struct{}{}
		select {
		case <-goOn:
			respond(w, q)
		case <-q.Context().Done():
		}
	}, "keys: ["+gone+", "+stays+"]")
	first := make(chan int, 1)
	go func() { first <- ask(t, r, "1", whole) }()
	<-reached
	r.rewrite(t, gone+", ", "")
	until(t, "the key is still known", func() bool { return ask(t, r, "1", `{}`) == 401 })
	close(goOn)
	if status := <-first; status != 200 {
		t.Errorf("the running request ended with %d", status)
	}
	if status := ask(t, r, "2", whole); status != 200 {
		t.Errorf("the key that stays: %d", status)
	}
}

// Keys may not walk around the rules of tasks unless their owner says so.
func TestKeysMayNotNameUpstreamsByDefault(t *testing.T) {
	direct := strings.Replace(whole, `"open"`, `"api/m"`, 1)
	r := start(t, respond, "keys: ["+hashed("app", "1", "")+", "+hashed("lab", "2", ", direct: [api]")+", "+hashed("other", "3", ", direct: allow")+"]")
	for key, want := range map[string]int{"1": 404, "2": 200, "3": 200} {
		if status := ask(t, r, key, direct); status != want {
			t.Errorf("key %s names an upstream: %d, want %d", key, status, want)
		}
		if status := ask(t, r, key, whole); status != 200 {
			t.Errorf("key %s names a task: %d", key, status)
		}
	}
	open := start(t, respond, "")
	if status := ask(t, open, "", direct); status != 200 {
		t.Errorf("without keys: %d", status)
	}
	denied := start(t, respond, "direct: deny")
	if with, without := ask(t, denied, "", whole), ask(t, denied, "", direct); with != 200 || without != 404 {
		t.Errorf("without keys and direct: deny: %d, %d", with, without)
	}
}

// The guard stands in front of the API, and a reload changes what it asks for.
func TestWebPagesAreRefused(t *testing.T) {
	r := start(t, respond, "")
	send := func(header ...string) int {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, r.API+"/v1/chat/completions", strings.NewReader(whole))
		if err != nil {
			t.Fatal(err)
		}
		for i := 0; i < len(header); i += 2 {
			if header[i] == "Host" {
				request.Host = header[i+1]
			}
			request.Header.Set(header[i], header[i+1])
		}
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		return response.StatusCode
	}
	const page = "https://app.example.com"
	for name, c := range map[string]struct {
		header []string
		want   int
	}{
		"a page":           {[]string{"Content-Type", "text/plain", "Origin", page}, 403},
		"no JSON":          {[]string{"Content-Type", "text/plain"}, 415},
		"a rebound name":   {[]string{"Content-Type", "application/json", "Host", "evil.example.com"}, 403},
		"an honest client": {[]string{"Content-Type", "application/json"}, 200},
	} {
		if got := send(c.header...); got != c.want {
			t.Errorf("%s: %d, want %d", name, got, c.want)
		}
	}
	r.rewrite(t, "server: {", `server: {cors: {origins: ["`+page+`"]}`)
	until(t, "the page is still refused", func() bool { return send("Content-Type", "application/json", "Origin", page) == 200 })
}

// Nobody else sees the administration of a server that asks for no key.
func TestAdministrationIsNotOpenWithoutKeys(t *testing.T) {
	o := server.Options{Listen: "127.0.0.1:0", AdminListen: "0.0.0.0:0"}
	if _, err := tryStart(t, respond, "", o); err == nil || !strings.Contains(err.Error(), "can be reached by others") {
		t.Errorf("without keys: %v", err)
	}
	if _, err := tryStart(t, respond, "keys: ["+hashed("app", "k", "")+"]", o); err != nil {
		t.Errorf("with keys: %v", err)
	}
}

// A key that is not there makes every request fail: the log says so at the
// start, and names the setting.
func TestMissingSecretsAreLogged(t *testing.T) {
	r := start(t, respond, "")
	if strings.Contains(r.log.String(), "configuration: ") {
		t.Error("something is wrong with a configuration that is in order")
	}
	r.rewrite(t, "{type: openai,", `{type: openai, api_key: "${POINTSMAN_TEST_NO_SUCH_KEY}",`)
	until(t, "nothing is logged", func() bool { return strings.Contains(r.log.String(), "POINTSMAN_TEST_NO_SUCH_KEY is not set") })
	if !strings.Contains(r.log.String(), "upstreams.api.api_key") {
		t.Error(r.log.String())
	}
}
