package collect

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/pointsman-ai/pointsman"
	"github.com/pointsman-ai/pointsman/internal/dataset"
	"github.com/pointsman-ai/pointsman/internal/upstream/dialguard"
)

// The headers in which a gateway says what happened, and in which a tier is
// asked for.
const (
	headerPin        = "X-Pointsman-Pin"
	headerDecision   = "X-Pointsman-Decision"
	headerTier       = "X-Pointsman-Tier"
	headerModel      = "X-Pointsman-Model"
	headerConfidence = "X-Pointsman-Confidence"
	headerCause      = "X-Pointsman-Cause"
	headerUplift     = "X-Pointsman-Uplift"
)

// HTTPOptions say how a live gateway is asked.
type HTTPOptions struct {
	// BaseURL is the gateway's address up to and including the version, such
	// as "http://127.0.0.1:8080/v1".
	BaseURL string
	// Model is the name of the task.
	Model string
	// Key is a bearer key; empty where the gateway asks for none.
	Key string
	// Read reads an answer to an input through the task's contract; that is
	// [cascade.Task.Read].
	Read func(answer *pointsman.Answer, input string) pointsman.Reading
	// Identity names what the gateway runs behind a target: variants,
	// configuration, policy. Only the caller can know it; results are used
	// again as long as it stays the same.
	Identity func(t Target) (pointsman.Digest, error)
	// Lookup finds a decision by its id; nil where there is no way to.
	Lookup func(ctx context.Context, id pointsman.DecisionID) (*pointsman.Decision, error)
	// Client is nil for one without a timeout of its own: set one, or a
	// deadline of the context.
	Client *http.Client
	Retry  Retry
}

// HTTP asks a live gateway for chat completions.
//
// What a gateway says in headers is all it says: costs, attempts and overhead
// are unknown unless Lookup finds the whole decision, except that the one
// attempt of a pinned tier is known with its usage.
type HTTP struct {
	options  HTTPOptions
	endpoint string
}

var _ Asker = (*HTTP)(nil)

// maxResponse bounds the bytes of a response.
const maxResponse = 16 << 20

// NewHTTP checks the options and makes an asker of them.
func NewHTTP(o HTTPOptions) (*HTTP, error) {
	base, err := url.Parse(o.BaseURL)
	switch {
	case err != nil || base.Scheme != "http" && base.Scheme != "https" || base.Host == "":
		return nil, invalid("write it as http://host:port/v1", "the gateway's address %q is no URL", o.BaseURL)
	case o.Model == "":
		return nil, invalid("", "no task is named to the gateway at %s", o.BaseURL)
	case o.Read == nil:
		return nil, errors.New("collect: nothing reads the answers of the gateway")
	case o.Identity == nil:
		return nil, invalid("say which variants, configuration and policy it runs", "nobody knows what the gateway at %s runs, so no result could be used again safely", o.BaseURL)
	}
	o.Retry = o.Retry.filled()
	if o.Client == nil {
		guard := dialguard.Policy{PrivateOnly: o.Key != "" && base.Scheme == "http"}
		o.Client = &http.Client{Transport: guard.Transport()}
	}
	return &HTTP{o, strings.TrimSuffix(o.BaseURL, "/") + "/chat/completions"}, nil
}

// Identity is made of the address, the task, the tier, and what the caller says
// that the gateway runs.
func (a *HTTP) Identity(t Target) (pointsman.Digest, error) {
	runs, err := a.options.Identity(t)
	if err != nil {
		return "", err
	}
	content, err := json.Marshal([]string{"http gateway 1", a.endpoint, a.options.Model, string(t.Tier), string(runs)})
	if err != nil {
		return "", err
	}
	return pointsman.DigestOf(content), nil
}

// Ask sends an example, and sends it again where the gateway is busy or
// failing. When that does not help, or the request itself is refused, the
// result says so in Err. A refused key or an unknown task is [ErrStop].
func (a *HTTP) Ask(ctx context.Context, t Target, e *dataset.Example) (*Result, error) {
	body, err := Body(a.options.Model, e)
	if err != nil {
		return nil, err
	}
	retry := &a.options.Retry
	for attempt := 1; ; attempt++ {
		result, after, err := a.once(ctx, t, e, body)
		again := err != nil || retryable(result.Status)
		if errors.Is(err, ErrStop) || ctx.Err() != nil || !again {
			return result, err
		}
		if attempt == retry.Attempts {
			if err != nil {
				return nil, fmt.Errorf("asked %d times: %w", attempt, err)
			}
			result.Err = fmt.Sprintf("asked %d times: %s", attempt, result.Err)
			return result, nil
		}
		if err := retry.Sleep(ctx, retry.pause(attempt, after)); err != nil {
			return nil, err
		}
	}
}

