package redact

import "strings"

// secretPrefixes begin keys of well-known makers. What follows is at least
// secretLength characters of a key.
var secretPrefixes = []string{
	"sk-", "sk_", "pk_live_", "pk_test_", "rk_live_", "rk_test_", "whsec_", // OpenAI, Anthropic, Stripe
	"ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_", "glpat-", // GitHub, GitLab
	"xoxb-", "xoxp-", "xoxa-", "xoxr-", "xoxs-", "xapp-", // Slack
	"AKIA", "ASIA", "AIza", "ya29.", "SG.", "hf_", "npm_", "dop_v1_", "pypi-", // AWS, Google, SendGrid, Hugging Face …
}

const secretLength = 12

// beginsKey says with which bytes keys begin, since most words do not.
var beginsKey = func() (begins [256]bool) {
	for _, prefix := range secretPrefixes {
		begins[prefix[0]] = true
	}
	return begins
}()

// Secret is the placeholder of a secret.
const Secret = "[SECRET]"

// secretNames are what a secret is called where it is assigned.
var secretNames = []string{
	"password", "passwd", "passphrase", "pwd", "secret", "api_key", "apikey", "api-key", "access_key", "access-key",
	"access_token", "refresh_token", "auth_token", "client_secret", "private_key", "authorization",
}

// IsSecretName says whether a member's name is that of a secret.
func IsSecretName(name string) bool {
	for _, n := range secretNames {
		if len(name) >= len(n) && strings.EqualFold(name[len(name)-len(n):], n) {
			return true
		}
	}
	return false
}

// isKey says whether a byte may stand in a key, and isToken in a token behind
// its scheme (RFC 6750, b64token).
func isKey(c byte) bool   { return isWord(c) || c == '-' || c == '.' }
func isToken(c byte) bool { return isWord(c) || strings.IndexByte("-.~+/=", c) >= 0 }

// secretAt finds the secret that begins, or is announced, at i: it stands in
// s[from:end]. End is 0 where there is none.
func secretAt(s string, i int) (from, end int) {
	rest := s[i:]
	switch {
	case rest[0] == '-':
		return privateKeyAt(s, i)
	case rest[0]|0x20 == 'b' && (hasFold(rest, "bearer ") || hasFold(rest, "basic ")):
		from := i + strings.IndexByte(rest, ' ') + 1
		end := runEnd(s, from, isToken)
		if end-from >= 8 && (end-from >= 20 || strings.ContainsAny(s[from:end], "0123456789")) {
			return from, end
		}
	}
	if !isKey(before(s, i)) { // looked at once for each run, so that the whole stays linear
		if end := keyAt(s, i); end > 0 {
			return i, end
		}
	}
	return assignedAt(s, i)
}

// keyAt is where the key of a well-known form ends that begins at i, or 0.
func keyAt(s string, i int) int {
	if strings.HasPrefix(s[i:], "eyJ") { // a JSON Web Token: three parts
		if end := runEnd(s, i, isKey); strings.Count(s[i:end], ".") >= 2 {
			return end
		}
	}
	if !beginsKey[s[i]] {
		return 0
	}
	for _, prefix := range secretPrefixes {
		if strings.HasPrefix(s[i:], prefix) {
			if end := runEnd(s, i, isKey); end-i >= len(prefix)+secretLength {
				return end
			}
		}
	}
	return 0
}

// assignedAt finds what follows a secret's name and a colon or equals sign. A
// name may be the end of a longer one: DB_PASSWORD.
func assignedAt(s string, i int) (from, end int) {
	nameEnd := i
	for nameEnd < len(s) && (isWord(s[nameEnd]) || s[nameEnd] == '-') && nameEnd-i < 64 {
		nameEnd++
	}
	from = skipAny(s, nameEnd, `"' `, 3)
	if nameEnd == i || from == len(s) || s[from] != ':' && s[from] != '=' || !IsSecretName(s[i:nameEnd]) {
		return 0, 0
	}
	from = skipAny(s, from+1, `"' `, 3)
	if scheme := from; hasFold(s[scheme:], "bearer ") || hasFold(s[scheme:], "basic ") {
		from += strings.IndexByte(s[scheme:], ' ') + 1
	}
	end = from
	for end < len(s) && strings.IndexByte(" \t\r\n\"',;<>", s[end]) < 0 {
		end++
	}
	if end-from < 4 {
		return 0, 0
	}
	return from, end
}

// skipAny goes over at most n of the given bytes.
func skipAny(s string, i int, set string, n int) int {
	for n > 0 && i < len(s) && strings.IndexByte(set, s[i]) >= 0 {
		i++
		n--
	}
	return i
}

// privateKeyAt finds a private key in PEM, to its end or to the end of the text.
func privateKeyAt(s string, i int) (from, end int) {
	const begin, over, dashes = "-----BEGIN ", "-----END ", "-----"
	rest := s[i:]
	if !strings.HasPrefix(rest, begin) {
		return 0, 0
	}
	head, _, found := strings.Cut(rest[len(begin):min(len(rest), 64)], dashes)
	if !found || !strings.HasSuffix(head, "PRIVATE KEY") {
		return 0, 0
	}
	at := strings.Index(rest, over)
	if at < 0 {
		return i, len(s)
	}
	last := strings.Index(rest[at+len(over):], dashes)
	if last < 0 {
		return i, len(s)
	}
	return i, i + at + len(over) + last + len(dashes)
}

// runEnd is where a run of bytes ends that begins at i. A full stop at its end
// ends a sentence.
func runEnd(s string, i int, in func(byte) bool) int {
	end := i
	for end < len(s) && in(s[end]) {
		end++
	}
	for end > i && s[end-1] == '.' {
		end--
	}
	return end
}

func hasFold(s, prefix string) bool {
	return len(s) >= len(prefix) && strings.EqualFold(s[:len(prefix)], prefix)
}
