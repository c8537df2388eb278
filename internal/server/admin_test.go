package server_test

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/pointsman-ai/pointsman"
	"github.com/pointsman-ai/pointsman/internal/config"
	"github.com/pointsman-ai/pointsman/internal/server"
)

// Metrics and profiles are for operators: they have an address of their own.
// The probes are on both.
func TestAdministrationHasItsOwnAddress(t *testing.T) {
	r := start(t, respond, "")
	for path, want := range map[string][2]int{ // on the API, on administration
		"/healthz": {200, 200}, "/readyz": {200, 200}, "/metrics": {404, 200},
		"/debug/pprof/": {404, 200}, "/debug/pprof/heap": {404, 200}, "/debug/pprof/cmdline": {404, 200}, "/debug/pprof/symbol": {404, 200},
		"/v1/models": {200, 404},
	} {
		for i, base := range []string{r.API, r.Admin} {
			if response, _ := get(t, "GET", base+path, ""); response.StatusCode != want[i] {
				t.Errorf("GET %s%s: %s, want %d", base, path, response.Status, want[i])
			}
		}
	}
	if response, _ := get(t, "POST", r.Admin+"/metrics", ""); response.StatusCode != 405 {
		t.Errorf("POST /metrics: %s", response.Status)
	}
}

// A web page that gives this machine a name of its own reads no metrics; who
// asks for it by its number or as localhost does.
func TestAdministrationKnowsItsHost(t *testing.T) {
	r := start(t, respond, "")
	port := r.Admin[strings.LastIndex(r.Admin, ":"):]
	for host, want := range map[string]int{
		"localhost" + port: 200, "127.0.0.1" + port: 200, "[::1]" + port: 200, "localhost": 200, "[::1]": 200,
		"evil.example" + port: 403, "127.0.0.1.evil.example": 403, "localhost.evil.example": 403,
	} {
		request, err := http.NewRequest("GET", r.Admin+"/metrics", nil)
		if err != nil {
			t.Fatal(err)
		}
		request.Host = host
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close() //nolint:errcheck // its status is enough
		if response.StatusCode != want {
			t.Errorf("Host %s: %s, want %d", host, response.Status, want)
		}
	}
}

// However many models clients invent, the metrics stay as long as they were.
func TestInventedModelsDoNotGrowTheMetrics(t *testing.T) {
	r := start(t, respond, "")
	ask := func(model string) {
		body := strings.Replace(whole, `"open"`, fmt.Sprintf("%q", model), 1)
		if response, content := get(t, "POST", r.API+"/v1/chat/completions", body); response.StatusCode != 200 && response.StatusCode != 404 {
			t.Fatalf("%s: %s %s", model, response.Status, content)
		}
	}
	ask("open")
	ask("api/first")
	ask("nothing/first")
	ask("invented")
	_, before := get(t, "GET", r.Admin+"/metrics", "")
	for n := range 50 {
		ask(fmt.Sprint("api/invented-", n))
		ask(fmt.Sprint("nothing/invented-", n))
		ask(fmt.Sprint("invented-", n))
	}
	_, after := get(t, "GET", r.Admin+"/metrics", "")
	if a, b := strings.Count(before, "\n"), strings.Count(after, "\n"); a != b || strings.Contains(after, "invented") {
		t.Errorf("%d lines became %d", a, b)
	}
	for _, want := range []string{
		`pointsman_requests_total{cause="direct",lifecycle="completed",task="direct",tier="direct"} 51`,
		`pointsman_requests_total{cause="last_tier",lifecycle="completed",task="open",tier="only"} 1`,
	} {
		if !strings.Contains(after, want) {
			t.Errorf("no %s in\n%s", want, after)
		}
	}
}

func TestAdministrationCanBeOff(t *testing.T) {
	r, err := tryStart(t, respond, "", server.Options{Listen: "127.0.0.1:0", AdminListen: config.AdminOff})
	if err != nil {
		t.Fatal(err)
	}
	if r.Admin != "" {
		t.Errorf("it listens on %s", r.Admin)
	}
	if response, _ := get(t, "GET", r.API+"/readyz", ""); response.StatusCode != 200 {
		t.Error(response.Status)
	}
}

// An address that is taken or wrong is told with what to do, and the one that
// was opened before it is free again.
func TestAddressesThatCannotBeListenedOn(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	free.Close() //nolint:errcheck // it was open, and is to be free
	for _, c := range []struct {
		name, listen, admin, hint string
	}{
		{"the API's is taken", taken.Addr().String(), "off", "another process listens there; choose another address with --listen"},
		{"administration's is taken", free.Addr().String(), taken.Addr().String(), "choose another address with --admin-listen"},
		{"reachable by others", "0.0.0.0:0", "off", "server.keys"},
		{"administration reachable by others", "127.0.0.1:0", "0.0.0.0:0", "server.keys"},
		{"no address at all", "127.0.0.1:0", "8088", "host:port"},
	} {
		_, err := tryStart(t, respond, "", server.Options{Listen: c.listen, AdminListen: c.admin})
		failure := &pointsman.Error{}
		if !errors.As(err, &failure) || !strings.Contains(failure.Hint, c.hint) {
			t.Errorf("%s: %v, hint %q", c.name, err, failure.Hint)
		}
	}
	r, err := tryStart(t, respond, "", server.Options{Listen: free.Addr().String(), AdminListen: "127.0.0.1:0"})
	if err != nil {
		t.Fatalf("the address that was opened first is not free again: %v", err)
	}
	if response, _ := get(t, "GET", r.API+"/readyz", ""); response.StatusCode != 200 {
		t.Error(response.Status)
	}
}

// The file says where administration listens; the command line has the last
// word.
func TestWhereAdministrationListens(t *testing.T) {
	for name, c := range map[string]struct {
		settings, flag, prefix string
	}{
		"nobody says":      {"", "", "http://127.0.0.1:"},
		"the file":         {"admin_listen: 127.0.0.2:0", "", "http://127.0.0.2:"},
		"the command line": {"admin_listen: 127.0.0.2:0", "127.0.0.1:0", "http://127.0.0.1:"},
		"off in the file":  {"admin_listen: off", "", ""},
	} {
		r, err := tryStart(t, respond, c.settings, server.Options{Listen: "127.0.0.1:0", AdminListen: c.flag})
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if !strings.HasPrefix(r.Admin, c.prefix) || c.prefix == "" && r.Admin != "" {
			t.Errorf("%s: it listens on %q", name, r.Admin)
		}
	}
}
