package recorded

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"mime"
	"net/http"
	"net/url"
	"time"

	"github.com/pointsman-ai/pointsman"
	"github.com/pointsman-ai/pointsman/internal/dialect"
	"github.com/pointsman-ai/pointsman/internal/dialect/chat"
	"github.com/pointsman-ai/pointsman/internal/upstream/dialguard"
)

const (
	// maxRequest bounds a request to the proxy in bytes.
	maxRequest = chat.MaxAnswer
	maxEvent   = 4 << 20
)

// ProxyOptions of a recording proxy.
type ProxyOptions struct {
	// Client sends the requests on; nil means one that follows no redirects
	// and has a transport of its own. It must not decompress what it was not
	// asked to.
	Client *http.Client
	// Recorded, unless nil, is called after each answer that was asked for,
	// with nil where it was recorded and with the reason where it was not. It
	// must be safe for concurrent use.
	Recorded func(error)
}

// ErrNotRecorded is the reason that ProxyOptions.Recorded is given for an
// answer that the upstream refused or broke off.
var ErrNotRecorded = errors.New("not recorded")

// Proxy stands between a client and an OpenAI-compatible vendor. It passes
// POST /v1/chat/completions and GET /v1/models on as they are, with the
// client's own credentials, and records the answers that are whole. No header
// is recorded.
type Proxy struct {
	base   *url.URL
	client *http.Client
	// private asks with the clients' keys where there is no TLS; else nil.
	private *http.Client
	writer  *Writer
	report  func(error)
	mux     *http.ServeMux
}

var _ http.Handler = (*Proxy)(nil)

// NewProxy returns a proxy to the API at baseURL, such as
// "https://api.openai.com/v1".
func NewProxy(baseURL string, w *Writer, o ProxyOptions) (*Proxy, error) {
	base, err := url.Parse(baseURL)
	if err != nil || base.Scheme != "http" && base.Scheme != "https" || base.Host == "" || base.User != nil {
		return nil, errors.New("record: the target must be an http or https URL without credentials")
	}
	p := &Proxy{base: base, client: o.Client, writer: w, report: o.Recorded, mux: http.NewServeMux()}
	if p.client == nil {
		stay := func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
		p.client = &http.Client{Transport: dialguard.Policy{}.Transport(), CheckRedirect: stay}
		if base.Scheme == "http" {
			p.private = &http.Client{Transport: dialguard.Policy{PrivateOnly: true}.Transport(), CheckRedirect: stay}
		}
	}
	if p.report == nil {
		p.report = func(error) {}
	}
	p.mux.HandleFunc("POST /v1/chat/completions", p.completions)
	p.mux.HandleFunc("GET /v1/models", p.models)
	p.mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
		refuse(w, http.StatusNotFound, &pointsman.Error{
			Code: pointsman.CodeNotFound, Message: "the recorder has no such endpoint",
			Hint: "it serves POST /v1/chat/completions and GET /v1/models",
		})
	})
	return p, nil
}

// ServeHTTP passes a request on.
func (p *Proxy) ServeHTTP(w http.ResponseWriter, r *http.Request) { p.mux.ServeHTTP(w, r) }

// Close closes the connections that are idle.
func (p *Proxy) Close() error {
	p.client.CloseIdleConnections()
	if p.private != nil {
		p.private.CloseIdleConnections()
	}
	return nil
}

func refuse(w http.ResponseWriter, status int, e *pointsman.Error) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(chat.ErrorBody(e, "")) // a client that has gone needs no answer
}

// hopByHop are the headers that belong to one connection (RFC 9110, section
// 7.6.1), and those that the proxy sets itself.
var hopByHop = []string{
	"Connection", "Proxy-Connection", "Keep-Alive", "Proxy-Authenticate", "Proxy-Authorization", "Te", "Trailer",
	"Transfer-Encoding", "Upgrade", "Accept-Encoding", "Content-Length",
}

func endToEnd(from http.Header) http.Header {
	out := from.Clone()
	for _, name := range hopByHop {
		out.Del(name)
	}
	return out
}

