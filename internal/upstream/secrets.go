package upstream

import (
	"slices"
	"strings"
)

// window is how many bytes of a secret in a row give it away. Vendors repeat
// the beginning and the end of a wrong key in their messages.
const window = 6

// Secrets are what nothing that leaves an upstream may tell: keys and the
// values of headers. Whatever comes from outside and is kept or shown goes
// through [Secrets.Clean].
type Secrets struct{ lower []string }

// NewSecrets keeps the values that are not empty.
func NewSecrets(values ...string) Secrets {
	var s Secrets
	for _, v := range values {
		if v = strings.ToLower(strings.TrimSpace(v)); v != "" {
			s.lower = append(s.lower, v)
		}
	}
	return s
}

// With adds a secret, such as a key that was resolved for one call.
func (s Secrets) With(value string) Secrets {
	return Secrets{lower: append(slices.Clip(s.lower), NewSecrets(value).lower...)}
}

// Clean takes out of a text every word that looks like part of a secret, in
// whatever case, or like a key that was masked.
func (s Secrets) Clean(text string) string {
	if !strings.Contains(text, "***") && !s.Revealed(text) {
		return text
	}
	words := strings.Split(text, " ")
	for i, word := range words {
		if strings.Contains(word, "***") || s.Revealed(word) {
			words[i] = "[…]"
		}
	}
	if text = strings.Join(words, " "); s.Revealed(text) { // the secret has spaces
		return "[…]"
	}
	return text
}

// Revealed says whether a text holds a secret or a telling part of one.
func (s Secrets) Revealed(text string) bool {
	if len(s.lower) == 0 || text == "" {
		return false
	}
	text = strings.ToLower(text)
	for _, secret := range s.lower {
		if len(secret) <= window {
			if strings.Contains(text, secret) {
				return true
			}
			continue
		}
		for i := range len(secret) - window + 1 {
			if strings.Contains(text, secret[i:i+window]) {
				return true
			}
		}
	}
	return false
}
