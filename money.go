package pointsman

import (
	"errors"
	"fmt"
	"math/bits"
	"strings"
)

// Money is an exact amount of US dollars in integer nano-dollars (1e-9 USD).
// An int64 holds about ±9.2 billion dollars.
type Money int64

// Dollar is one US dollar.
const Dollar Money = 1_000_000_000

// ErrMoney is returned for text that is not an exact amount of nano-dollars.
var ErrMoney = errors.New("not an exact amount of money")

// ParseMoney reads a decimal number of dollars such as "0.15" or "2" exactly,
// without going through a binary float. More than nine decimals, a sign other
// than a leading minus, an exponent or an overflow is an [ErrMoney].
func ParseMoney(s string) (Money, error) {
	text := s
	negative := strings.HasPrefix(text, "-")
	if negative {
		text = text[1:]
	}
	whole, fraction, hasPoint := strings.Cut(text, ".")
	if whole == "" || hasPoint && fraction == "" || len(fraction) > 9 || len(whole) > 10 {
		return 0, fmt.Errorf("%q: %w: want dollars with at most nine decimals", s, ErrMoney)
	}
	digits := whole + fraction + strings.Repeat("0", 9-len(fraction))
	var n int64
	for _, c := range []byte(digits) {
		if c < '0' || c > '9' {
			return 0, fmt.Errorf("%q: %w: want dollars with at most nine decimals", s, ErrMoney)
		}
		if n > (1<<63-1-int64(c-'0'))/10 {
			return 0, fmt.Errorf("%q: %w: too large", s, ErrMoney)
		}
		n = n*10 + int64(c-'0')
	}
	if negative {
		n = -n
	}
	return Money(n), nil
}

// String prints the amount in dollars with as many decimals as it needs, and
// at least two: "$0.15", "$0.000000375", "-$2.00".
func (m Money) String() string {
	sign, u := "", uint64(m)
	if m < 0 {
		sign, u = "-", uint64(-m)
	}
	frac := strings.TrimRight(fmt.Sprintf("%09d", u%1e9), "0")
	for len(frac) < 2 {
		frac += "0"
	}
	return fmt.Sprintf("%s$%d.%s", sign, u/1e9, frac)
}

// Dollars is the amount as a float, for display and ratios only: sums of money
// are always taken in nano-dollars.
func (m Money) Dollars() float64 { return float64(m) / 1e9 }

// Cost is an amount that may be unknown. An unknown price makes an unknown
// cost, never a zero; in JSON it is null.
type Cost struct {
	Amount Money
	Known  bool
}

// KnownCost wraps an amount that is known.
func KnownCost(m Money) Cost { return Cost{Amount: m, Known: true} }

// Add sums two costs; the sum is unknown as soon as one of them is.
func (c Cost) Add(d Cost) Cost {
	if !c.Known || !d.Known {
		return Cost{}
	}
	return KnownCost(c.Amount + d.Amount)
}

// String prints the amount, or "unknown".
func (c Cost) String() string {
	if !c.Known {
		return "unknown"
	}
	return c.Amount.String()
}

// MarshalJSON writes integer nano-dollars, or null where the cost is unknown.
func (c Cost) MarshalJSON() ([]byte, error) {
	if !c.Known {
		return []byte("null"), nil
	}
	return fmt.Appendf(nil, "%d", int64(c.Amount)), nil
}

// UnmarshalJSON reads what MarshalJSON wrote.
func (c *Cost) UnmarshalJSON(b []byte) error {
	if string(b) == "null" {
		*c = Cost{}
		return nil
	}
	var n int64
	if _, err := fmt.Sscanf(string(b), "%d", &n); err != nil {
		return fmt.Errorf("cost %s: %w", b, ErrMoney)
	}
	*c = KnownCost(Money(n))
	return nil
}

// Price is what an offer charges, in nano-dollars per million tokens. An offer
// whose price nobody stated is not Known, and then all its costs are unknown.
type Price struct {
	Known       bool  `json:"known"`
	Input       Money `json:"input"`        // per million input tokens
	CachedInput Money `json:"cached_input"` // per million input tokens that the provider served from its cache
	Output      Money `json:"output"`       // per million output tokens, reasoning included
}

// Cost is the exact price of a usage, rounded up to the next nano-dollar once,
// after the sum: a bill is never understated. It is unknown where the price or
// the usage is.
func (p Price) Cost(u Usage) Cost {
	if !p.Known || !u.Known || u.Input < 0 || u.Output < 0 || u.CachedInput < 0 || u.CachedInput > u.Input {
		return Cost{}
	}
	var hi, lo uint64
	add := func(tokens int, price Money) {
		h, l := bits.Mul64(uint64(tokens), uint64(price))
		var carry uint64
		lo, carry = bits.Add64(lo, l, 0)
		hi, _ = bits.Add64(hi, h, carry)
	}
	add(u.Input-u.CachedInput, p.Input)
	add(u.CachedInput, p.CachedInput)
	add(u.Output, p.Output)
	const million = 1_000_000
	if hi >= million {
		return Cost{} // beyond what 64 bits of nano-dollars hold: not a bill anybody can mean
	}
	quotient, remainder := bits.Div64(hi, lo, million)
	if remainder > 0 {
		quotient++
	}
	if quotient > 1<<63-1 {
		return Cost{}
	}
	return KnownCost(Money(quotient))
}
