package journal

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/pointsman-ai/pointsman"
)

// Payload is the texts of one request. It is stored apart from the decision,
// and only as far as the owner's recording setting permits: applying that is
// for its writer, who says by Recording that it is done.
type Payload struct {
	Decision pointsman.DecisionID `json:"decision"`
	// Recording is what was applied; empty before that.
	Recording pointsman.Recording `json:"recording"`
	// Request is the body as the client sent it, in JSON.
	Request string `json:"request,omitempty"`
	// Input is the text of the last user message: what Decision.Input is the
	// digest of.
	Input string `json:"input,omitempty"`
	// Attempts are the answers' texts, in the order of Decision.Attempts.
	Attempts []AttemptText `json:"attempts,omitempty"`
	// Omitted names what was left out because all together would have been
	// larger than MaxPayload: "input", "request", "attempts".
	Omitted []string `json:"omitted,omitempty"`
}

// AttemptText is what one tier answered: a text, calls of tools, or both.
type AttemptText struct {
	Tier      pointsman.TierID     `json:"tier"`
	Answer    string               `json:"answer"`
	ToolCalls []pointsman.ToolCall `json:"tool_calls,omitempty"`
}

// KeyedDigest is the HMAC-SHA-256 of a text under the journal's salt: equal
// texts can be recognised by it, and without the salt nobody can try texts
// against it.
func (j *Journal) KeyedDigest(text string) pointsman.Digest {
	mac := hmac.New(sha256.New, j.salt)
	mac.Write([]byte(text))
	return pointsman.DigestOfSum(hashSum(mac.Sum(nil)))
}

// saltSize is the length of the salt in bytes.
const saltSize = 32

// loadSalt reads the salt, or makes one for a new journal. One that could not be
// kept stays in memory, so that digests are the same once it can be.
func (j *Journal) loadSalt(fresh bool) error {
	salt, err := os.ReadFile(j.path(saltName))
	switch {
	case err == nil && len(salt) == saltSize:
		j.salt = salt
	case err == nil:
		return corrupt(saltName, int64(len(salt)), "the salt is %d bytes long, want %d", len(salt), saltSize)
	case !errors.Is(err, os.ErrNotExist):
		return err
	case !fresh:
		return corrupt(saltName, 0, "the salt is gone: keyed digests could not be compared with earlier ones")
	}
	j.saltID = saltID(j.salt)
	if err == nil {
		return nil
	}
	return j.keepSalt()
}

// saltID names a salt in the headers without telling it.
func saltID(salt []byte) (id [16]byte) {
	sum := sha256.Sum256(append([]byte("pointsman salt id\x00"), salt...))
	copy(id[:], sum[:])
	return id
}

// frame appends the payload's frame, without head, to b.
func (p *Payload) frame(b []byte) ([]byte, error) {
	start := len(b)
	b = append(b, make([]byte, payloadHead)...)
	rand.Read(b[start+8 : start+payloadHead])
	b = appendPayload(b, p)
	if len(b)-start-payloadHead > MaxPayload {
		return nil, tooLarge("payload", len(b)-start-payloadHead, MaxPayload)
	}
	return b, nil
}

// ReadPayload reads the texts that a decision refers to. The error wraps
// ErrExpired where their file is gone, and ErrCorrupt where they are not what
// was written.
func ReadPayload(dir string, ref Ref) (*Payload, error) {
	name := payloadFile(ref.Segment)
	f, err := os.Open(filepath.Join(dir, name))
	if errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("payload in %s: %w", name, ErrExpired)
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	body, problem, err := loadPayload(f, ref)
	if err != nil {
		return nil, err
	}
	if problem != "" {
		return nil, corrupt(name, ref.Offset, "%s", problem)
	}
	p := new(Payload)
	if err := json.Unmarshal(body, p); err != nil {
		return nil, corrupt(name, ref.Offset, "%v", err)
	}
	return p, nil
}

// loadPayload reads the frame that ref names and says what is wrong with it.
func loadPayload(f *os.File, ref Ref) (body []byte, problem string, err error) {
	if ref.Length <= payloadHead || ref.Length > payloadHead+MaxPayload || ref.Offset < headerSize {
		return nil, "the record names an impossible place", nil
	}
	b := make([]byte, ref.Length)
	if n, err := f.ReadAt(b, ref.Offset); int64(n) < ref.Length {
		if n == 0 || isEOF(err) {
			return nil, fmt.Sprintf("%d of %d bytes are there", n, ref.Length), nil
		}
		return nil, "", err
	}
	body, err = parsePayload(b)
	switch {
	case err != nil:
		return nil, err.Error(), nil
	case int64(len(body)) != ref.Length-payloadHead:
		return nil, "its length is another", nil
	case pointsman.DigestOfSum(sha256.Sum256(b[8:])) != ref.Digest:
		return nil, "its digest is not the one that the decision names", nil
	}
	return body, "", nil
}

func tooLarge(what string, size, bound int) error {
	return &pointsman.Error{
		Code:    pointsman.CodeTooLarge,
		Message: fmt.Sprintf("the %s of this request is too large to be recorded: %d bytes, at most %d", what, size, bound),
		Hint:    "send less, or record less of this task",
		Err:     ErrTooLarge,
	}
}
