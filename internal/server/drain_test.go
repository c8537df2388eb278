package server_test

import (
	"bufio"
	"encoding/json"
	"io"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pointsman-ai/pointsman"
	"github.com/pointsman-ai/pointsman/internal/journal"
)

// stream is a streamed answer of which the first event has come.
type stream struct {
	lines *bufio.Scanner
	body  io.Closer
}

func openStream(t *testing.T, r *running) *stream {
	t.Helper()
	return openStreamOf(t, r, streamed)
}

func openStreamOf(t *testing.T, r *running, request string) *stream {
	t.Helper()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	response, err := client.Post(r.API+"/v1/chat/completions", "application/json", strings.NewReader(request))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { response.Body.Close() })
	s := &stream{bufio.NewScanner(response.Body), response.Body}
	if !s.lines.Scan() || !strings.Contains(s.lines.Text(), "word ") {
		t.Fatalf("%s: %q, %v", response.Status, s.lines.Text(), s.lines.Err())
	}
	return s
}

// rest is what comes after the first event, to the end of the stream.
func (s *stream) rest(t *testing.T) string {
	t.Helper()
	var all strings.Builder
	for s.lines.Scan() {
		all.WriteString(s.lines.Text() + "\n")
	}
	if err := s.lines.Err(); err != nil {
		t.Errorf("the stream was torn off: %v after %q", err, all.String())
	}
	return all.String()
}

// recorded are the decisions on record.
func recorded(t *testing.T, r *running) []pointsman.Decision {
	t.Helper()
	var all []pointsman.Decision
	for entry, err := range journal.Read(filepath.Join(r.dir, "data", "journal"), journal.Position{}) {
		if err != nil {
			t.Fatal(err)
		}
		if entry.Kind == journal.KindDecision {
			d, _, err := entry.Decision()
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, *d)
		}
	}
	return all
}

// untilDraining waits until the probes say that the server drains, and checks
// that both listeners say so.
func untilDraining(t *testing.T, r *running) {
	t.Helper()
	deadline := time.After(20 * time.Second)
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		response, body := get(t, "GET", r.API+"/readyz", "")
		if response.StatusCode == 503 && strings.Contains(body, "draining") {
			break
		}
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("readiness still says %s %s", response.Status, body)
		}
	}
	if response, body := get(t, "GET", r.Admin+"/readyz", ""); response.StatusCode != 503 || !strings.Contains(body, "draining") {
		t.Errorf("administration says %s %s", response.Status, body)
	}
	if response, _ := get(t, "GET", r.API+"/healthz", ""); response.StatusCode != 200 {
		t.Errorf("health while it drains: %s", response.Status)
	}
}

// While the server drains, its probes can be asked and say so, new requests are
// sent elsewhere, and a request that runs is finished and recorded as whole.
func TestDrainFinishesWhatRuns(t *testing.T) {
	goOn := make(chan struct{})
	r := start(t, slowStream(goOn), "drain_timeout: 1m")
	if response, body := get(t, "GET", r.API+"/readyz", ""); response.StatusCode != 200 {
		t.Fatalf("before: %s %s", response.Status, body)
	}
	s := openStream(t, r)
	r.stop()
	untilDraining(t, r)
	response, body := get(t, "POST", r.API+"/v1/chat/completions", whole)
	if response.StatusCode != 503 || response.Header.Get("Retry-After") == "" || !response.Close || !strings.Contains(body, "service_unavailable") {
		t.Errorf("a new request: %s, %v, close %v\n%s", response.Status, response.Header, response.Close, body)
	}
	close(goOn)
	if rest := s.rest(t); !strings.HasSuffix(rest, "data: [DONE]\n\n") {
		t.Errorf("the stream that ran ended with %q", rest)
	}
	r.end(t)
	if all := recorded(t, r); len(all) != 1 || all[0].Lifecycle != pointsman.Completed || all[0].Cause != pointsman.CauseLast {
		t.Errorf("on record: %+v", all)
	}
}

// A request that outlasts the patience of the server is told why its answer
// ends, and is recorded as failed by the server, not as left by its client.
func TestDrainTellsWhomItCutsOff(t *testing.T) {
	for name, settings := range map[string]string{"out of patience": "drain_timeout: 100ms", "asked again": "drain_timeout: 1h"} {
		t.Run(name, func(t *testing.T) {
			r := start(t, slowStream(nil), settings)
			s := openStream(t, r)
			r.stop()
			if name == "asked again" {
				untilDraining(t, r)
				r.hurry()
			}
			var failure struct {
				Error struct{ Code, Message string }
			}
			rest := strings.TrimSpace(s.rest(t))
			if err := json.Unmarshal([]byte(strings.TrimPrefix(rest, "data: ")), &failure); err != nil || failure.Error.Code != "service_unavailable" || !strings.Contains(failure.Error.Message, "stopped") {
				t.Errorf("the client was told %q (%v)", rest, err)
			}
			r.end(t)
			if all := recorded(t, r); len(all) != 1 || all[0].Lifecycle != pointsman.Failed || all[0].Cause != pointsman.CauseDrained {
				t.Errorf("on record: %+v", all)
			}
		})
	}
}

