package rules

import (
	"strings"

	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/common/types/traits"
	"cel.dev/cel-go/interpreter"

	"github.com/pointsman-ai/pointsman"
)

// variables are a request as conditions see it. They are computed when asked
// for, since most conditions look at the metadata only.
type variables struct {
	request *pointsman.Request
	task    pointsman.TaskID
}

var _ interpreter.Activation = (*variables)(nil)

// ResolveName implements interpreter.Activation.
func (v *variables) ResolveName(name string) (any, bool) {
	r := v.request
	switch name {
	case "metadata":
		return newMetadata(r.Metadata), true
	case "task":
		return string(v.task), true
	case "principal":
		return r.Principal, true
	case "conversation":
		return r.Conversation, true
	case "input":
		return strings.ToValidUTF8(r.Input[:min(len(r.Input), maxInput)], ""), true
	case "chars":
		return int64(len(r.Input)), true
	case "words":
		n := int64(0)
		for range strings.FieldsSeq(r.Input) {
			n++
		}
		return n, true
	case "turns":
		return int64(len(r.Messages)), true
	case "stream":
		return r.Stream, true
	case "pin":
		return string(r.Pin), true
	}
	return nil, false
}

// Parent implements interpreter.Activation.
func (v *variables) Parent() interpreter.Activation { return nil }

// metadata is a map in which an absent key has the value "": a rule about a key
// that a request does not carry simply does not hold, instead of failing. The
// operator `in` still tells the two apart.
type metadata struct{ traits.Mapper }

func newMetadata(m map[string]string) metadata {
	return metadata{types.NewStringStringMap(types.DefaultTypeAdapter, m)}
}

// Find implements traits.Mapper.
func (m metadata) Find(key ref.Val) (ref.Val, bool) {
	if v, ok := m.Mapper.Find(key); ok {
		return v, true
	}
	return types.String(""), true
}

// Get implements traits.Indexer.
func (m metadata) Get(key ref.Val) ref.Val {
	v, _ := m.Find(key)
	return v
}
