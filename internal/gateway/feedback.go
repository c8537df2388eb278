package gateway

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"unicode/utf8"

	"github.com/pointsman-ai/pointsman"
	"github.com/pointsman-ai/pointsman/internal/admit"
	"github.com/pointsman-ai/pointsman/internal/dialect/chat"
	"github.com/pointsman-ai/pointsman/internal/excerpt"
)

// The bounds of one outcome, in bytes.
const (
	maxFeedback = 64 << 10
	maxLabel    = 256
	maxKey      = 128
)

// feedbackBody is the body of POST /v1/feedback.
type feedbackBody struct {
	Decision   string   `json:"decision_id"`
	Label      string   `json:"label"`
	Correct    *bool    `json:"correct"`
	Score      *float64 `json:"score"`
	Correction string   `json:"correction"`
	Comment    string   `json:"comment"`
	Key        string   `json:"idempotency_key"`
}

// feedbackReply is the answer to it.
type feedbackReply struct {
	Object   string               `json:"object"`
	ID       pointsman.Digest     `json:"id"`
	Decision pointsman.DecisionID `json:"decision_id"`
	Existed  bool                 `json:"existed"`
}

// feedback serves POST /v1/feedback. The same feedback on the same decision by the
// same credential is recorded once; the second time answers 200 instead of 201.
func (g *Gateway) feedback(w http.ResponseWriter, r *http.Request, instance Instance, who *admit.Principal) {
	body, err := readBody(r, nil, min(maxFeedback, instance.MaxBody()))
	if err != nil {
		g.fail(w, "", err)
		return
	}
	o, err := outcome(body, who, r.Header.Get("Idempotency-Key"))
	if err != nil {
		g.fail(w, "", err)
		return
	}
	o.Time = g.Now().UTC()
	existed, err := g.Outcomes.RecordOutcome(r.Context(), o)
	if err != nil {
		if pointsman.CodeOf(err) == pointsman.CodeInternal {
			err = unavailable(err)
		}
		g.fail(w, "", err)
		return
	}
	status := http.StatusCreated
	if existed {
		status = http.StatusOK
	}
	answer, err := json.Marshal(feedbackReply{Object: "pointsman.feedback", ID: o.ID, Decision: o.Decision, Existed: existed})
	if err != nil {
		g.fail(w, "", err)
		return
	}
	g.writeJSON(w, status, answer)
}

// outcome reads and checks the feedback on a decision.
func outcome(body []byte, who *admit.Principal, key string) (*pointsman.Outcome, error) {
	bad := func(param, message, hint string) error {
		return &pointsman.Error{Code: pointsman.CodeInvalid, Message: message, Hint: hint, Param: param}
	}
	const members = "members are decision_id, label, correct, score, correction, comment and idempotency_key"
	var in feedbackBody
	decoder := json.NewDecoder(bytes.NewReader(body))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&in); err != nil {
		return nil, bad("", "the feedback is not a JSON object of the expected form: "+err.Error(), members)
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return nil, bad("", "more follows after the JSON object", "send one object")
	}
	if !utf8.Valid(body) {
		return nil, bad("", "the feedback is not valid UTF-8", "")
	}
	decision, err := pointsman.ParseDecisionID(in.Decision)
	if err != nil {
		return nil, bad("decision_id", fmt.Sprintf("%q is not a decision's id", excerpt.Of(in.Decision, 64)), "take it from the "+HeaderDecision+" header")
	}
	if in.Key == "" {
		in.Key = key
	}
	switch {
	case in.Label == "" && in.Correct == nil && in.Score == nil && in.Correction == "" && in.Comment == "":
		return nil, bad("", "the feedback says nothing", "set at least one of label, correct, score, correction and comment")
	case in.Score != nil && (*in.Score < 0 || *in.Score > 1):
		return nil, bad("score", "the score is not between 0 and 1", "")
	case len(in.Label) > maxLabel:
		return nil, bad("label", fmt.Sprintf("the label is longer than %d bytes", maxLabel), "")
	case len(in.Key) > maxKey:
		return nil, bad("idempotency_key", fmt.Sprintf("the idempotency key is longer than %d bytes", maxKey), "")
	}
	o := &pointsman.Outcome{
		Decision: decision, Source: who.Name, Key: in.Key,
		Label: in.Label, Correct: in.Correct, Score: in.Score, Correction: in.Correction, Comment: in.Comment,
	}
	if o.Source == "" {
		o.Source = pointsman.Anonymous
	}
	o.ID, err = identity(o)
	return o, err
}

// identity is the digest of what an outcome says. With an idempotency key it is
// the digest of who, on what, and the key.
func identity(o *pointsman.Outcome) (pointsman.Digest, error) {
	var id any = []any{o.Decision, o.Source, o.Label, o.Correct, o.Score, o.Correction, o.Comment}
	if o.Key != "" {
		id = []any{o.Decision, o.Source, "key", o.Key}
	}
	content, err := json.Marshal(id)
	if err != nil {
		return "", fmt.Errorf("identify the outcome: %w", err)
	}
	return pointsman.DigestOf(content), nil
}

// models serves GET /v1/models.
func (g *Gateway) models(w http.ResponseWriter, _ *http.Request, instance Instance, who *admit.Principal) {
	g.writeJSON(w, http.StatusOK, chat.Models(visible(instance, who), 0))
}

// model serves GET /v1/models/{id}.
func (g *Gateway) model(w http.ResponseWriter, r *http.Request, instance Instance, who *admit.Principal) {
	id := r.PathValue("id")
	if _, err := find(instance, who, id); err != nil {
		g.fail(w, "", err)
		return
	}
	g.writeJSON(w, http.StatusOK, chat.Model(id, 0))
}

// health says that the process runs.
func (g *Gateway) health(w http.ResponseWriter, _ *http.Request) {
	g.writeJSON(w, http.StatusOK, []byte(`{"status":"ok"}`))
}

// ready says that requests can be served and recorded.
func (g *Gateway) ready(w http.ResponseWriter, _ *http.Request) {
	status, answer := http.StatusOK, map[string]string{"status": "ready"}
	if err := g.Log.Ready(); err != nil {
		status, answer = http.StatusServiceUnavailable, map[string]string{"status": "not ready", "journal": err.Error()}
	}
	if g.Draining() {
		status, answer = http.StatusServiceUnavailable, map[string]string{"status": "draining"}
	}
	body, err := json.Marshal(answer)
	if err != nil {
		g.fail(w, "", err)
		return
	}
	g.writeJSON(w, status, body)
}
