package config

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Environment is what [Init] looks at to write a first configuration.
type Environment struct {
	// Getenv looks an environment variable up; os.Getenv.
	Getenv func(name string) string
	// Ollama lists the models of an Ollama on this machine; [ProbeOllama].
	Ollama func(ctx context.Context) ([]string, error)
}

// LocalEnvironment is this process's environment and this machine's Ollama.
func LocalEnvironment() Environment {
	return Environment{Getenv: os.Getenv, Ollama: ProbeOllama}
}

// ollamaURL is where Ollama listens unless it is configured otherwise.
const ollamaURL = "http://127.0.0.1:11434"

// probeTime bounds the look for an Ollama.
const probeTime = 2 * time.Second

// ProbeOllama asks the Ollama on this machine which models it has. It goes to
// the loopback address only, whatever proxy is set.
func ProbeOllama(ctx context.Context) ([]string, error) { return probe(ctx, ollamaURL) }

func probe(ctx context.Context, base string) (models []string, err error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, base+"/api/tags", nil)
	if err != nil {
		return nil, err
	}
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	response, err := client.Do(request)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, response.Body.Close()) }()
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("ollama answered %s", response.Status)
	}
	var tags struct {
		Models []struct {
			Name string `json:"name"`
		} `json:"models"`
	}
	if err := json.NewDecoder(io.LimitReader(response.Body, 1<<20)).Decode(&tags); err != nil {
		return nil, fmt.Errorf("ollama's answer: %w", err)
	}
	for _, m := range tags.Models {
		models = append(models, m.Name)
	}
	return models, nil
}

// vendor is an API that speaks the OpenAI protocol, with a small and a large
// model that it is known to offer.
type vendor struct {
	variable, id, baseURL string
	region                string // empty where the vendor does not have one
	small, large          offer
	logprobs              bool // the API gives log-probabilities
}

// offer is a model by the vendor's name for it, with its list price in the
// notation of the file.
type offer struct{ model, price string }

// pricesOf is when and where the list prices below were looked up.
const pricesOf = "pydantic/genai-prices of 2026-08-21"

// vendors are looked for in this order.
var vendors = []vendor{
	{
		"OPENAI_API_KEY", "openai", "https://api.openai.com/v1", "us",
		offer{"gpt-4o-mini", "{input: 0.15, cached_input: 0.075, output: 0.60}"},
		offer{"gpt-4o", "{input: 2.50, cached_input: 1.25, output: 10}"},
		true,
	},
	{
		"MISTRAL_API_KEY", "mistral", "https://api.mistral.ai/v1", "eu",
		offer{"mistral-small-2603", "{input: 0.15, cached_input: 0.015, output: 0.60}"},
		offer{"mistral-large-2512", "{input: 0.50, cached_input: 0.05, output: 1.50}"},
		false,
	},
	{
		"GROQ_API_KEY", "groq", "https://api.groq.com/openai/v1", "us",
		offer{"llama-3.1-8b-instant", "{input: 0.05, output: 0.08}"},
		offer{"llama-3.3-70b-versatile", "{input: 0.59, output: 0.79}"},
		false,
	},
	{
		"TOGETHER_API_KEY", "together", "https://api.together.xyz/v1", "us",
		offer{"meta-llama/Meta-Llama-3.1-8B-Instruct-Turbo", "{input: 0.18, output: 0.18}"},
		offer{"meta-llama/Llama-3.3-70B-Instruct-Turbo", "{input: 0.88, output: 0.88}"},
		false,
	},
	{
		"OPENROUTER_API_KEY", "openrouter", "https://openrouter.ai/api/v1", "",
		offer{"openai/gpt-4o-mini", "{input: 0.15, cached_input: 0.075, output: 0.60}"},
		offer{"openai/gpt-4o", "{input: 2.50, output: 10}"},
		false,
	},
	{
		"DEEPSEEK_API_KEY", "deepseek", "https://api.deepseek.com/v1", "cn",
		offer{"deepseek-v4-flash", "{input: 0.14, cached_input: 0.0028, output: 0.28}"},
		offer{"deepseek-v4-pro", "{input: 0.435, cached_input: 0.003625, output: 0.87}"},
		false,
	},
}

// Draft is a first configuration, and what goes with it.
type Draft struct {
	// YAML is the configuration, with comments for who reads it first.
	YAML []byte
	// Examples are labelled messages, as JSON Lines, that the embedded models of
	// the configuration can be trained on; nil where none has to be trained.
	Examples []byte
	// Tiers are the models that were chosen, cheapest first.
	Tiers []DraftTier
	// Chose says in a sentence what was chosen, Notes what was left out and what
	// was not found.
	Chose string
	Notes []string
}

