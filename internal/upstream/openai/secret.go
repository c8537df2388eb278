package openai

import (
	"errors"
	"fmt"
	"strings"

	"github.com/pointsman-ai/pointsman/internal/upstream"
)

// window is how many bytes of a secret in a row give a word away. Vendors
// repeat the beginning and the end of a wrong key in their messages.
const window = 6

// clean takes everything out of a vendor's message that looks like part of the
// key or of a header's value, or like a key that was masked.
func (u *Upstream) clean(message, key string) string {
	words := strings.Split(message, " ")
	for i, word := range words {
		secret := strings.Contains(word, "***") || reveals(word, key)
		for _, s := range u.secrets {
			secret = secret || reveals(word, s)
		}
		if secret {
			words[i] = "[…]"
		}
	}
	return strings.Join(words, " ")
}

// reveals says whether a word holds a secret or a telling part of it.
func reveals(word, secret string) bool {
	if len(secret) <= window {
		return secret != "" && strings.Contains(word, secret)
	}
	for i := range len(secret) - window + 1 {
		if strings.Contains(word, secret[i:i+window]) {
			return true
		}
	}
	return false
}

// kindOf is the kind of failure that an error already is, or nil.
func kindOf(err error) error {
	for _, kind := range []error{upstream.ErrUnavailable, upstream.ErrRejected, upstream.ErrMalformed} {
		if errors.Is(err, kind) {
			return kind
		}
	}
	return nil
}

// cleaned is an error of a known kind without secrets that a vendor put into
// its message, as it does also with status 200 and in streams.
func (u *Upstream) cleaned(err error, key string) error {
	kind := kindOf(err)
	if kind == nil {
		return err
	}
	text := err.Error()
	message := u.clean(text, key)
	if message == text {
		return err
	}
	return fmt.Errorf("%w: %s", kind, strings.TrimPrefix(message, kind.Error()+": "))
}