// A request that waits for its whole answer is cut off with a 503.
func TestDrainAnswersWhomItCutsOff(t *testing.T) {
	asked := make(chan struct{})
	r := start(t, func(_ http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body) //nolint:errcheck // its client's going is seen behind it
		close(asked)
		<-r.Context().Done()
	}, "drain_timeout: 50ms")
	go func() {
		<-asked
		r.stop()
	}()
	response, body := get(t, "POST", r.API+"/v1/chat/completions", whole)
	if response.StatusCode != 503 || !strings.Contains(body, "stopped before") {
		t.Errorf("%s %s", response.Status, body)
	}
	r.end(t)
	if all := recorded(t, r); len(all) != 1 || all[0].Lifecycle != pointsman.Failed || all[0].Cause != pointsman.CauseDrained || all[0].Status != 503 {
		t.Errorf("on record: %+v", all)
	}
}

// With nothing to finish, the server ends at once, whatever its patience, also
// with connections that are open and idle.
func TestDrainOfAnIdleServer(t *testing.T) {
	r := start(t, respond, "drain_timeout: 1h")
	client := &http.Client{Transport: &http.Transport{}}
	defer client.CloseIdleConnections()
	response, err := client.Post(r.API+"/v1/chat/completions", "application/json", strings.NewReader(whole))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(io.Discard, response.Body); err != nil {
		t.Fatal(err)
	}
	response.Body.Close() //nolint:errcheck // read to its end
	r.stop()
	r.end(t)
}

// A client that does not read keeps the end no longer than its steps take, and
// its request is on record.
func TestDrainOfAClientThatDoesNotRead(t *testing.T) {
	var sent atomic.Int64
	r := start(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		for r.Context().Err() == nil {
			if _, err := io.WriteString(w, event); err != nil {
				return
			}
			sent.Add(1)
		}
	}, "drain_timeout: 50ms")
	s := openStream(t, r) // and reads nothing more
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for before, same := int64(0), 0; same < 5; <-tick.C { // until every buffer on the way is full
		if now := sent.Load(); now == before {
			same++
		} else {
			before, same = now, 0
		}
	}
	r.stop()
	r.end(t)
	s.body.Close() //nolint:errcheck // it was only held
	if all := recorded(t, r); len(all) != 1 || all[0].Lifecycle == pointsman.Completed {
		t.Errorf("on record: %+v", all)
	}
}

func TestRequestsInFlightAreCounted(t *testing.T) {
	goOn := make(chan struct{})
	r := start(t, slowStream(goOn), "")
	inFlight := func(want string) bool {
		_, metrics := get(t, "GET", r.Admin+"/metrics", "")
		return strings.Contains(metrics, "\npointsman_requests_in_flight "+want+"\n")
	}
	if !inFlight("0") {
		t.Error("before: not 0")
	}
	a, b := openStream(t, r), openStream(t, r)
	if !inFlight("2") {
		t.Error("with two streams: not 2")
	}
	close(goOn)
	a.rest(t)
	b.rest(t)
	r.stop()
	r.end(t)
}

// Clients that ask again and again over one connection are refused, so that they
// can ask elsewhere, and never find it closed under a request.
func TestDrainUnderLoad(t *testing.T) {
	r := start(t, respond, "")
	var answered, refused atomic.Int64
	var clients sync.WaitGroup
	enough := make(chan struct{})
	for range 16 {
		clients.Go(func() {
			client := &http.Client{Transport: &http.Transport{}}
			defer client.CloseIdleConnections()
			last := time.Now() // when this client began to be silent
			for {
				response, err := client.Post(r.API+"/v1/chat/completions", "application/json", strings.NewReader(whole))
				if err != nil && time.Since(last) > 200*time.Millisecond {
					// The machine held this client back until its connection
					// was rightly closed for its silence.
					refused.Add(1)
					return
				}
				if err != nil {
					t.Error(err)
					return
				}
				_, err = io.Copy(io.Discard, response.Body)
				response.Body.Close() //nolint:errcheck // read to its end
				last = time.Now()
				switch {
				case err != nil:
					t.Error(err)
					return
				case response.StatusCode == 200:
					if answered.Add(1) == 200 {
						close(enough)
					}
				case response.StatusCode == 503 && response.Close:
					refused.Add(1)
					return
				default:
					t.Errorf("%s, close %v", response.Status, response.Close)
					return
				}
			}
		})
	}
	<-enough
	r.stop()
	clients.Wait()
	r.end(t)
	if all := recorded(t, r); len(all) != int(answered.Load()) || refused.Load() != 16 {
		t.Errorf("%d answered, %d on record, %d refused", answered.Load(), len(all), refused.Load())
	}
}