// DraftTier is one tier of a draft.
type DraftTier struct {
	Name     string `json:"name"`
	Upstream string `json:"upstream"`
	Model    string `json:"model"`
}

// Init drafts a configuration for what the environment offers. Models on this
// machine are preferred to vendors', so that no text leaves it unless there is
// no other way; without either, embedded models that pointsman student train
// makes are used.
func Init(ctx context.Context, env Environment) *Draft {
	ctx, cancel := context.WithTimeout(ctx, probeTime)
	defer cancel()
	draft := &Draft{Notes: []string{}}
	note := func(format string, args ...any) { draft.Notes = append(draft.Notes, fmt.Sprintf(format, args...)) }
	found, err := env.Ollama(ctx)
	local := usable(found)
	switch {
	case err != nil:
		note("no Ollama answers on 127.0.0.1:11434")
	case len(local) == 0:
		note("the Ollama on 127.0.0.1:11434 has no model that answers questions (ollama pull one)")
	}
	var keys []vendor
	for _, v := range vendors {
		if env.Getenv(v.variable) != "" {
			keys = append(keys, v)
		}
	}
	if len(keys) == 0 {
		note("none of %s is set", strings.Join(variables(vendors), ", "))
	}
	if env.Getenv("ANTHROPIC_API_KEY") != "" {
		note("ANTHROPIC_API_KEY is set, but its API is not one that this version speaks")
	}
	p, chose := plan(local, keys)
	for _, v := range keys {
		if !slices.ContainsFunc(p.upstreams, func(u plannedUpstream) bool { return u.id == v.id }) {
			note("%s is set and not used", v.variable)
		}
	}
	draft.YAML, draft.Chose = p.yaml(), chose
	for _, t := range p.tiers {
		draft.Tiers = append(draft.Tiers, DraftTier{t.tier, t.upstream, t.model})
		if t.embedded() {
			draft.Examples = []byte(initExamples)
		}
	}
	return draft
}

func variables(list []vendor) (out []string) {
	for _, v := range list {
		out = append(out, v.variable)
	}
	return out
}

// planned is a configuration about to be written.
type planned struct {
	upstreams []plannedUpstream
	tiers     []plannedTier
	comment   string // on the tiers
}

type plannedUpstream struct{ id, line, comment string }

type plannedTier struct {
	tier, upstream, model, params string
	price, priced                 string // priced: why it is that
}

// embedded says that the model is a file of ours.
func (t *plannedTier) embedded() bool { return strings.HasPrefix(t.model, "file:") }

// free is the price of what runs on the owner's own machine.
const free, noBill = "{input: 0, output: 0}", "it runs here: no bill"

// local is a tier of the Ollama on this machine.
func local(tier, model string) plannedTier {
	return plannedTier{tier, "ollama", model, plainParams, free, noBill}
}

// tier is a tier of a vendor's offer.
func (v *vendor) tier(name string, o offer) plannedTier {
	return plannedTier{name, v.id, o.model, v.params(), o.price, "list price"}
}

const (
	plainParams    = "{temperature: 0, max_tokens: 16}"
	measuredParams = "{temperature: 0, max_tokens: 16, logprobs: true, top_logprobs: 5}"
)

