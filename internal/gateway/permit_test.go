package gateway_test

import (
	"crypto/sha256"
	"slices"
	"strings"
	"testing"

	"github.com/pointsman-ai/pointsman"
	"github.com/pointsman-ai/pointsman/internal/admit"
	"github.com/pointsman-ai/pointsman/internal/cascade"
)

// A key may name its own tasks, and upstreams where its owner said so; what it
// may not name looks like what does not exist.
func TestKeysSeeTheirOwnModelsOnly(t *testing.T) {
	key := func(credential string) admit.Key {
		return admit.Key{Name: credential, SHA256: sha256.Sum256([]byte(credential))}
	}
	all, other, direct, listed := key("all"), key("other"), key("direct"), key("listed")
	other.Tasks = []pointsman.TaskID{"another"}
	direct.Direct = admit.Direct{All: true}
	listed.Direct = admit.Direct{Upstreams: []pointsman.UpstreamID{"up"}}
	w := newInstance(t, model{text: "hi"})
	w.keys = []admit.Key{all, other, direct, listed}
	b := &records{}
	url := start(t, directly{w}, b)
	for _, c := range []struct {
		key, model string
		status     int
	}{
		{"all", "t", 200},
		{"all", "up/m", 404},
		{"all", "nothing", 404},
		{"all", "down/m", 404},
		{"other", "t", 404},
		{"other", "up/m", 404},
		{"direct", "t", 200},
		{"direct", "up/m", 200},
		{"listed", "up/m", 200},
		{"listed", "down/m", 404},
	} {
		body := strings.Replace(hello, `"model":"t"`, `"model":"`+c.model+`"`, 1)
		r := send(t, "POST", url+"/v1/chat/completions", body, "Authorization", "Bearer "+c.key)
		if r.StatusCode != c.status || c.status == 404 && !strings.Contains(r.body, `there is no task or model \"`+c.model+`\"`) {
			t.Errorf("%s names %s: %d %s, want %d", c.key, c.model, r.StatusCode, r.body, c.status)
		}
		if one := send(t, "GET", url+"/v1/models/"+c.model, "", "Authorization", "Bearer "+c.key); one.StatusCode != c.status {
			t.Errorf("%s looks at %s: %d, want %d", c.key, c.model, one.StatusCode, c.status)
		}
	}
	for credential, want := range map[string]bool{"all": true, "other": false} {
		r := send(t, "GET", url+"/v1/models", "", "Authorization", "Bearer "+credential)
		if strings.Contains(r.body, `"id":"t"`) != want || !strings.Contains(r.body, `"data":[`) {
			t.Errorf("%s sees %s", credential, r.body)
		}
	}
	// The hint must not name what the key may not.
	forbidden := send(t, "POST", url+"/v1/chat/completions", hello, "Authorization", "Bearer other")
	missing := send(t, "POST", url+"/v1/chat/completions", strings.Replace(hello, `"model":"t"`, `"model":"u"`, 1), "Authorization", "Bearer other")
	same := func(s, name, decision string) string {
		return strings.NewReplacer(decision, "", name, "").Replace(s)
	}
	if a, b := same(forbidden.body, `\"t\"`, forbidden.Header.Get("X-Pointsman-Decision")), same(missing.body, `\"u\"`, missing.Header.Get("X-Pointsman-Decision")); a != b {
		t.Errorf("forbidden and missing differ:\n%s\n%s", a, b)
	}
}

// directly is an instance whose upstreams up and down can be named.
type directly struct{ *still }

func (d directly) Find(name string) (*cascade.Task, error) {
	upstream, _, ok := strings.Cut(name, "/")
	if !ok || upstream != "up" && upstream != "down" {
		return d.still.Find(name)
	}
	task := *d.task
	task.Direct = true
	task.Tiers = slices.Clone(task.Tiers)
	task.Tiers[0].Place.Upstream = pointsman.UpstreamID(upstream)
	return &task, nil
}
