package recorded_test

import (
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"

	"github.com/pointsman-ai/pointsman/internal/upstream/recorded"
)

// The recorder passes its clients' keys on, to this machine without TLS and to
// no public address, and asks no metadata service at all.
func TestWhereTheRecorderSendsKeys(t *testing.T) {
	target := httptest.NewServer(http.HandlerFunc(vendor))
	defer target.Close()
	for base, want := range map[string]struct {
		status  int
		because string
	}{
		target.URL:                {200, ""},
		"http://192.0.2.1:9":      {502, "in the clear"},
		"https://169.254.169.254": {502, "never connected to"},
	} {
		writer, err := recorded.NewWriter(filepath.Join(t.TempDir(), "x.pmrec"))
		if err != nil {
			t.Fatal(err)
		}
		defer writer.Close()
		reports := make(chan error, 1)
		proxy, err := recorded.NewProxy(base+"/v1", writer, recorded.ProxyOptions{Recorded: func(err error) { reports <- err }})
		if err != nil {
			t.Fatal(err)
		}
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/v1/chat/completions", strings.NewReader(`{"model":"m","messages":[]}`))
		r.Header.Set("Authorization", "Bearer client-key")
		w := httptest.NewRecorder()
		proxy.ServeHTTP(w, r)
		report := <-reports
		if w.Code != want.status || (want.because == "") != (report == nil) || report != nil && !strings.Contains(report.Error(), want.because) {
			t.Errorf("%s: %d, %v", base, w.Code, report)
		}
		if err := proxy.Close(); err != nil {
			t.Error(err)
		}
	}
}