// send passes a request on; nil says that the client was told why not.
func (p *Proxy) send(w http.ResponseWriter, r *http.Request, body []byte, path ...string) *http.Response {
	target := p.base.JoinPath(path...)
	if r.URL.RawQuery != "" {
		target.RawQuery = r.URL.RawQuery
	}
	request, err := http.NewRequestWithContext(r.Context(), r.Method, target.String(), bytes.NewReader(body))
	if err == nil {
		request.Header = endToEnd(r.Header)
		request.Header.Set("Accept-Encoding", "identity")
		var response *http.Response
		client := p.client
		if p.private != nil && request.Header.Get("Authorization") != "" {
			client = p.private
		}
		if response, err = client.Do(request); err == nil {
			return response
		}
	}
	var wrapper *url.Error
	if errors.As(err, &wrapper) {
		err = wrapper.Err
	}
	p.report(fmt.Errorf("%w: %w", ErrNotRecorded, err))
	refuse(w, http.StatusBadGateway, &pointsman.Error{
		Code: pointsman.CodeUpstream, Message: "the recorder cannot reach its target", Hint: "see the recorder's own messages",
	})
	return nil
}

// begin passes the head of a response on.
func begin(w http.ResponseWriter, response *http.Response) {
	maps.Copy(w.Header(), endToEnd(response.Header))
	w.WriteHeader(response.StatusCode)
}

func (p *Proxy) models(w http.ResponseWriter, r *http.Request) {
	response := p.send(w, r, nil, "models")
	if response == nil {
		return
	}
	defer response.Body.Close()
	begin(w, response)
	_, _ = io.Copy(w, io.LimitReader(response.Body, maxRequest)) // whoever is gone needs no more
}

func (p *Proxy) completions(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxRequest))
	if err != nil {
		refuse(w, http.StatusRequestEntityTooLarge, &pointsman.Error{
			Code: pointsman.CodeTooLarge, Message: fmt.Sprintf("the request broke off or has more than %d bytes", maxRequest),
		})
		return
	}
	begun := time.Now()
	response := p.send(w, r, body, "chat", "completions")
	if response == nil {
		return
	}
	defer response.Body.Close()
	var answer *pointsman.Answer
	kind, _, _ := mime.ParseMediaType(response.Header.Get("Content-Type"))
	switch {
	case response.StatusCode != http.StatusOK:
		err = fmt.Errorf("%w: status %d", ErrNotRecorded, response.StatusCode)
		begin(w, response)
		_, _ = io.Copy(w, io.LimitReader(response.Body, maxRequest)) // whoever is gone needs no more
	case kind == "text/event-stream":
		answer, err = passEvents(r.Context(), w, response, begun)
	default:
		answer, err = passWhole(w, response, begun)
	}
	if err == nil {
		err = p.writer.Put(body, answer)
	}
	p.report(err)
}

// passWhole passes an answer on that comes whole.
func passWhole(w http.ResponseWriter, response *http.Response, begun time.Time) (*pointsman.Answer, error) {
	begin(w, response)
	var body bytes.Buffer
	_, err := io.Copy(w, io.TeeReader(io.LimitReader(response.Body, chat.MaxAnswer+1), &body))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNotRecorded, err)
	}
	answer, err := chat.ParseAnswer(body.Bytes())
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNotRecorded, err)
	}
	answer.Latency = time.Since(begun)
	return answer, nil
}

// passEvents passes a stream on as it comes and adds it up on the way.
func passEvents(ctx context.Context, w http.ResponseWriter, response *http.Response, begun time.Time) (*pointsman.Answer, error) {
	begin(w, response)
	through := io.TeeReader(response.Body, flusher{w, http.NewResponseController(w)})
	events := chat.NewEventReader(through, maxEvent)
	var sum chat.Accumulator
	var first, latency time.Duration
	var err error
	for {
		var event dialect.Event
		if event, err = events.Next(); err != nil {
			break
		}
		if len(event.Data) == 0 {
			continue
		}
		if err = sum.Add(event.Data); err != nil {
			break
		}
		if first == 0 && sum.Started() {
			first = time.Since(begun)
		}
	}
	latency = time.Since(begun)
	// Whatever it was that could not be read is the client's all the same.
	if _, rest := io.Copy(io.Discard, through); rest != nil || ctx.Err() != nil {
		return nil, fmt.Errorf("%w: the stream broke off", ErrNotRecorded)
	}
	if !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) || !sum.Finished() {
		return nil, fmt.Errorf("%w: the stream is not whole: %w", ErrNotRecorded, err)
	}
	answer := sum.Answer()
	answer.Latency, answer.FirstToken = latency, first
	return answer, nil
}

// flusher hands on to the client whatever is written at once.
type flusher struct {
	w          http.ResponseWriter
	controller *http.ResponseController
}

func (f flusher) Write(p []byte) (int, error) {
	n, err := f.w.Write(p)
	if err == nil {
		if flush := f.controller.Flush(); !errors.Is(flush, http.ErrNotSupported) {
			err = flush
		}
	}
	return n, err
}
