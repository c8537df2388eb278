package instance_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/pointsman-ai/pointsman"
	"github.com/pointsman-ai/pointsman/internal/artefact"
	"github.com/pointsman-ai/pointsman/internal/config"
	"github.com/pointsman-ai/pointsman/internal/instance"
)

// askingUpstream is a configuration with one upstream over HTTP.
func askingUpstream(settings string) string {
	return `version: 1
upstreams:
  api: {type: openai, location: self_hosted, ` + settings + `}
models:
  only: {upstream: api}
tasks:
  open: {kind: open, tiers: [{name: only, model: only}]}
`
}

// A key goes over http:// to this machine; where it would go over a public
// network, and to metadata services, nothing is sent. What the file does not
// show, because it stands in the environment, is refused all the same.
func TestWhereAKeyMayGo(t *testing.T) {
	t.Setenv("EGRESS_KEY", "sk-test")
	asked := 0
	api := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer sk-test" {
			t.Error("no key came along")
		}
		asked++
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write([]byte(`{"id":"1","object":"chat.completion","created":1,"model":"m","choices":[{"index":0,"message":{"role":"assistant","content":"hello"},"finish_reason":"stop"}]}`))
	}))
	defer api.Close()
	for name, c := range map[string]struct {
		base, more, refused string // refused: what the error says
	}{
		"loopback":            {api.URL, "", ""},
		"localhost":           {strings.Replace(api.URL, "127.0.0.1", "localhost", 1), "", ""},
		"an uppercase scheme": {strings.Replace(api.URL, "http", "HTTP", 1), "", ""},
		"a public address":    {"http://192.0.2.1:9", "", "in the clear"},
		"a metadata service":  {"http://169.254.169.254", "", "never connected to"},
		"allowed metadata":    {"http://169.254.169.254", ", cleartext_key: allow", "never connected to"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("EGRESS_URL", c.base)
			file, err := config.Parse("x.yaml", []byte(askingUpstream(`base_url: "${EGRESS_URL}", api_key: "${EGRESS_KEY}"`+c.more)), t.TempDir())
			if err != nil {
				t.Fatal(err)
			}
			w, err := instance.Build(file, instance.Options{Store: artefact.Open(t.TempDir())})
			if err == nil {
				defer w.Close()
				task, findErr := w.Task("open")
				if findErr != nil {
					t.Fatal(findErr)
				}
				var d pointsman.Decision
				_, err = task.Run(t.Context(), time.Now, request(t, "open", nil), &d, nil)
			}
			switch {
			case c.refused == "" && err != nil:
				t.Error(err)
			case c.refused != "" && (err == nil || !strings.Contains(err.Error(), c.refused)):
				t.Errorf("%v, want %q", err, c.refused)
			}
			var problems config.Problems
			if errors.As(err, &problems) && strings.Contains(err.Error(), "sk-test") {
				t.Error("the key is in the error")
			}
		})
	}
	if asked != 3 {
		t.Errorf("%d requests came, want 3", asked)
	}
}
