// Package admit says who may ask for what. A [Gate] holds the keys of the
// configuration in force and outlives its reloads; a request keeps the
// [Principal] that it began with, so removing a key refuses the next request
// and disturbs none that runs.
package admit

import (
	"crypto/sha256"
	"fmt"
	"slices"
	"sync/atomic"

	"github.com/pointsman-ai/pointsman"
	"github.com/pointsman-ai/pointsman/internal/excerpt"
)

// Key is a credential, known by its hash only, and what it permits.
type Key struct {
	// Name is the principal's. It is not empty.
	Name string
	// SHA256 is the hash of the credential.
	SHA256 [sha256.Size]byte
	// Metadata is fixed by the key and replaces what a client claims.
	Metadata map[string]string
	// Tasks are those that the key may name; nil permits all.
	Tasks []pointsman.TaskID
	// Direct says which upstreams the key may name in place of a task.
	Direct Direct
}

// Direct says which upstreams may be named in place of a task, past the rules
// and the contract of every task. The zero value permits none.
type Direct struct {
	All       bool
	Upstreams []pointsman.UpstreamID // looked at where All is false
}

// permits says whether an upstream may be named.
func (d Direct) permits(id pointsman.UpstreamID) bool {
	return d.All || slices.Contains(d.Upstreams, id)
}

// Principal is who a credential belongs to. It is never changed after
// [Gate.Authenticate] returned it.
type Principal struct {
	// Name is empty for the anonymous principal, who exists only while no keys
	// are configured.
	Name     string
	Metadata map[string]string
	Tasks    []pointsman.TaskID // nil: all
	Direct   Direct
}

// MayTask returns nil where the principal may name a task, and otherwise the
// error for a task that does not exist: a key must not tell which tasks there
// are beside its own.
func (p *Principal) MayTask(id pointsman.TaskID) error {
	if p.Tasks == nil || slices.Contains(p.Tasks, id) {
		return nil
	}
	return UnknownModel(string(id))
}

// MayDirect returns nil where the principal may name a model of an upstream in
// place of a task, and otherwise the error for an upstream that does not exist.
func (p *Principal) MayDirect(id pointsman.UpstreamID) error {
	if p.Direct.permits(id) {
		return nil
	}
	return UnknownModel(string(id))
}

// UnknownModel is the error for a name that is no task and no upstream/model,
// or none that the principal may use. The two must not differ.
func UnknownModel(name string) *pointsman.Error {
	const most = 128 // bytes of a name that a client made up
	return &pointsman.Error{
		Code: pointsman.CodeUnknownTask, Message: fmt.Sprintf("there is no task or model %q", excerpt.Of(name, most)),
		Hint: "GET /v1/models lists what this key may name", Param: "model",
	}
}

// Gate authenticates requests. It is safe for concurrent use.
type Gate struct {
	state atomic.Pointer[state]
}

// state is what is swapped as a whole.
type state struct {
	byHash    map[[sha256.Size]byte]*Principal
	anonymous *Principal // everybody, while no key is asked for; else nil
}

// New makes a gate. Without keys it is open: everybody is the anonymous
// principal, who may name every task and every upstream.
func New(keys []Key) *Gate {
	g := &Gate{}
	g.Replace(keys)
	return g
}

// Replace puts other keys in force for the requests that come from now on.
// Without keys the gate is open, as in [New].
func (g *Gate) Replace(keys []Key) {
	if len(keys) == 0 {
		g.Open(Direct{All: true})
		return
	}
	next := &state{byHash: make(map[[sha256.Size]byte]*Principal, len(keys))}
	for _, k := range keys {
		next.byHash[k.SHA256] = &Principal{Name: k.Name, Metadata: k.Metadata, Tasks: k.Tasks, Direct: k.Direct}
	}
	g.state.Store(next)
}

// Open asks for no key from now on: everybody is the anonymous principal, who
// may name every task, and upstreams as said.
func (g *Gate) Open(direct Direct) {
	g.state.Store(&state{anonymous: &Principal{Direct: direct}})
}

// Authenticate finds who holds a credential. The error is a *pointsman.Error
// with CodeAuth. A credential is looked up by its hash, so how long that takes
// tells nothing about the keys.
func (g *Gate) Authenticate(credential string) (*Principal, error) {
	now := g.state.Load()
	if now.anonymous != nil {
		return now.anonymous, nil
	}
	p, ok := now.byHash[sha256.Sum256([]byte(credential))]
	if !ok || credential == "" {
		return nil, &pointsman.Error{
			Code: pointsman.CodeAuth, Message: "the API key is missing or not known here",
			Hint: "send Authorization: Bearer with a key whose SHA-256 stands under server.keys",
		}
	}
	return p, nil
}
