// Package memory is the one budget of bytes that all requests of a process
// share: what their bodies, buffered streams and answers may hold at once. It
// counts what is about to be held, before it is allocated, so that many large
// requests at once are refused and the process stays alive.
package memory

import (
	"context"
	"errors"
	"sync/atomic"
)

// ErrExhausted is returned where the budget has no room left.
var ErrExhausted = errors.New("no memory is left for this request now")

// Budget is a number of bytes that leases draw on. A nil Budget has no limit.
type Budget struct {
	limit atomic.Int64
	used  atomic.Int64
}

// PerBodyByte is how many bytes of memory a byte of a request's body takes while
// the request is served: the body as it came, the texts in it, what a tier is
// sent of it, and what goes on record.
const PerBodyByte = 4

// NewBudget returns a budget of so many bytes.
func NewBudget(limit int64) *Budget {
	b := &Budget{}
	b.Resize(limit)
	return b
}

// Resize changes the size of the budget. What is lent stays lent.
func (b *Budget) Resize(limit int64) { b.limit.Store(limit) }

// Limit is the size of the budget in bytes.
func (b *Budget) Limit() int64 { return b.limit.Load() }

// Used is how many bytes are lent now.
func (b *Budget) Used() int64 { return b.used.Load() }

// Lease opens the account of one request.
func (b *Budget) Lease() *Lease { return &Lease{budget: b} }

// Lease is what one request holds. It is safe for concurrent use: a witness
// may grow it beside its tier. A nil Lease grants everything.
type Lease struct {
	budget *Budget
	held   atomic.Int64
}

// Grow asks for n more bytes; they are held until [Lease.Release].
func (l *Lease) Grow(n int64) error {
	if l == nil || l.budget == nil || n <= 0 {
		return nil
	}
	if l.budget.used.Add(n) > l.budget.limit.Load() {
		l.budget.used.Add(-n)
		return ErrExhausted
	}
	l.held.Add(n)
	return nil
}

// Shrink gives n bytes back, at most what is held.
func (l *Lease) Shrink(n int64) {
	if l == nil || l.budget == nil {
		return
	}
	for {
		held := l.held.Load()
		n = min(n, held)
		if n <= 0 {
			return
		}
		if l.held.CompareAndSwap(held, held-n) {
			l.budget.used.Add(-n)
			return
		}
	}
}

// Release gives everything back. It may be called again.
func (l *Lease) Release() {
	if l == nil || l.budget == nil {
		return
	}
	l.budget.used.Add(-l.held.Swap(0))
}

// key is under which a context carries a lease.
type key struct{}

// With puts the lease of a request into its context, for whatever reads on the
// request's behalf.
func With(ctx context.Context, l *Lease) context.Context { return context.WithValue(ctx, key{}, l) }

// From is the lease of a context, or nil, which grants everything.
func From(ctx context.Context) *Lease {
	l, _ := ctx.Value(key{}).(*Lease)
	return l
}
