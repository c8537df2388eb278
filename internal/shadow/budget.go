package shadow

import (
	"sync"
	"time"

	"github.com/pointsman-ai/pointsman"
)

// Budget is what one task's audits may still cost in this process today (UTC).
// Money is reserved before a call and settled after it, so that calls at the same
// time do not spend it twice. It is safe for concurrent use.
type Budget struct {
	mu       sync.Mutex
	day      time.Time
	spent    pointsman.Money
	reserved pointsman.Money
}

func dayOf(now time.Time) time.Time { return now.UTC().Truncate(24 * time.Hour) }

// Reserve takes an amount, or says that a day's limit does not leave as much.
func (b *Budget) Reserve(now time.Time, limit, amount pointsman.Money) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.turn(now)
	if amount > limit-b.spent-b.reserved {
		return false
	}
	b.reserved += amount
	return true
}

// Settle gives back what was reserved and takes what was charged.
func (b *Budget) Settle(now time.Time, reserved, charged pointsman.Money) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.turn(now)
	b.reserved -= reserved
	b.spent += charged
}

// Spent is what was charged today.
func (b *Budget) Spent(now time.Time) pointsman.Money {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.turn(now)
	return b.spent
}

// turn begins a new day. What is reserved then is settled in it.
func (b *Budget) turn(now time.Time) {
	if day := dayOf(now); day.After(b.day) {
		b.day, b.spent = day, 0
	}
}

// A reservation covers an answer of so many tokens where the tier sets no limit
// of its own. A byte of text is at least as much as a token.
const unlimitedTokens = 16_384
