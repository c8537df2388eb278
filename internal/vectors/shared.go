package vectors

import (
	"sync"
	"weak"

	"github.com/pointsman-ai/pointsman"
)

// loaded are the tables of this process that somebody still holds, so that each
// is in memory once, whoever reads texts with it. A table nobody holds is
// collected like anything else.
var loaded = struct {
	sync.Mutex
	tables map[pointsman.Digest]weak.Pointer[Table]
}{tables: map[pointsman.Digest]weak.Pointer[Table]{}}

// Load returns the table with a digest: the one that the process has already, or
// the one that get reads. It is safe for concurrent use.
func Load(digest pointsman.Digest, get func(pointsman.Digest) ([]byte, error)) (*Table, error) {
	loaded.Lock()
	defer loaded.Unlock()
	if t := loaded.tables[digest].Value(); t != nil {
		return t, nil
	}
	content, err := get(digest)
	if err != nil {
		return nil, err
	}
	t, err := Parse(content)
	if err != nil {
		return nil, err
	}
	loaded.tables[digest] = weak.Make(t)
	return t, nil
}
