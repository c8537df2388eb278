// Package openai asks upstreams that speak OpenAI's chat-completions API over
// HTTP: OpenAI itself and the many vendors and servers that follow it (vLLM,
// llama.cpp, Ollama, Azure, Groq, Mistral, DeepSeek …).
//
// What the upstream sends is kept as it was sent. Everything that is read is
// bounded, and the API key is in no error.
package openai

import (
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"strings"

	"github.com/pointsman-ai/pointsman"
	"github.com/pointsman-ai/pointsman/internal/dialect/chat"
	"github.com/pointsman-ai/pointsman/internal/upstream"
	"github.com/pointsman-ai/pointsman/internal/upstream/dialguard"
)

// ErrOptions is returned by New for options that cannot work.
var ErrOptions = errors.New("wrong options of an OpenAI-compatible upstream")

// Options say where and how to ask.
type Options struct {
	// BaseURL is what "/chat/completions" is appended to, such as
	// "https://api.openai.com/v1". A query, such as Azure's api-version, is
	// sent along. It must hold no credentials.
	BaseURL string
	// APIKey is asked for the key before each request and may be nil: then no
	// Authorization is sent. It must be safe for concurrent use.
	APIKey func() (string, error)
	// Headers are sent with every request.
	Headers map[string]string
	// PrivateOnly refuses to connect to a public address: for credentials that
	// are sent without TLS.
	PrivateOnly bool
	// Client sends the requests; nil means one with a transport of its own
	// that is tuned for many requests to one host and connects to permitted
	// addresses only ([dialguard.Policy]). It is not changed.
	Client *http.Client
	// MaxBody bounds a response in bytes. Nothing larger than chat.MaxAnswer
	// can be read; 0 means that much.
	MaxBody int64
	// UserAgent is sent as such; empty means "pointsman".
	UserAgent string
}

// Upstream is one OpenAI-compatible endpoint.
type Upstream struct {
	url     string
	key     func() (string, error)
	headers http.Header
	secrets upstream.Secrets // values of headers
	client  *http.Client
	maxBody int64
}

var _ upstream.Upstream = (*Upstream)(nil)

// New checks the options. Nothing is sent yet.
func New(o Options) (*Upstream, error) {
	base, err := url.Parse(o.BaseURL)
	switch {
	case err != nil: // the parser's error would repeat the URL
		return nil, fmt.Errorf("%w: the base URL cannot be parsed", ErrOptions)
	case base.Scheme != "http" && base.Scheme != "https" || base.Host == "":
		return nil, fmt.Errorf("%w: the base URL must begin with http:// or https:// and a host", ErrOptions)
	case base.User != nil:
		return nil, fmt.Errorf("%w: the base URL must hold no credentials", ErrOptions)
	case o.MaxBody < 0:
		return nil, fmt.Errorf("%w: MaxBody is negative", ErrOptions)
	}
	u := &Upstream{
		url: base.JoinPath("chat", "completions").String(), key: o.APIKey,
		headers: make(http.Header), maxBody: o.MaxBody,
	}
	if u.maxBody == 0 || u.maxBody > chat.MaxAnswer {
		u.maxBody = chat.MaxAnswer
	}
	agent := o.UserAgent
	if agent == "" {
		agent = "pointsman"
	}
	u.headers.Set("User-Agent", agent)
	for name, value := range maps.All(o.Headers) {
		if !validHeader(name, value) {
			return nil, fmt.Errorf("%w: %q is no header that can be sent", ErrOptions, name)
		}
		u.headers.Set(name, value)
		u.secrets = u.secrets.With(value)
	}
	u.headers.Set("Content-Type", "application/json")
	client := http.Client{Transport: dialguard.Policy{PrivateOnly: o.PrivateOnly}.Transport()}
	if o.Client != nil {
		client = *o.Client
	}
	client.CheckRedirect = sameHostOnly
	u.client = &client
	return u, nil
}

// validHeader says whether a header can be sent and is not one that the
// transport sets.
func validHeader(name, value string) bool {
	switch http.CanonicalHeaderKey(name) {
	case "", "Host", "Content-Length", "Transfer-Encoding", "Connection", "Content-Type":
		return false
	}
	const token = "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyz"
	return strings.Trim(strings.ToLower(name), token) == "" &&
		strings.IndexFunc(value, func(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f }) < 0
}

// sameHostOnly follows a redirect to the same host that repeats the request as
// it is. Anything else would take the prompt, and the headers, elsewhere; its
// response is then what was answered.
func sameHostOnly(next *http.Request, via []*http.Request) error {
	first := via[0]
	if len(via) > 3 || next.Method != first.Method || next.URL.Host != first.URL.Host || next.URL.Scheme != first.URL.Scheme {
		return http.ErrUseLastResponse
	}
	return nil
}

// Dialect implements upstream.Upstream.
func (u *Upstream) Dialect() pointsman.Dialect { return pointsman.DialectChat }

// Close closes the connections that are idle. The upstream can be used again.
func (u *Upstream) Close() error {
	u.client.CloseIdleConnections()
	return nil
}
