package gateway_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/pointsman-ai/pointsman"
	"github.com/pointsman-ai/pointsman/internal/admit"
	"github.com/pointsman-ai/pointsman/internal/gateway"
	"github.com/pointsman-ai/pointsman/internal/journal"
)

// nothing is a log that keeps nothing, so that only the request is counted.
type nothing struct{ *records }

func (nothing) Record(*pointsman.Decision, pointsman.Recording, *journal.Payload) error { return nil }

// recorder takes a deadline, as net/http's own writer does.
type recorder struct{ *httptest.ResponseRecorder }

func (recorder) SetWriteDeadline(time.Time) error { return nil }

// TestAllocationsOfARequest bounds what one request allocates in gateway and
// cascade, the model's own answer included: what was measured, and a tenth more.
// Every allocation here is paid millions of times a day.
func TestAllocationsOfARequest(t *testing.T) {
	if testing.Short() {
		t.Skip("counted without the race detector, which changes it: make unit")
	}
	w := newInstance(t, model{text: "hi"})
	g := gateway.New(gateway.Options{
		Acquire: func() (gateway.Instance, func()) { return w, func() {} }, Gate: admit.New(w.keys),
		Log: nothing{&records{}}, Outcomes: &records{}, IDs: pointsman.NewIDSource(nil, nil),
	})
	serve := func(body string) func() {
		return func() {
			r := httptest.NewRequest(http.MethodPost, "/v1/chat/completions", strings.NewReader(body))
			answer := recorder{httptest.NewRecorder()}
			g.ServeHTTP(answer, r)
			if answer.Code != http.StatusOK {
				t.Fatalf("%d %s", answer.Code, answer.Body)
			}
		}
	}
	for _, c := range []struct {
		name string
		body string
		most float64
	}{
		{"plain", hello, 80},
		{"stream", strings.TrimSuffix(hello, "}") + `,"stream":true}`, 128},
	} {
		if got := testing.AllocsPerRun(200, serve(c.body)); got > c.most {
			t.Errorf("%s: %.0f allocations, want at most %.0f", c.name, got, c.most)
		} else {
			t.Logf("%s: %.0f allocations", c.name, got)
		}
	}
}

func BenchmarkRequest(b *testing.B) {
	w := newInstance(b, model{text: "hi"})
	g := gateway.New(gateway.Options{
		Acquire: func() (gateway.Instance, func()) { return w, func() {} }, Gate: admit.New(w.keys),
		Log: nothing{&records{}}, Outcomes: &records{}, IDs: pointsman.NewIDSource(nil, nil),
	})
	b.ReportAllocs()
	for b.Loop() {
		g.ServeHTTP(recorder{httptest.NewRecorder()}, httptest.NewRequest(http.MethodPost, "/v1/chat/completions", strings.NewReader(hello)))
	}
}
