package gateway_test

import (
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pointsman-ai/pointsman"
	"github.com/pointsman-ai/pointsman/internal/admit"
	"github.com/pointsman-ai/pointsman/internal/call/calltest"
	"github.com/pointsman-ai/pointsman/internal/cascade"
	"github.com/pointsman-ai/pointsman/internal/gateway"
	"github.com/pointsman-ai/pointsman/internal/policy"
	"github.com/pointsman-ai/pointsman/internal/upstream"
	"github.com/pointsman-ai/pointsman/internal/upstream/openai"
)

// vendor is an upstream over HTTP that answers with a handler.
func vendor(t *testing.T, handle http.HandlerFunc) upstream.Upstream {
	t.Helper()
	server := httptest.NewServer(handle)
	t.Cleanup(server.Close)
	u, err := openai.New(openai.Options{BaseURL: server.URL, Client: server.Client()})
	if err != nil {
		t.Fatal(err)
	}
	return u
}

// refusing answers with a status, some headers, and the vendor's error object.
func refusing(status int, header ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body) // so that the connection can be used again
		for i := 0; i < len(header); i += 2 {
			w.Header().Set(header[i], header[i+1])
		}
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Set-Cookie", "vendor=1")
		w.WriteHeader(status)
		fmt.Fprintf(w, `{"error":{"message":"the vendor says %d","type":"vendor_type","param":null,"code":"vendor_code"}}`, status)
	}
}

// lines keeps what is logged.
type lines struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// startLogged is start with a log.
func startLogged(t *testing.T, w served, b *records, change ...func(*gateway.Options)) (string, *lines) {
	t.Helper()
	log := &lines{}
	b.outcomes = map[pointsman.Digest]bool{}
	o := gateway.Options{
		Acquire: func() (gateway.Instance, func()) { return w, func() {} }, Gate: admit.New(w.credentials()),
		Log: b, Outcomes: b, IDs: pointsman.NewIDSource(nil, nil), Logger: slog.New(slog.NewTextHandler(log, nil)),
	}
	for _, c := range change {
		c(&o)
	}
	s := httptest.NewServer(gateway.New(o))
	t.Cleanup(s.Close)
	return s.URL, log
}

// An upstream's refusal reaches the client as what it is: what the client can
// do something about with the vendor's own status, words and numbers, and what
// is the operator's as that. The log never repeats what the vendor said.
func TestRefusals(t *testing.T) {
	for _, c := range []struct {
		status  int
		header  []string
		want    int
		code    string            // in the body
		headers map[string]string // of the response
		kind    pointsman.FailureKind
		log     string
	}{
		{400, nil, 400, "vendor_code", map[string]string{"X-Should-Retry": ""}, pointsman.FailureRejected, "failure=rejected"},
		{404, nil, 404, "vendor_code", nil, pointsman.FailureRejected, "failure=rejected"},
		{413, nil, 413, "vendor_code", nil, pointsman.FailureRejected, "failure=rejected"},
		{422, []string{"X-Request-Id", "req_1"}, 422, "vendor_code", map[string]string{"X-Request-Id": "req_1"}, pointsman.FailureRejected, "failure=rejected"},
		{
			429,
			[]string{"Retry-After", "7", "Retry-After-Ms", "6500", "X-Request-Id", "req_2", "X-Ratelimit-Remaining-Tokens", "0"},
			429, "vendor_code",
			map[string]string{"Retry-After": "7", "Retry-After-Ms": "6500", "X-Request-Id": "req_2", "X-Ratelimit-Remaining-Tokens": "0", "Set-Cookie": ""},
			pointsman.FailureRateLimited, "upstream_status=429",
		},
		{401, []string{"X-Request-Id", "req_3"}, 502, "upstream_credentials", map[string]string{"X-Should-Retry": "false", "X-Request-Id": ""}, pointsman.FailureCredentials, "api_key"},
		{402, nil, 502, "upstream_credentials", map[string]string{"X-Should-Retry": "false"}, pointsman.FailureCredentials, "bill"},
		{403, nil, 502, "upstream_credentials", map[string]string{"X-Should-Retry": "false"}, pointsman.FailureCredentials, "permissions"},
		{405, nil, 502, "upstream_rejected", map[string]string{"X-Should-Retry": "false"}, pointsman.FailureRejected, "failure=rejected"},
		{409, []string{"X-Should-Retry", "true"}, 502, "upstream_rejected", map[string]string{"X-Should-Retry": "true"}, pointsman.FailureRejected, "failure=rejected"},
		{500, nil, 502, "upstream_failed", map[string]string{"X-Should-Retry": ""}, pointsman.FailureUnavailable, "failure=unavailable"},
		{503, []string{"Retry-After", "3"}, 502, "upstream_failed", map[string]string{"Retry-After": "3"}, pointsman.FailureUnavailable, "upstream_status=503"},
		{408, nil, 504, "upstream_timeout", nil, pointsman.FailureTimeout, "failure=timeout"},
	} {
		for _, model := range []string{"t", "up/m"} {
			for _, stream := range []bool{false, true} {
				t.Run(fmt.Sprintf("%d/%s/stream=%v", c.status, strings.ReplaceAll(model, "/", "-"), stream), func(t *testing.T) {
					b := &records{}
					url, log := startLogged(t, directly{newInstance(t, vendor(t, refusing(c.status, c.header...)))}, b)
					body := strings.Replace(hello, `"t"`, `"`+model+`"`, 1)
					if stream {
						body = strings.TrimSuffix(body, "}") + `,"stream":true}`
					}
					r := send(t, "POST", url+"/v1/chat/completions", body)
					if r.StatusCode != c.want || !strings.Contains(r.body, `"code":"`+c.code+`"`) {
						t.Errorf("%d %s, want %d %s", r.StatusCode, r.body, c.want, c.code)
					}
					if verbatim := fmt.Sprintf("the vendor says %d", c.status); strings.Contains(r.body, verbatim) != (c.code == "vendor_code") {
						t.Errorf("the vendor's words: %s", r.body)
					}
					for name, want := range c.headers {
						if got := r.Header.Get(name); got != want {
							t.Errorf("%s: %q, want %q", name, got, want)
						}
					}
					d := b.decisions[0]
					if d.Status != c.want || d.Lifecycle != pointsman.Failed || d.Cause != pointsman.CauseExhausted {
						t.Errorf("on record: %d %s %s", d.Status, d.Lifecycle, d.Cause)
					}
					if tries := d.Attempts[0].Tries; len(tries) != 1 || tries[0].Failure != c.kind || tries[0].Status != c.status {
						t.Errorf("tries on record: %+v", tries)
					}
					if text := log.String(); !strings.Contains(text, c.log) || !strings.Contains(text, string(d.ID)) || strings.Contains(text, "vendor says") || strings.Contains(text, "tier=") != (model == "t") {
						t.Errorf("logged: %s", text)
					}
				})
			}
		}
	}
}

