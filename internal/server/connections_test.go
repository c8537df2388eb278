package server_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

func dial(t *testing.T, base string) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", strings.TrimPrefix(base, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	if err := c.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	return c
}

func send(t *testing.T, c net.Conn, text string) {
	t.Helper()
	if _, err := io.WriteString(c, text); err != nil {
		t.Fatal(err)
	}
}

// head is the start of a request with a body.
func head(path, version string, length int, more string) string {
	return fmt.Sprintf("POST %s %s\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: %d\r\n%s\r\n", path, version, length, more)
}

// Clients that connect and send nothing, half a header or half a body do not
// hold their connection for longer than server.read_timeout, on either
// listener; one that sends a request is answered.
func TestClientsThatDoNotSend(t *testing.T) {
	r := start(t, respond, "read_timeout: 400ms")
	for _, base := range []string{r.API, r.Admin} {
		for _, sent := range []string{"", "GET /healthz HTTP/1.1\r\nHost: local", head("/v1/chat/completions", "HTTP/1.1", 1000, "") + `{"model":`} {
			c := dial(t, base)
			send(t, c, sent)
			if _, err := io.Copy(io.Discard, c); err != nil {
				t.Errorf("after %q: %v, want the connection's end", sent, err)
			}
		}
	}
	if response, body := get(t, "POST", r.API+"/v1/chat/completions", whole); response.StatusCode != 200 {
		t.Errorf("%s %s", response.Status, body)
	}
}

// Requests of HTTP/1.0, and several that are sent at once over one connection,
// are answered in their order.
func TestOldAndPipelinedRequests(t *testing.T) {
	r := start(t, respond, "")
	c := dial(t, r.API)
	send(t, c, head("/v1/chat/completions", "HTTP/1.0", len(whole), "")+whole)
	all, err := io.ReadAll(c)
	if err != nil || !strings.HasPrefix(string(all), "HTTP/1.0 200 OK\r\n") || !strings.HasSuffix(string(all), answer) {
		t.Errorf("HTTP/1.0: %v\n%s", err, all)
	}
	c = dial(t, r.API)
	const times = 20
	var requests strings.Builder
	for n := range times {
		path := "/v1/chat/completions"
		if n%2 == 1 {
			path = "/nowhere"
		}
		requests.WriteString(head(path, "HTTP/1.1", len(whole), "") + whole)
	}
	send(t, c, requests.String())
	reader := bufio.NewReader(c)
	for n := range times {
		response, err := http.ReadResponse(reader, nil)
		if err != nil {
			t.Fatalf("response %d: %v", n, err)
		}
		if _, err := io.Copy(io.Discard, response.Body); err != nil {
			t.Fatal(err)
		}
		if want := []int{200, 404}[n%2]; response.StatusCode != want {
			t.Errorf("response %d: %s, want %d", n, response.Status, want)
		}
	}
}

// Many connections that are open and idle hold nobody up, nor the end.
func TestIdleConnections(t *testing.T) {
	r := start(t, respond, "drain_timeout: 1h")
	for n := range 500 {
		c := dial(t, r.API)
		if n%2 == 0 { // the others have never sent anything
			send(t, c, "GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
			if _, err := http.ReadResponse(bufio.NewReader(c), nil); err != nil {
				t.Fatal(err)
			}
		}
	}
	if response, body := get(t, "POST", r.API+"/v1/chat/completions", whole); response.StatusCode != 200 {
		t.Errorf("%s %s", response.Status, body)
	}
	began := time.Now()
	r.stop()
	r.end(t)
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("the end took %v", took)
	}
}

// server.read_timeout bounds what a client sends, and not how long its answer
// takes.
func TestAnAnswerMayTakeLongerThanItsRequest(t *testing.T) {
	r := start(t, func(w http.ResponseWriter, q *http.Request) {
		body, err := io.ReadAll(q.Body)
		if err != nil {
			return
		}
		select {
		case <-time.After(time.Second):
		case <-q.Context().Done():
			return
		}
		if strings.Contains(string(body), `"stream":true`) {
			w.Header().Set("Content-Type", "text/event-stream")
			io.WriteString(w, event+last) //nolint:errcheck // the client sees it
			return
		}
		respond(w, q)
	}, "read_timeout: 300ms")
	for _, body := range []string{whole, streamed} {
		response, answer := get(t, "POST", r.API+"/v1/chat/completions", body)
		if response.StatusCode != 200 {
			t.Errorf("%s %s", response.Status, answer)
		}
	}
}
