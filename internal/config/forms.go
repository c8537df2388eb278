package config

import (
	"encoding/hex"
	"fmt"
	"net"
	"net/url"
	"regexp"
	"strconv"
	"strings"

	"github.com/pointsman-ai/pointsman"
)

// The named forms of text. Each is checked by one function and told to editors
// by one pattern, which may be laxer than the check.
const (
	formName     = "name"
	formLine     = "line"
	formPath     = "path"
	formListen   = "listen"
	formHex      = "hex"
	formURL      = "url"
	formHeader   = "header"
	formArtefact = "artefact"
)

type form struct {
	pattern string // ECMA 262, for the JSON Schema
	check   func(value string) (message, hint string)
}

var (
	nameForm   = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$`)
	headerForm = regexp.MustCompile("^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,128}$")
	control    = regexp.MustCompile(`[\x00-\x1f\x7f]`)
)

var forms = map[string]form{
	formName: {nameForm.String(), func(v string) (string, string) {
		if nameForm.MatchString(v) {
			return "", ""
		}
		return fmt.Sprintf("%q is not a name", v), "names are 1 to 64 letters, digits, dots, dashes and underscores, and begin with a letter or digit"
	}},
	formLine: {`^[^\x00-\x1f\x7f]*\S[^\x00-\x1f\x7f]*$`, func(v string) (string, string) {
		switch {
		case strings.TrimSpace(v) == "":
			return "this must not be empty", "leave the key out, or say something"
		case control.MatchString(v):
			return "this must be one line without control characters", "remove line breaks and tabs"
		case strings.TrimSpace(v) != v:
			return "white space around a value would never be seen", "remove it"
		}
		return "", ""
	}},
	formPath:     {`^[^\x00]+$`, checkPath},
	formListen:   {`^.*:[0-9]{1,5}$`, checkListen},
	formHex:      {`^[0-9a-f]{64}$`, checkHex},
	formURL:      {`^(https?://|\$\{).+`, checkURL},
	formHeader:   {headerForm.String(), checkHeader},
	formArtefact: {`^(sha256:[0-9a-f]{64}|file:.+)$`, checkArtefact},
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

func checkListen(v string) (string, string) {
	if message, hint := noReference(v); message != "" {
		return message, hint
	}
	host, port, err := net.SplitHostPort(v)
	if err != nil {
		return fmt.Sprintf("%q is not an address", v), "write host:port, such as 127.0.0.1:8087, or [::1]:8087"
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || strconv.FormatUint(n, 10) != port {
		return fmt.Sprintf("%q is not a port", port), "ports are numbers from 0 (any free one) to 65535"
	}
	if strings.ContainsAny(host, "/ \t@") {
		return fmt.Sprintf("%q is not a host", host), "write a name or an address, without http://"
	}
	return "", ""
}

// loopback says that only this machine can reach an address. A name other than
// localhost may be anything, so it is not.
func loopback(listen string) bool {
	host, _, err := net.SplitHostPort(listen)
	if err != nil {
		return false
	}
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

func checkHex(v string) (string, string) {
	if b, err := hex.DecodeString(v); err == nil && len(b) == 32 && strings.ToLower(v) == v {
		return "", ""
	}
	return "this is not a SHA-256: want 64 lower-case hexadecimal digits", "make it with: printf %s \"$KEY\" | sha256sum"
}

// checkURL checks a base URL. One with references is checked as far as it can
// be, and again when it is resolved.
func checkURL(v string) (string, string) {
	if message, hint := badReference(v); message != "" {
		return message, hint
	}
	if v == "" {
		return "this must be a URL", "such as https://api.openai.com/v1"
	}
	if strings.HasPrefix(v, "${") {
		return "", ""
	}
	text := reference.ReplaceAllString(v, "1")
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "":
		return "this is not a URL of http or https", "such as https://api.openai.com/v1"
	case u.User != nil:
		return "a URL must not carry a credential", "put it in api_key or in headers, as ${NAME}"
	case u.RawQuery != "" || u.ForceQuery || u.Fragment != "" || strings.HasSuffix(text, "#"):
		return "a base URL has no query and no fragment", "paths such as /chat/completions are appended to it"
	case strings.HasSuffix(u.Path, "/chat/completions"):
		return "/chat/completions is appended to this", "write what stands before it"
	}
	if port := u.Port(); port != "" {
		if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
			return fmt.Sprintf("%q is not a port", port), "ports are numbers from 1 to 65535"
		}
	}
	return "", ""
}

// CheckBaseURL checks a base URL once its references are resolved. Its message
// does not contain the URL, because what was resolved may be confidential.
func CheckBaseURL(resolved string) error {
	if strings.Contains(resolved, "${") {
		return fmt.Errorf("%w: the resolved base URL contains ${", ErrInvalid)
	}
	if message, hint := checkURL(resolved); message != "" {
		return fmt.Errorf("%w: resolved base URL: %s: %s", ErrInvalid, message, hint)
	}
	return nil
}

// Headers that we or net/http set; another value would break the request.
var ownHeaders = map[string]bool{
	"host": true, "content-length": true, "content-type": true, "connection": true, "transfer-encoding": true,
	"te": true, "trailer": true, "upgrade": true, "accept": true, "accept-encoding": true, "keep-alive": true, "proxy-connection": true,
}

func checkHeader(name string) (string, string) {
	switch {
	case !headerForm.MatchString(name):
		return fmt.Sprintf("%q is not the name of a header", name), "names are letters, digits and dashes"
	case ownHeaders[strings.ToLower(name)]:
		return fmt.Sprintf("the header %s is pointsman's to set", name), "remove it"
	}
	return "", ""
}

// credentialHeader says that a header is one that credentials travel in.
var credentialHeader = regexp.MustCompile(`(?i)authorization|cookie|token|secret|password|credential|key$`)

func checkArtefact(v string) (string, string) {
	if path, ok := strings.CutPrefix(v, "file:"); ok {
		return checkPath(path)
	}
	if _, err := pointsman.ParseDigest(v); err != nil {
		hint := "write sha256: and 64 lower-case hexadecimal digits, or file:path"
		if strings.ContainsAny(v, "/.") && !strings.Contains(v, ":") {
			hint = fmt.Sprintf("write %q", "file:"+v)
		}
		return fmt.Sprintf("%q names no artefact", v), hint
	}
	return "", ""
}
