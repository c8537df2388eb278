package chat

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/tidwall/gjson"

	"github.com/pointsman-ai/pointsman"
)

// Key names a request by what it asks: the digest of its canonical form. In
// that form an object's members are sorted by name, strings are escaped only
// where they must be, numbers are their shortest decimal digits with an
// exponent, there is no white space, and the members that do not change what is
// asked are left out: stream, stream_options, user, metadata, store,
// service_tier, prompt_cache_key and safety_identifier. The seed stays.
func Key(body []byte) (pointsman.Digest, error) {
	root, err := parse(body)
	if err != nil {
		return "", fmt.Errorf("key of a request: the body is %w", err)
	}
	return pointsman.DigestOf(appendObject(make([]byte, 0, len(root.Raw)), root, incidental)), nil
}

// incidental are the members of a request that do not change what is asked.
func incidental(name string) bool {
	switch name {
	case "stream", "stream_options", "user", "metadata", "store", "service_tier", "prompt_cache_key", "safety_identifier":
		return true
	}
	return false
}

// named is one member of an object.
type named struct {
	name  string
	value gjson.Result
}

// appendObject appends the canonical form of an object, without the members
// that skip names; nil skips none.
func appendObject(dst []byte, object gjson.Result, skip func(string) bool) []byte {
	members := make([]named, 0, 8)
	object.ForEach(func(key, value gjson.Result) bool {
		if skip == nil || !skip(key.Str) {
			members = append(members, named{key.Str, value})
		}
		return true
	})
	slices.SortStableFunc(members, func(a, b named) int { return strings.Compare(a.name, b.name) })
	dst = append(dst, '{')
	for i, m := range members {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = appendCanonical(append(appendString(dst, m.name), ':'), m.value)
	}
	return append(dst, '}')
}

func appendCanonical(dst []byte, value gjson.Result) []byte {
	switch {
	case value.Type == gjson.String:
		return appendString(dst, value.Str)
	case value.Type == gjson.Number:
		return appendNumber(dst, value.Raw)
	case value.IsObject():
		return appendObject(dst, value, nil)
	case value.IsArray():
		dst = append(dst, '[')
		first := true
		value.ForEach(func(_, v gjson.Result) bool {
			if !first {
				dst = append(dst, ',')
			}
			first = false
			dst = appendCanonical(dst, v)
			return true
		})
		return append(dst, ']')
	}
	return append(dst, value.Raw...)
}

// appendNumber appends a number as its significant digits and, unless it is
// zero, an exponent of ten: 1, 1.0 and 10e-1 are all "1", 0.5 is "5e-1", 100 is
// "1e2". It is exact: nothing goes through a float.
func appendNumber(dst []byte, raw string) []byte {
	mantissa, exponent := raw, 0
	if i := strings.IndexAny(raw, "eE"); i >= 0 {
		mantissa = raw[:i]
		var err error
		if exponent, err = strconv.Atoi(raw[i+1:]); err != nil || exponent > 1<<30 || exponent < -1<<30 {
			return append(dst, raw...) // beyond any meaning: taken as it is written
		}
	}
	mantissa, negative := strings.CutPrefix(mantissa, "-")
	whole, fraction, _ := strings.Cut(mantissa, ".")
	exponent -= len(fraction)
	digits := strings.TrimLeft(whole+fraction, "0")
	trimmed := strings.TrimRight(digits, "0")
	exponent += len(digits) - len(trimmed)
	if trimmed == "" {
		return append(dst, '0')
	}
	if negative {
		dst = append(dst, '-')
	}
	dst = append(dst, trimmed...)
	if exponent != 0 {
		dst = strconv.AppendInt(append(dst, 'e'), int64(exponent), 10)
	}
	return dst
}
