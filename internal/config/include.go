package config

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"
	"unicode/utf8"
)

// read reads a file that is named in place of a value. It reports where both
// are given, and where the file cannot be read.
func (d *decoder) read(p Path, at, inline, key string) (string, bool) {
	if p.IsZero() {
		return "", false
	}
	path := child(at, key)
	if d.written(child(at, inline)) {
		d.atKey(path, fmt.Sprintf("%s and %s are both given", inline, key), "keep one of them")
		return "", false
	}
	d.files = append(d.files, p.String())
	content, err := readBounded(p.String(), maxIncluded)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		hint := "relative paths are relative to the configuration file"
		if d.dir != "" && !filepath.IsAbs(p.Written()) {
			hint = fmt.Sprintf("it is looked for in %s", d.dir)
		}
		d.at(path, fmt.Sprintf("%s does not exist", p.Written()), hint)
		return "", false
	case err != nil:
		d.at(path, fmt.Sprintf("%s cannot be read: %v", p.Written(), err), "")
		return "", false
	case !utf8.Valid(content):
		d.at(path, p.Written()+" is not UTF-8", "save it as UTF-8")
		return "", false
	}
	text := strings.TrimPrefix(string(content), "\uFEFF")
	if strings.TrimSpace(text) == "" {
		d.at(path, p.Written()+" is empty", "write what belongs into it, or remove the key")
		return "", false
	}
	return text, true
}
