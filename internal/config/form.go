package config

import (
	"encoding/hex"
	"fmt"
	"regexp"
	"strings"
)

// form is what a text must look like. It is checked by one function and described to
// editors by one pattern, which may be laxer than the check.
type form struct {
	pattern string // ECMA 262, for the JSON Schema
	check   func(value string) (message, hint string)
}

var (
	nameForm = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$`)
	hostForm = regexp.MustCompile(`^[A-Za-z0-9_]([A-Za-z0-9_-]{0,62})(\.[A-Za-z0-9_][A-Za-z0-9_-]{0,62})*\.?$`)
	control  = regexp.MustCompile(`[\x00-\x1f\x7f]`)
)

// The forms that several blocks have.
var (
	formName = &form{nameForm.String(), checkName}
	formLine = &form{`^[^\x00-\x1f\x7f]*\S[^\x00-\x1f\x7f]*$`, checkLine}
	formPath = &form{`^[^\x00]+$`, checkPath}
	formHex  = &form{`^[0-9a-f]{64}$`, checkHex}
)

// CheckName says why a text cannot be a name in the file, or nil.
func CheckName(v string) error {
	if message, hint := checkName(v); message != "" {
		return fmt.Errorf("%s: %s", message, hint)
	}
	return nil
}

func checkName(v string) (message, hint string) {
	if nameForm.MatchString(v) {
		return "", ""
	}
	return fmt.Sprintf("%q is not a name", v), "names are 1 to 64 letters, digits, dots, dashes and underscores, and begin with a letter or digit"
}

func checkLine(v string) (message, hint string) {
	switch {
	case strings.TrimSpace(v) == "":
		return "this must not be empty", "leave the key out, or say something"
	case control.MatchString(v):
		return "this must be one line without control characters", "remove line breaks and tabs"
	case strings.TrimSpace(v) != v:
		return "white space around a value would never be seen", "remove it"
	}
	return "", ""
}

// noReference refuses references to the environment where none are looked up,
// because they would be taken for plain text.
func noReference(v string) (string, string) {
	if strings.Contains(v, "${") {
		return "environment variables are not looked up here", "they are in base_url, headers and api_key"
	}
	return "", ""
}

func checkPath(v string) (string, string) {
	switch {
	case strings.TrimSpace(v) == "":
		return "this must name a file or directory", "leave the key out, or write a path"
	case strings.ContainsRune(v, 0):
		return "a path cannot contain NUL", ""
	case strings.HasPrefix(v, "file:"):
		return "this is a path already", fmt.Sprintf("write %q", strings.TrimPrefix(v, "file:"))
	case strings.HasPrefix(v, "~"):
		return "~ is not expanded here", "write the path in full, or relative to this file"
	}
	return noReference(v)
}

func checkHex(v string) (string, string) {
	if b, err := hex.DecodeString(v); err == nil && len(b) == 32 && strings.ToLower(v) == v {
		return "", ""
	}
	return "this is not a SHA-256: want 64 lower-case hexadecimal digits", "make it with: printf %s \"$KEY\" | sha256sum"
}
