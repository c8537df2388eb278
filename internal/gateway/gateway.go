// Package gateway speaks HTTP: the OpenAI chat-completions API in front of the
// cascade, the feedback API, health and readiness. It decides nothing; it
// authenticates, decodes, runs the task, and puts the decision on record before
// the last byte of the answer leaves.
package gateway

import (
	"context"
	"log/slog"
	"net/http"
	"runtime/debug"
	"time"

	"github.com/pointsman-ai/pointsman"
	"github.com/pointsman-ai/pointsman/internal/admit"
	"github.com/pointsman-ai/pointsman/internal/cascade"
	"github.com/pointsman-ai/pointsman/internal/dialect/chat"
	"github.com/pointsman-ai/pointsman/internal/journal"
	"github.com/pointsman-ai/pointsman/internal/memory"
)

// The headers that a response carries about its decision, and those that a
// request may carry.
const (
	HeaderDecision   = "X-Pointsman-Decision"
	HeaderTier       = "X-Pointsman-Tier"
	HeaderModel      = "X-Pointsman-Model"
	HeaderConfidence = "X-Pointsman-Confidence" // P(acceptable) of the given answer; absent where no policy could say
	HeaderUplift     = "X-Pointsman-Uplift"     // of the first answer that was judged; absent where none was
	HeaderCause      = "X-Pointsman-Cause"

	HeaderPin          = "X-Pointsman-Pin"
	HeaderConversation = "X-Pointsman-Conversation"
)

// Instance is what one request is served from: one configuration as a whole. It
// does not change while it is held.
type Instance interface {
	// Find resolves what a client named as `model`: a task, or
	// provider/model. The error is a *pointsman.Error.
	Find(model string) (*cascade.Task, error)
	// Models lists what a client may name.
	Models() []string
	// Snapshot is the digest of the configuration.
	Snapshot() pointsman.Digest
	// MaxBody bounds the body of a request, in bytes.
	MaxBody() int64
	// RequestTimeout bounds a request's time, from the decoded request to the
	// last byte of the answer.
	RequestTimeout() time.Duration
}

// Log is where decisions go on record.
type Log interface {
	// Ready says why a decision could not be recorded now, or nil.
	Ready() error
	// Fits says why a request of so many bytes could not be put on record, or
	// nil: it is asked before a model is paid for an answer.
	Fits(recording pointsman.Recording, requestBytes int64) error
	// Record returns when the decision is on record as durably as its owner
	// asked for, with as much of the texts (which may be nil) as the recording
	// says. It fills in the decision's digests of texts.
	Record(d *pointsman.Decision, recording pointsman.Recording, texts *journal.Payload) error
}

// Outcomes is where feedback on decisions goes on record.
type Outcomes interface {
	// RecordOutcome stores an outcome once; it says whether it was there
	// before. An unknown decision is a *pointsman.Error with CodeNotFound.
	RecordOutcome(ctx context.Context, o *pointsman.Outcome) (existed bool, err error)
}

// Options are what a gateway needs. Acquire, Gate, Log, Outcomes and IDs are
// required.
type Options struct {
	// Acquire holds the current instance until release is called.
	Acquire func() (w Instance, release func())
	// Gate says who may ask; it outlives the instances.
	Gate     *admit.Gate
	Log      Log
	Outcomes Outcomes
	IDs      *pointsman.IDSource
	Logger   *slog.Logger
	Now      func() time.Time
	// Memory bounds what all requests hold at once; nil has no bound.
	Memory *memory.Budget
	// Observe is told of each finished request, for metrics.
	Observe func(d *pointsman.Decision)
	// Kept is offered each answer that its client has, with the decision on record;
	// it must not wait. May be nil.
	Kept func(d *pointsman.Decision, r *pointsman.Request, text string)
	// Metrics serves /metrics; nil leaves it out.
	Metrics http.Handler
	// Draining says that the server is about to stop, for readiness.
	Draining func() bool
}

// Gateway is the HTTP handler. It is safe for concurrent use.
type Gateway struct {
	Options
	mux *http.ServeMux
}

// New makes a gateway.
func New(o Options) *Gateway {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Observe == nil {
		o.Observe = func(*pointsman.Decision) {}
	}
	if o.Draining == nil {
		o.Draining = func() bool { return false }
	}
	g := &Gateway{Options: o, mux: http.NewServeMux()}
	g.mux.HandleFunc("POST /v1/chat/completions", g.authenticated(g.answer(chat.Client{})))
	g.mux.HandleFunc("GET /v1/models", g.authenticated(g.models))
	g.mux.HandleFunc("GET /v1/models/{id...}", g.authenticated(g.model))
	g.mux.HandleFunc("POST /v1/feedback", g.authenticated(g.feedback))
	g.mux.HandleFunc("GET /healthz", g.health)
	g.mux.HandleFunc("GET /readyz", g.ready)
	if o.Metrics != nil {
		g.mux.Handle("GET /metrics", o.Metrics)
	}
	g.mux.HandleFunc("/", g.unknown)
	return g
}

// ServeHTTP implements http.Handler.
func (g *Gateway) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	defer func() {
		fault := recover()
		if fault == nil {
			return
		}
		if fault == http.ErrAbortHandler {
			panic(fault)
		}
		g.Logger.Error("request handler failed", "path", r.URL.Path, "fault", fault, "stack", string(debug.Stack()))
		g.fail(w, "", &pointsman.Error{Code: pointsman.CodeInternal, Message: "internal error", Hint: "the server's log has the details"})
	}()
	g.mux.ServeHTTP(w, r)
}

// unknown answers paths and methods that are not served.
func (g *Gateway) unknown(w http.ResponseWriter, r *http.Request) {
	g.fail(w, "", &pointsman.Error{
		Code:    pointsman.CodeNotFound,
		Message: "no such endpoint: " + r.Method + " " + r.URL.Path,
		Hint:    "POST /v1/chat/completions, GET /v1/models, POST /v1/feedback, GET /healthz and GET /readyz are served",
	})
}