// refused is a failure of a kind, with a status and a time to wait.
func refused(kind *upstream.Failure, status int, after time.Duration) error {
	f := upstream.Fail(kind, "status %d", status)
	f.Response, f.RetryAfter = &upstream.Response{Status: status, Dialect: pointsman.DialectChat}, after
	if after > 0 {
		f.Response.Header = map[string]string{"retry-after": fmt.Sprint(after.Seconds())}
	}
	return f
}

// A cascade tells the most useful of its failures: one that passes goes before
// one that does not, the one that passes first before the others.
func TestACascadeTellsTheMostUsefulFailure(t *testing.T) {
	limited := func(s time.Duration) error { return refused(upstream.ErrRateLimited, 429, s*time.Second) }
	rejected, key := refused(upstream.ErrRejected, 400, 0), refused(upstream.ErrCredentials, 401, 0)
	unavailable, late := refused(upstream.ErrUnavailable, 503, 0), upstream.Fail(upstream.ErrTimeout, "no answer")
	for name, c := range map[string]struct {
		small, large error
		status       int
		retryAfter   string
		code         string
	}{
		"a refusal of the largest":      {key, rejected, 400, "", "upstream_rejected"},
		"the key of the largest":        {rejected, key, 502, "", "upstream_credentials"},
		"one that passes":               {limited(9), rejected, 429, "9", "rate_limit_exceeded"},
		"one that passes, at last":      {rejected, limited(9), 429, "9", "rate_limit_exceeded"},
		"the one that passes first":     {limited(9), limited(20), 429, "9", "rate_limit_exceeded"},
		"that first, the other way":     {limited(20), limited(9), 429, "9", "rate_limit_exceeded"},
		"one that says when":            {limited(9), unavailable, 429, "9", "rate_limit_exceeded"},
		"the last that passes":          {late, unavailable, 502, "", "upstream_failed"},
		"the last that passes, a limit": {unavailable, late, 504, "", "upstream_timeout"},
		"all keys":                      {key, key, 502, "", "upstream_credentials"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newInstance(t, model{err: c.small})
			w.task.Tiers = append(w.task.Tiers, cascade.Tier{Tier: calltest.Tier(
				pointsman.Tier{ID: "large", Timeout: time.Minute, Variant: pointsman.Variant{Model: "l"}}, model{err: c.large},
			)})
			w.task.Rules = both{}
			threshold := 1.0
			w.task.Policy = &policy.Policy{Stages: []policy.Stage{{Thresholds: []policy.Threshold{{Threshold: &threshold, Certified: true}}}}}
			b := &records{}
			url, _ := startLogged(t, w, b)
			r := send(t, "POST", url+"/v1/chat/completions", hello)
			if len(b.decisions[0].Attempts) != 2 {
				t.Fatalf("attempts: %+v", b.decisions[0].Attempts)
			}
			if r.StatusCode != c.status || r.Header.Get("Retry-After") != c.retryAfter || !strings.Contains(r.body, `"code":"`+c.code+`"`) {
				t.Errorf("%d %q %s, want %d %q %s", r.StatusCode, r.Header.Get("Retry-After"), r.body, c.status, c.retryAfter, c.code)
			}
		})
	}
}

// both permits both tiers.
type both struct{}

func (both) Apply(*pointsman.Request) pointsman.RuleEffect {
	return pointsman.RuleEffect{Permitted: []pointsman.TierID{"only", "large"}, Stakes: 1}
}
