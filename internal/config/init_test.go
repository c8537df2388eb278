package config_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pointsman-ai/pointsman"
	"github.com/pointsman-ai/pointsman/internal/config"
)

func TestInit(t *testing.T) {
	for _, c := range []struct {
		name   string
		ollama []string // nil: there is none
		env    map[string]string
		tiers  []string // upstream: model of each
		chose  []string // parts of the summary
	}{
		{"nothing", nil, nil, []string{"local:", "local:"}, []string{"embedded models", "no Ollama answers", "none of OPENAI_API_KEY"}},
		{"two local models", []string{"llama3.1:70b", "nomic-embed-text:latest", "qwen2.5:0.5b"}, nil, []string{"ollama:qwen2.5:0.5b", "ollama:llama3.1:70b"}, []string{"no text leaves it"}},
		{"two local models and a key", []string{"a:8x7b", "b:14b"}, map[string]string{"OPENAI_API_KEY": secret}, []string{"ollama:b:14b", "ollama:a:8x7b"}, []string{"OPENAI_API_KEY is set and not used"}},
		{"one local model", []string{"smollm2:360m"}, nil, []string{"ollama:smollm2:360m"}, []string{"only tier", "pull a second"}},
		{"one local model and a key", []string{"phi3:latest"}, map[string]string{"MISTRAL_API_KEY": secret}, []string{"ollama:phi3:latest", "mistral:mistral-large-2512"}, []string{"$MISTRAL_API_KEY"}},
		{"only embedding models", []string{"all-minilm:22m"}, nil, []string{"local:", "local:"}, []string{"no model that answers"}},
		{"no models", []string{}, map[string]string{"OPENAI_API_KEY": secret, "GROQ_API_KEY": secret}, []string{"openai:gpt-4o-mini", "openai:gpt-4o"}, []string{"GROQ_API_KEY is set and not used"}},
		{"a router without a region", nil, map[string]string{"OPENROUTER_API_KEY": secret}, []string{"openrouter:openai/gpt-4o-mini", "openrouter:openai/gpt-4o"}, nil},
		{"an API that is not spoken", nil, map[string]string{"ANTHROPIC_API_KEY": secret}, []string{"local:", "local:"}, []string{"ANTHROPIC_API_KEY is set, but"}},
		{"names that want to be YAML", []string{"a: {b}", "\"x\": #1b", "x\ny:1b"}, nil, []string{`ollama:"x": #1b`, "ollama:a: {b}"}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			draft := config.Init(t.Context(), config.Environment{
				Getenv: func(name string) string { return c.env[name] },
				Ollama: func(context.Context) ([]string, error) {
					if c.ollama == nil {
						return nil, errors.New("connection refused")
					}
					return c.ollama, nil
				},
			})
			text, chose := draft.YAML, draft.Chose+"\n"+strings.Join(draft.Notes, "\n")
			got, err := config.Parse("pointsman.yaml", text, t.TempDir())
			if err != nil {
				t.Fatalf("\n%v\n%s", err, text)
			}
			var tiers []string
			task, _ := got.ResolveTask("support")
			for _, tier := range task.Tiers {
				tiers = append(tiers, string(tier.Place.Upstream)+":"+got.Models[tier.Variant.Model].Name)
			}
			if diff := cmp.Diff(c.tiers, tiers); diff != "" {
				t.Error(diff)
			}
			for _, part := range c.chose {
				if !strings.Contains(chose, part) {
					t.Errorf("%q is missing:\n%s", part, chose)
				}
			}
			if strings.Contains(string(text)+chose, secret) {
				t.Error("the key was written")
			}
			for _, p := range got.Tasks["support"].Probes {
				if p.Expect.Tier != task.Largest().ID {
					t.Errorf("the probe expects %s", p.Expect.Tier)
				}
			}
			for _, tier := range task.Tiers {
				if !tier.Price.Known || (tier.Price.Output == 0) != (tier.Place.Location != pointsman.LocationManaged) {
					t.Errorf("%s costs %+v", tier.ID, tier.Price)
				}
			}
			if (draft.Examples != nil) != (task.Tiers[0].Place.Upstream == "local") || len(draft.Tiers) != len(task.Tiers) {
				t.Errorf("%d bytes of examples, %d tiers", len(draft.Examples), len(draft.Tiers))
			}
			if task.Tiers[0].Place.Upstream == "local" && got.Models["small"].Artefact.String() != "file:./models/support-small.student" {
				t.Errorf("%s", got.Models["small"].Artefact)
			}
		})
	}
}

// The examples have the labels of the task, each as often as the others.
func TestInitExamples(t *testing.T) {
	draft := config.Init(t.Context(), config.Environment{
		Getenv: func(string) string { return "" },
		Ollama: func(context.Context) ([]string, error) { return nil, errors.New("none") },
	})
	c, err := config.Parse("pointsman.yaml", draft.YAML, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	count := map[string]int{}
	for line := range strings.Lines(string(draft.Examples)) {
		var example struct{ Input, Label string }
		if err := json.Unmarshal([]byte(line), &example); err != nil || example.Input == "" {
			t.Fatalf("%s: %v", line, err)
		}
		count[example.Label]++
	}
	for _, label := range c.Tasks["support"].Contract.Labels {
		if count[label] < 5 {
			t.Errorf("%d examples of %s", count[label], label)
		}
		delete(count, label)
	}
	if len(count) > 0 {
		t.Errorf("labels that the task does not have: %v", count)
	}
}

func TestProbeOllama(t *testing.T) {
	for body, want := range map[string][]string{
		`{"models":[{"name":"a:1b","size":1},{"name":"b:2b"}]}`: {"a:1b", "b:2b"},
		`{"models":[]}`: nil, `{`: nil,
	} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path != "/api/tags" {
				t.Errorf("asked for %s", r.URL.Path)
			}
			if _, err := w.Write([]byte(body)); err != nil {
				t.Error(err)
			}
		}))
		got, err := config.ProbeAt(t.Context(), server.URL)
		server.Close()
		if diff := cmp.Diff(want, got); diff != "" || (err != nil) != (body == "{") {
			t.Errorf("%s: %v, %v", body, got, err)
		}
	}
	if _, err := config.ProbeAt(t.Context(), "http://127.0.0.1:1"); err == nil {
		t.Error("nothing listens there")
	}
}