// plan chooses among the models of this machine and the vendors.
func plan(models []string, keys []vendor) (planned, string) {
	ollama := plannedUpstream{"ollama", fmt.Sprintf("{type: openai, base_url: %q, location: self_hosted, region: on_premises, timeout: 60s}", ollamaURL+"/v1"), "The Ollama on this machine."}
	switch {
	case len(models) >= 2:
		small, large := models[0], models[len(models)-1]
		return planned{
			upstreams: []plannedUpstream{ollama},
			tiers:     []plannedTier{local("small", small), local("large", large)},
		}, fmt.Sprintf("%s as the small and %s as the large tier, both of the Ollama on this machine; no text leaves it", small, large)
	case len(models) == 1 && len(keys) > 0:
		v := keys[0]
		return planned{
			upstreams: []plannedUpstream{ollama, v.upstream()},
			tiers:     []plannedTier{local("small", models[0]), v.tier("large", v.large)},
		}, fmt.Sprintf("%s of the Ollama on this machine as the small tier, %s of %s as the large one (key: $%s)", models[0], v.large.model, v.id, v.variable)
	case len(models) == 1:
		return planned{
			upstreams: []plannedUpstream{ollama},
			tiers:     []plannedTier{local("large", models[0])},
			comment:   "One model is no cascade yet: pull a smaller one with ollama and put it in front.",
		}, fmt.Sprintf("%s of the Ollama on this machine as the only tier; pull a second, smaller or larger model to have a cascade", models[0])
	case len(keys) > 0:
		v := keys[0]
		return planned{
			upstreams: []plannedUpstream{v.upstream()},
			tiers:     []plannedTier{v.tier("small", v.small), v.tier("large", v.large)},
		}, fmt.Sprintf("%s as the small and %s as the large tier, both of %s (key: $%s)", v.small.model, v.large.model, v.id, v.variable)
	}
	return planned{
		upstreams: []plannedUpstream{{"local", "{type: embedded, location: edge, region: on_premises}", "Student models in this process: no service, no network."}},
		tiers: []plannedTier{
			{"small", "local", "file:./models/support-small.student", "", free, noBill},
			{"large", "local", "file:./models/support-large.student", "", free, noBill},
		},
		comment: "pointsman student train writes these models, from examples with these labels.",
	}, "embedded models, ./models/support-small.student and ./models/support-large.student, which you train from examples"
}

func (v *vendor) params() string {
	if v.logprobs {
		return measuredParams
	}
	return plainParams
}

func (v *vendor) upstream() plannedUpstream {
	region := ""
	if v.region != "" {
		region = ", region: " + v.region
	}
	return plannedUpstream{
		v.id, fmt.Sprintf("{type: openai, base_url: %q, api_key: %q, location: managed%s}", v.baseURL, "${"+v.variable+"}", region),
		"The key is looked up in the environment when it is used; it is never stored or logged.",
	}
}

var billions = regexp.MustCompile(`(?i)(?:^|[^0-9a-z.])(?:([0-9]+)x)?([0-9]+(?:\.[0-9]+)?)(b|m)(?:$|[^0-9a-z])`)

// usable are the models of an Ollama that answer questions, smallest first by
// the size that their names tell; one that tells none counts as the largest of
// all, because a small tier must be known to be small.
func usable(models []string) []string {
	type sized struct {
		name string
		size float64
	}
	var all []sized
	for _, name := range models {
		lower := strings.ToLower(name)
		if message, _ := checkLine(name); message != "" || len(name) > 200 || strings.Contains(lower, "embed") || strings.Contains(lower, "minilm") || strings.Contains(lower, "bge-") {
			continue
		}
		size := 1e9
		if m := billions.FindStringSubmatch(name); m != nil {
			size, _ = strconv.ParseFloat(m[2], 64)
			if experts, err := strconv.ParseFloat(m[1], 64); err == nil { // 8x7b
				size *= experts
			}
			if strings.EqualFold(m[3], "m") {
				size /= 1000
			}
		}
		all = append(all, sized{name, size})
	}
	slices.SortFunc(all, func(a, b sized) int {
		if a.size != b.size {
			if a.size < b.size {
				return -1
			}
			return 1
		}
		return strings.Compare(a.name, b.name)
	})
	out := make([]string, len(all))
	for i, m := range all {
		out[i] = m.name
	}
	return slices.Compact(out)
}

// yaml writes the planned configuration with comments for who reads it first.
func (p planned) yaml() []byte {
	var b bytes.Buffer
	say := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	b.WriteString(initHead)
	for _, u := range p.upstreams {
		say("  # %s", u.comment)
		say("  %s: %s", u.id, u.line)
	}
	fmt.Fprintf(&b, initModels, pricesOf)
	for _, t := range p.tiers {
		named := fmt.Sprintf("name: %s", appendText(nil, t.model))
		if t.embedded() {
			named = fmt.Sprintf("artefact: %q", t.model)
		}
		say("  %s: {upstream: %s, %s, price: %s} # %s", t.tier, t.upstream, named, t.price, t.priced)
	}
	b.WriteString(initTask)
	if p.comment != "" {
		say("    # %s", p.comment)
	}
	say("    tiers: # cheapest first")
	for _, t := range p.tiers {
		if t.params == "" {
			say("      - {name: %s, model: %s}", t.tier, t.tier)
		} else {
			say("      - {name: %s, model: %s, params: %s}", t.tier, t.tier, t.params)
		}
	}
	fmt.Fprintf(&b, initRules, p.tiers[len(p.tiers)-1].tier)
	return b.Bytes()
}
