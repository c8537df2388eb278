package collect

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/pointsman-ai/pointsman"
	"github.com/pointsman-ai/pointsman/internal/dataset"
)

// A key for a gateway goes to this machine without TLS, and to no public
// address.
func TestWhereAKeyIsSent(t *testing.T) {
	server := httptest.NewServer(answer("refund"))
	defer server.Close()
	defer http.DefaultClient.CloseIdleConnections()
	for base, refused := range map[string]string{server.URL: "", "http://192.0.2.1:9": "in the clear", "https://169.254.169.254": "never connected to"} {
		a, err := NewHTTP(HTTPOptions{
			BaseURL: base + "/v1", Model: "intent", Key: "k",
			Read: func(a *pointsman.Answer, _ string) pointsman.Reading {
				return pointsman.Reading{Valid: true, Label: strings.TrimSpace(a.Text)}
			},
			Identity: func(Target) (pointsman.Digest, error) { return "", nil },
			Retry: Retry{Attempts: 3, Sleep: func(ctx context.Context, _ time.Duration) error {
				t.Errorf("%s: asked again, which cannot help", base)
				return ctx.Err()
			}},
		})
		if err != nil {
			t.Fatal(err)
		}
		_, err = a.Ask(t.Context(), Target{}, &dataset.Example{Input: "my money back"})
		a.options.Client.CloseIdleConnections()
		if refused == "" && err != nil || refused != "" && (err == nil || !strings.Contains(err.Error(), refused)) {
			t.Errorf("%s: %v, want %q", base, err, refused)
		}
		if refused != "" && !errors.Is(err, ErrStop) {
			t.Errorf("%s: %v: every other example would fail alike", base, err)
		}
	}
}
