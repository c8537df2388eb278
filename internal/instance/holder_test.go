package instance

import (
	"errors"
	"io"
	"sync"
	"sync/atomic"
	"testing"

	"pgregory.net/rapid"
)

// resource stands for what an instance has open.
type resource struct {
	closed atomic.Int32
	err    error
}

func (r *resource) Close() error {
	r.closed.Add(1)
	return r.err
}

func holding(r *resource) *Instance { return &Instance{closers: []io.Closer{r}} }

// Requests hold the instance that they began with while others come into force,
// and none is ever closed under a request, nor left open.
func TestAWorldIsOpenAsLongAsARequestHoldsIt(t *testing.T) {
	const users, requests, swaps = 8, 300, 100
	var mu sync.Mutex
	all := map[*Instance]*resource{}
	next := func() *Instance {
		r := &resource{}
		w := holding(r)
		mu.Lock()
		defer mu.Unlock()
		all[w] = r
		return w
	}
	resourceOf := func(w any) *resource {
		mu.Lock()
		defer mu.Unlock()
		return all[w.(*Instance)]
	}
	h := Hold(next())
	var wait sync.WaitGroup
	for range users {
		wait.Go(func() {
			for range requests {
				w, release := h.Acquire()
				r := resourceOf(w)
				if r.closed.Load() != 0 {
					t.Error("a closed instance was given out")
				}
				h.Current()
				if r.closed.Load() != 0 {
					t.Error("an instance was closed under a request")
				}
				release()
			}
		})
	}
	wait.Go(func() {
		for range swaps {
			h.Swap(next())
		}
	})
	wait.Wait()
	if n := resourceOf(h.Current()).closed.Load(); n != 0 {
		t.Errorf("the instance in force was closed %d times", n)
	}
	h.Close()
	for _, r := range all {
		if n := r.closed.Load(); n != 1 {
			t.Errorf("an instance was closed %d times, want once", n)
		}
	}
}

// The same against a model: whatever the order of acquiring, releasing and
// swapping, an instance is closed exactly when it is replaced and nobody holds it.
func TestHolderAgainstAModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		type seen struct {
			resource *resource
			users    int
			gone     bool
		}
		current := &seen{resource: &resource{}}
		all := []*seen{current}
		h := Hold(holding(current.resource))
		type lease struct {
			of      *seen
			release func()
		}
		var leases []lease
		check := func() {
			for i, one := range all {
				if closed := one.resource.closed.Load(); (closed == 1) != (one.gone && one.users == 0) || closed > 1 {
					t.Fatalf("instance %d: closed %d times, %d users, replaced %v", i, closed, one.users, one.gone)
				}
			}
		}
		for range rapid.IntRange(1, 40).Draw(t, "steps") {
			switch step := rapid.IntRange(0, 3).Draw(t, "step"); {
			case step <= 1:
				_, release := h.Acquire()
				current.users++
				leases = append(leases, lease{current, release})
			case step == 2 && len(leases) > 0:
				i := rapid.IntRange(0, len(leases)-1).Draw(t, "which")
				leases[i].of.users--
				leases[i].release()
				leases = append(leases[:i], leases[i+1:]...)
			case step == 3:
				current.gone = true
				current = &seen{resource: &resource{}}
				all = append(all, current)
				h.Swap(holding(current.resource))
			}
			check()
		}
		current.gone = true
		h.Close()
		h.Close() // a second one changes nothing
		check()
		for _, one := range leases {
			one.of.users--
			one.release()
			check()
		}
	})
}

// What cannot be closed is told, once, and to nobody where nobody listens.
func TestAnErrorOfClosingIsTold(t *testing.T) {
	broken := errors.New("broken")
	for _, listened := range []bool{true, false} {
		var told []error
		h := Hold(holding(&resource{err: broken}))
		if listened {
			h.Closed = func(err error) { told = append(told, err) }
		}
		_, release := h.Acquire()
		h.Swap(holding(&resource{}))
		if len(told) != 0 {
			t.Error("closed too soon")
		}
		release()
		if listened && (len(told) != 1 || !errors.Is(told[0], broken)) {
			t.Errorf("told %v", told)
		}
		h.Close()
	}
}
