package policy

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/pointsman-ai/pointsman"
)

// ErrInvalid is returned for bytes or values that are not a policy.
var ErrInvalid = errors.New("not a valid policy")

// MaxSize bounds what [Unmarshal] reads, in bytes.
const MaxSize = 16 << 20

// Marshal writes the policy in its one canonical form: equal policies give
// equal bytes, so that the bytes can name the policy.
func (p *Policy) Marshal() ([]byte, error) {
	if err := p.Validate(); err != nil {
		return nil, err
	}
	content, err := json.Marshal(p)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	// The encoder writes bytes that are not UTF-8 as this escape, which would
	// not come back as what it was.
	if bytes.Contains(content, []byte(`\ufffd`)) {
		return nil, fmt.Errorf("%w: it has text that is not UTF-8", ErrInvalid)
	}
	return content, nil
}

// Digest names the policy by its canonical form. It is computed anew at each
// call; keep it.
func (p *Policy) Digest() (pointsman.Digest, error) {
	content, err := p.Marshal()
	if err != nil {
		return "", err
	}
	return pointsman.DigestOf(content), nil
}

// Load reads the policy of a digest by what gets its content, such as
// artefact.Store.Get.
func Load(get func(pointsman.Digest) ([]byte, error), d pointsman.Digest) (*Policy, error) {
	content, err := get(d)
	if err != nil {
		return nil, err
	}
	return Unmarshal(content)
}

// Unmarshal reads a policy strictly: unknown or repeated fields, another
// version, numbers that are not finite, lengths that do not fit together and
// any spelling but the canonical one (white space apart) are errors. What it
// returns can be assessed with any signals without a panic or a NaN.
func Unmarshal(content []byte) (*Policy, error) {
	if len(content) > MaxSize {
		return nil, fmt.Errorf("%w: %d bytes, at most %d are read", ErrInvalid, len(content), MaxSize)
	}
	// The version comes first, so that a newer policy is called that and not
	// a policy with unknown fields.
	var head struct {
		Version *int `json:"version"`
	}
	if err := json.Unmarshal(content, &head); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	if head.Version == nil || *head.Version < first || *head.Version > Version {
		return nil, fmt.Errorf("%w: version %s, this program reads versions %d to %d", ErrInvalid, number(head.Version), first, Version)
	}
	decoder := json.NewDecoder(bytes.NewReader(content))
	decoder.DisallowUnknownFields()
	p := new(Policy)
	if err := decoder.Decode(p); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("%w: something follows it", ErrInvalid)
	}
	canonical, err := p.Marshal()
	if err != nil {
		return nil, err
	}
	var compact bytes.Buffer
	if err := json.Compact(&compact, content); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	if !bytes.Equal(compact.Bytes(), canonical) {
		at := 0
		for at < min(compact.Len(), len(canonical)) && compact.Bytes()[at] == canonical[at] {
			at++
		}
		return nil, fmt.Errorf("%w: not in canonical form (a repeated field, another order or spelling) at byte %d once white space is removed", ErrInvalid, at)
	}
	return p, nil
}

func number(n *int) string {
	if n == nil {
		return "missing"
	}
	return fmt.Sprint(*n)
}
