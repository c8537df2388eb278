package config

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

// reference finds ${NAME} in a text. What looks like the beginning of one and
// is none is refused when the file is read.
var reference = regexp.MustCompile(`\$\{([A-Za-z_][A-Za-z0-9_]*)\}`)

// maxSecretFile bounds a file that holds a secret, in bytes.
const maxSecretFile = 64 << 10

// isReference says that a whole value is one reference to a secret.
func isReference(s string) bool {
	m := reference.FindString(s)
	return m != "" && m == s || strings.HasPrefix(s, "file:") && len(s) > len("file:")
}

// Secret is where a secret is to be found: ${NAME} for an environment variable,
// file:path for a file. It never holds the secret itself. Its text, its JSON
// and its log value are the reference. The zero Secret refers to nothing.
type Secret struct {
	reference string
	dir       string // what a relative path is relative to
}

// IsZero says that no secret is referred to.
func (s Secret) IsZero() bool { return s.reference == "" }

// String is the reference, never the secret.
func (s Secret) String() string { return s.reference }

// GoString is the reference, never the secret.
func (s Secret) GoString() string { return fmt.Sprintf("config.Secret(%q)", s.reference) }

// MarshalJSON writes the reference, never the secret.
func (s Secret) MarshalJSON() ([]byte, error) { return json.Marshal(s.reference) }

// LogValue logs the reference, never the secret.
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.reference) }

// Resolve looks the secret up, now: an environment variable must be set and not
// be empty; of a file the last line break is left out. The error wraps
// [ErrUnresolved] and does not contain the secret. A Secret that refers to
// nothing is the empty text.
func (s Secret) Resolve() (string, error) {
	if s.reference == "" {
		return "", nil
	}
	if path, ok := strings.CutPrefix(s.reference, "file:"); ok {
		return readSecret(rooted(s.dir, path), s.reference)
	}
	return Text{s.reference}.Resolve()
}

func readSecret(path, reference string) (string, error) {
	content, err := readBounded(path, maxSecretFile)
	if err != nil {
		return "", fmt.Errorf("%w: %s: %w", ErrUnresolved, reference, err)
	}
	text := strings.TrimSuffix(strings.TrimSuffix(string(content), "\n"), "\r")
	switch {
	case text == "":
		return "", fmt.Errorf("%w: %s: the file is empty", ErrUnresolved, reference)
	case strings.ContainsAny(text, "\r\n\x00"):
		return "", fmt.Errorf("%w: %s: the file holds more than one line", ErrUnresolved, reference)
	}
	return text, nil
}

// Text is a value that may contain references to environment variables, such as
// "https://${HOST}/v1". It holds the text as it is written; so do its JSON and
// its log value.
type Text struct{ written string }

// String is the text as it is written.
func (t Text) String() string { return t.written }

// MarshalJSON writes the text as it is written.
func (t Text) MarshalJSON() ([]byte, error) { return json.Marshal(t.written) }

// LogValue logs the text as it is written.
func (t Text) LogValue() slog.Value { return slog.StringValue(t.written) }

// Static says that the text contains no references.
func (t Text) Static() bool { return !strings.Contains(t.written, "${") }

// Resolve replaces every reference, now. A variable that is not set, or is
// empty, is an error that wraps [ErrUnresolved].
func (t Text) Resolve() (string, error) {
	var missing error
	out := reference.ReplaceAllStringFunc(t.written, func(m string) string {
		name := m[2 : len(m)-1]
		value, ok := os.LookupEnv(name)
		switch {
		case missing != nil:
		case !ok:
			missing = fmt.Errorf("%w: the environment variable %s is not set", ErrUnresolved, name)
		case value == "":
			missing = fmt.Errorf("%w: the environment variable %s is empty", ErrUnresolved, name)
		}
		return value
	})
	if missing != nil {
		return "", missing
	}
	return out, nil
}

// badReference says what is wrong with the references in a text, or nothing.
func badReference(s string) (message, hint string) {
	rest := reference.ReplaceAllString(s, "")
	if _, after, ok := strings.Cut(rest, "${"); ok {
		name, _, closed := strings.Cut(after, "}")
		switch base, _, fallback := strings.Cut(name, ":"); {
		case !closed:
			return "${ is never closed", "write ${NAME}"
		case fallback:
			return fmt.Sprintf("${%s}: defaults are not known here", name), fmt.Sprintf("write ${%s} and set it where pointsman is started", base)
		default:
			return fmt.Sprintf("${%s} does not name an environment variable", name), "names are letters, digits and underscores"
		}
	}
	return "", ""
}

// Path names a file or directory. A relative one is relative to the
// configuration file.
type Path struct {
	written string
	dir     string
}

// String is the path to open.
func (p Path) String() string { return rooted(p.dir, p.written) }

// Written is the path as it is in the file.
func (p Path) Written() string { return p.written }

// IsZero says that no path is given.
func (p Path) IsZero() bool { return p.written == "" }

// MarshalJSON writes the path as it is in the file.
func (p Path) MarshalJSON() ([]byte, error) { return json.Marshal(p.written) }

func rooted(dir, path string) string {
	if filepath.IsAbs(path) || dir == "" {
		return filepath.Clean(path)
	}
	return filepath.Join(dir, path)
}
