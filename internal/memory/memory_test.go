package memory_test

import (
	"errors"
	"sync"
	"testing"

	"pgregory.net/rapid"

	"github.com/pointsman-ai/pointsman/internal/memory"
)

func TestABudgetIsNeverExceeded(t *testing.T) {
	b := memory.NewBudget(1000)
	var group sync.WaitGroup
	for range 16 {
		group.Go(func() {
			l := b.Lease()
			defer l.Release()
			for range 200 {
				if err := l.Grow(100); err != nil && !errors.Is(err, memory.ErrExhausted) {
					t.Error(err)
				}
				l.Shrink(50)
			}
		})
	}
	group.Wait()
	if b.Used() != 0 {
		t.Errorf("%d bytes are lent after all was released", b.Used())
	}
	l := b.Lease()
	if err := l.Grow(1000); err != nil {
		t.Errorf("the whole budget is free: %v", err)
	}
	if err := b.Lease().Grow(1); !errors.Is(err, memory.ErrExhausted) {
		t.Errorf("beyond the budget: %v", err)
	}
}

// Whatever is done with a lease, the budget counts what it holds.
func TestALeaseIsAnAccount(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b := memory.NewBudget(10_000)
		l, held := b.Lease(), int64(0)
		for range rapid.IntRange(0, 30).Draw(t, "steps") {
			n := rapid.Int64Range(-10, 4000).Draw(t, "bytes")
			if rapid.Bool().Draw(t, "grow") {
				if l.Grow(n) == nil && n > 0 {
					held += n
				}
			} else {
				l.Shrink(n)
				held -= max(min(n, held), 0)
			}
			if b.Used() != held || held > b.Limit() {
				t.Fatalf("lent %d, want %d", b.Used(), held)
			}
		}
		l.Release()
		l.Release()
		if b.Used() != 0 {
			t.Fatalf("lent %d after the release", b.Used())
		}
	})
}

func TestWithoutALeaseEverythingIsGranted(t *testing.T) {
	if err := memory.From(t.Context()).Grow(1 << 40); err != nil {
		t.Error(err)
	}
	var b *memory.Budget
	l := b.Lease()
	if err := l.Grow(1 << 40); err != nil {
		t.Error(err)
	}
	l.Shrink(1)
	l.Release()
}