// once sends a request once. after is how long the gateway asks to wait.
func (a *HTTP) once(ctx context.Context, t Target, e *dataset.Example, body []byte) (result *Result, after time.Duration, err error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, a.endpoint, bytes.NewReader(body))
	if err != nil {
		return nil, 0, fmt.Errorf("%w: %w", ErrStop, err)
	}
	request.Header.Set("Content-Type", "application/json")
	if t.Tier != "" {
		request.Header.Set(headerPin, string(t.Tier))
	}
	if a.options.Key != "" {
		request.Header.Set("Authorization", "Bearer "+a.options.Key)
	}
	now := a.options.Retry.Now
	started := now()
	response, err := a.options.Client.Do(request)
	if errors.Is(err, dialguard.ErrForbidden) || errors.Is(err, dialguard.ErrPublic) {
		return nil, 0, fmt.Errorf("%w: %w", ErrStop, err)
	}
	if err != nil {
		return nil, 0, err
	}
	defer response.Body.Close()
	content, err := io.ReadAll(io.LimitReader(response.Body, maxResponse+1))
	if err != nil {
		return nil, 0, fmt.Errorf("read response: %w", err)
	}
	result = &Result{Status: response.StatusCode, Latency: now().Sub(started)}
	if len(content) > maxResponse {
		result.Err = fmt.Sprintf("the response is longer than %d bytes", maxResponse)
		return result, 0, nil
	}
	if err := a.decision(ctx, t, response.Header, result); err != nil {
		result.Err = err.Error()
		return result, 0, nil
	}
	if d := &result.Decision; t.Tier != "" && d.Tier != "" && d.Tier != t.Tier {
		if d.Cause == pointsman.CausePinned {
			return &Result{Excluded: fmt.Sprintf("the owner's rules pin it to tier %s", d.Tier)}, 0, nil
		}
		result.Err = fmt.Sprintf("tier %s answered, not %s", d.Tier, t.Tier)
		return result, 0, nil
	}
	if response.StatusCode != http.StatusOK {
		code, message := errorMessage(content)
		if response.StatusCode == http.StatusForbidden && code == pointsman.CodeForbidden {
			return &Result{Excluded: message}, 0, nil
		}
		result.Err = fmt.Sprintf("status %d: %s", response.StatusCode, message)
		if response.StatusCode == http.StatusUnauthorized || response.StatusCode == http.StatusNotFound {
			return result, 0, fmt.Errorf("%w: %s", ErrStop, result.Err)
		}
		return result, retryAfter(response.Header, now()), nil
	}
	a.answer(t, e, content, result)
	return result, 0, nil
}

// decision reads what the headers say into the result, and the rest where it
// can be looked up.
func (a *HTTP) decision(ctx context.Context, t Target, h http.Header, result *Result) error {
	d := &result.Decision
	d.ID, d.Task, d.Status = pointsman.DecisionID(h.Get(headerDecision)), pointsman.TaskID(a.options.Model), result.Status
	d.Tier, d.Model = pointsman.TierID(h.Get(headerTier)), pointsman.ModelID(h.Get(headerModel))
	d.Cause = pointsman.Cause(h.Get(headerCause)).Current()
	d.Rules.Pin = t.Tier
	var err error
	if result.Uplift, err = numberIn(h, headerUplift); err != nil {
		return err
	}
	if result.Acceptable, err = numberIn(h, headerConfidence); err != nil {
		return err
	}
	if a.options.Lookup == nil || d.ID == "" || result.Status != http.StatusOK {
		return nil
	}
	whole, err := a.options.Lookup(ctx, d.ID)
	if err != nil {
		return fmt.Errorf("look up decision %s: %w", d.ID, err)
	}
	result.Decision = *whole
	return nil
}

// numberIn is the number in a header; nil where the header is absent.
func numberIn(h http.Header, name string) (*float64, error) {
	text := h.Get(name)
	if text == "" {
		return nil, nil
	}
	v, err := strconv.ParseFloat(text, 64)
	if err != nil || math.IsNaN(v) || math.IsInf(v, 0) {
		return nil, fmt.Errorf("the header %s is no number: %q", strings.ToLower(name), text)
	}
	return &v, nil
}
