package dataset

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"hash"
	"maps"
	"slices"
	"strings"

	"github.com/pointsman-ai/pointsman"
)

// Example is one thing to ask and what is known about its right answer. All
// expectations are optional: a scorer that finds none skips the example.
type Example struct {
	// ID is for people; where a file gives none it is the first digits of the
	// content's digest.
	ID string `json:"id,omitempty"`
	// Input is the text of a single user message; Messages is the whole
	// conversation instead. Exactly one of them is given.
	Input    string              `json:"input,omitempty"`
	Messages []pointsman.Message `json:"messages,omitempty"`
	// Label is the right label of a classify or moderate task.
	Label string `json:"label,omitempty"`
	// Fields are the right values of an extract task by name; Want is the
	// right object instead, where values are more than texts.
	Fields map[string]string `json:"fields,omitempty"`
	Want   json.RawMessage   `json:"want,omitempty"`
	// Reference is a good answer of a rewrite or open task.
	Reference string `json:"reference,omitempty"`
	// Metadata are sent with the request; rules and slices see them.
	Metadata map[string]string `json:"metadata,omitempty"`
	// Group names the conversation, document or user: examples of one group
	// are not independent, and are never split. Empty: the example stands by
	// itself.
	Group string `json:"group,omitempty"`
	// Principal is the name of the credential that sent it. Rules see it; it is
	// not sent and does not change what is asked.
	Principal string `json:"principal,omitempty"`
	// Tags are the owner's marks. Nothing but the owner reads them.
	Tags []string `json:"tags,omitempty"`

	// Line is where the example was read, from 1; 0 where it was not read from
	// a file.
	Line int `json:"-"`
}

// members are the names that a line may hold.
var members = []string{
	"id", "input", "messages", "label", "fields", "want", "reference", "metadata", "group", "principal", "tags",
}

// roles are who may speak in a conversation.
var roles = []string{"system", "developer", "user", "assistant", "tool"}

// Cluster is the group, or the id where the example stands by itself.
func (e *Example) Cluster() string {
	switch {
	case e.Group != "":
		return e.Group
	case e.ID != "":
		return e.ID
	default:
		return e.Digest().Short()
	}
}

// Text is the input, or the text of the conversation's last user message: what
// a [pointsman.Request] calls Input.
func (e *Example) Text() string {
	if len(e.Messages) == 0 {
		return e.Input
	}
	for _, m := range slices.Backward(e.Messages) {
		if m.Role == "user" {
			return m.Text
		}
	}
	return ""
}

// Conversation is the messages to send: those given, or the input as one.
func (e *Example) Conversation() []pointsman.Message {
	if len(e.Messages) > 0 {
		return e.Messages
	}
	return []pointsman.Message{{Role: "user", Text: e.Input}}
}

// Check says what is wrong with an example, as a person would want to read it.
func (e *Example) Check() error {
	switch {
	case e.Input == "" && len(e.Messages) == 0:
		return invalid("give the text as \"input\" or the conversation as \"messages\"", "the example asks nothing")
	case e.Input != "" && len(e.Messages) > 0:
		return invalid("leave one of them out", "the example has both \"input\" and \"messages\"")
	case len(e.Fields) > 0 && len(e.Want) > 0:
		return invalid("leave one of them out", "the example has both \"fields\" and \"want\"")
	}
	for i, m := range e.Messages {
		if !slices.Contains(roles, m.Role) {
			return invalid(didYouMean(m.Role, roles), "messages[%d] has the role %q", i, m.Role)
		}
	}
	if len(e.Want) > 0 {
		if _, err := canonical(e.Want); err != nil {
			return invalid("", "\"want\" is not JSON: %v", err)
		}
	}
	return nil
}

func invalid(hint, format string, args ...any) *pointsman.Error {
	return &pointsman.Error{Code: pointsman.CodeInvalid, Message: fmt.Sprintf(format, args...), Hint: hint}
}

// Digest names the example by its content: everything that is asked and
// expected. The id, the group, the principal, the tags and where it is in the file do
// not count, nor the order of members.
func (e *Example) Digest() pointsman.Digest { return pointsman.DigestOfSum(e.sum()) }

func (e *Example) sum() (out [sha256.Size]byte) {
	h := sha256.New()
	e.asked(h)
	text(h, "label", e.Label)
	table(h, "fields", e.Fields)
	want, err := canonical(e.Want)
	if err != nil { // not JSON: Check says so; its bytes are still its content
		want = e.Want
	}
	text(h, "want", string(want))
	text(h, "reference", e.Reference)
	return [sha256.Size]byte(h.Sum(out[:0]))
}

// AskedDigest names what is sent of the example: its conversation and its
// metadata. Two examples that differ only in what is expected have the same.
func (e *Example) AskedDigest() pointsman.Digest {
	h := sha256.New()
	e.asked(h)
	return pointsman.DigestOfSum([sha256.Size]byte(h.Sum(nil)))
}

// asked writes what is sent. An input and the same text as the only user
// message are the same question.
func (e *Example) asked(h hash.Hash) {
	text(h, "pointsman example", "1")
	turns := e.Conversation()
	count(h, len(turns))
	for _, m := range turns {
		text(h, m.Role, m.Text)
		text(h, "tool", m.ToolName)
		count(h, m.NonText)
	}
	table(h, "metadata", e.Metadata)
}

// The encoding below is unambiguous: every text is preceded by its length.

func count(h hash.Hash, n int) {
	h.Write(binary.BigEndian.AppendUint64(nil, uint64(n)))
}

func text(h hash.Hash, name, value string) {
	count(h, len(name))
	h.Write([]byte(name))
	count(h, len(value))
	h.Write([]byte(value))
}

func table(h hash.Hash, name string, values map[string]string) {
	text(h, name, "")
	count(h, len(values))
	for _, key := range slices.Sorted(maps.Keys(values)) {
		text(h, key, values[key])
	}
}

// canonical is a JSON value with its members sorted and without white space.
// Numbers stay as they are written.
func canonical(raw json.RawMessage) ([]byte, error) {
	if len(raw) == 0 {
		return nil, nil
	}
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.UseNumber()
	var value any
	if err := decoder.Decode(&value); err != nil {
		return nil, err
	}
	if decoder.More() {
		return nil, fmt.Errorf("more follows after the value")
	}
	return json.Marshal(value)
}

// Digester names a set of examples by its content, whatever their order. Its
// memory is 32 bytes for each example.
type Digester struct{ sums [][sha256.Size]byte }

// Add takes an example into the set. An example that stands twice counts
// twice.
func (d *Digester) Add(e *Example) { d.sums = append(d.sums, e.sum()) }

// Digest names the examples so far.
func (d *Digester) Digest() pointsman.Digest {
	slices.SortFunc(d.sums, func(a, b [sha256.Size]byte) int { return bytes.Compare(a[:], b[:]) })
	h := sha256.New()
	text(h, "pointsman dataset", "1")
	count(h, len(d.sums))
	for i := range d.sums {
		h.Write(d.sums[i][:])
	}
	return pointsman.DigestOfSum([sha256.Size]byte(h.Sum(nil)))
}

// DigestOf names a set of examples by its content, whatever their order.
func DigestOf(examples []Example) pointsman.Digest {
	var d Digester
	for i := range examples {
		d.Add(&examples[i])
	}
	return d.Digest()
}

// identify gives an example without an id the one of its content.
func (e *Example) identify() {
	if strings.TrimSpace(e.ID) == "" {
		e.ID = e.Digest().Short()
	}
}
