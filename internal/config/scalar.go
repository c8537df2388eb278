package config

import (
	"fmt"
	"math"
	"math/big"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/pointsman-ai/pointsman"
)

// Duration is a length of time. In the file it is a Go duration that may have
// days in front: "30s", "1h30m", "365d". A day is 24 hours.
type Duration time.Duration

// Forever is the retention that never ends, written "forever".
const Forever Duration = math.MaxInt64

const day = 24 * time.Hour

// Std is the standard library's duration.
func (d Duration) Std() time.Duration { return time.Duration(d) }

// String writes the duration so that it reads back the same.
func (d Duration) String() string {
	switch {
	case d == Forever:
		return "forever"
	case d > 0 && time.Duration(d)%day == 0:
		return strconv.FormatInt(int64(time.Duration(d)/day), 10) + "d"
	}
	text := time.Duration(d).String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}

// parseDuration reads a duration that is not negative.
func parseDuration(s string) (Duration, error) {
	var days time.Duration
	rest := s
	if head, tail, ok := strings.Cut(s, "d"); ok {
		n, err := strconv.ParseUint(head, 10, 32)
		if err != nil || n > uint64(math.MaxInt64/day) {
			return 0, fmt.Errorf("%q is not a duration", s)
		}
		if days, rest = time.Duration(n)*day, tail; rest == "" {
			return Duration(days), nil
		}
	}
	d, err := time.ParseDuration(rest)
	if err != nil || d < 0 || days+d < 0 || strings.HasPrefix(rest, "+") {
		return 0, fmt.Errorf("%q is not a duration", s)
	}
	return Duration(days + d), nil
}

// Size is a number of bytes. In the file it has a unit: "4MiB", "512KB".
type Size int64

// The units of a size, largest first.
var units = []struct {
	name string
	size int64
}{
	{"TiB", 1 << 40},
	{"TB", 1e12},
	{"GiB", 1 << 30},
	{"GB", 1e9},
	{"MiB", 1 << 20},
	{"MB", 1e6},
	{"KiB", 1 << 10},
	{"KB", 1e3},
	{"B", 1},
}

// String writes the size in the largest binary unit that divides it.
func (s Size) String() string {
	for _, u := range units {
		if u.size&(u.size-1) == 0 && s != 0 && int64(s)%u.size == 0 {
			return strconv.FormatInt(int64(s)/u.size, 10) + u.name
		}
	}
	return "0B"
}

var sizeForm = regexp.MustCompile(`^([0-9]{1,19})(?:\.([0-9]{1,3}))? ?([A-Za-z]+)$`)

// parseSize reads a size exactly: 1.5GiB is fine, 1.5B is not.
func parseSize(s string) (Size, error) {
	m := sizeForm.FindStringSubmatch(s)
	if m == nil {
		return 0, fmt.Errorf("%q is not a size", s)
	}
	for _, u := range units {
		if !strings.EqualFold(u.name, m[3]) {
			continue
		}
		n, _ := new(big.Int).SetString(m[1]+m[2], 10)
		n.Mul(n, big.NewInt(u.size))
		n, rest := n.QuoRem(n, new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(len(m[2]))), nil), new(big.Int))
		if rest.Sign() != 0 || !n.IsInt64() {
			return 0, fmt.Errorf("%q is not a whole number of bytes that fits", s)
		}
		return Size(n.Int64()), nil
	}
	return 0, fmt.Errorf("%q: no unit %q", s, m[3])
}

// Price is what a model charges, as exact decimals of US dollars per million
// tokens. It embeds the root type, whose Known is false for an unknown price.
type Price struct{ pointsman.Price }

// decimal writes an amount as the file does: "0.15", "2".
func decimal(m pointsman.Money) string {
	text := strings.TrimPrefix(m.String(), "$")
	if strings.Contains(text, ".") {
		text = strings.TrimRight(strings.TrimRight(text, "0"), ".")
	}
	return text
}
