package chat

import "github.com/tidwall/gjson"

// maxMembers bounds the members of one object that is sent in pieces.
const maxMembers = 256

// members gathers the members of an object that is sent in pieces, in the
// order in which they first came.
type members struct {
	list     []member
	overflow bool // there were more than maxMembers
}

// member is a member as far as it has come: the text of a string, the elements
// of an array with their commas, or the last raw value of anything else.
type member struct {
	name string
	kind byte // '"', '[' or 0
	data []byte
}

func (m *members) find(name string) *member {
	for i := range m.list {
		if m.list[i].name == name {
			return &m.list[i]
		}
	}
	return nil
}

// merge adds a piece: strings and arrays grow, anything else is replaced, and
// null says nothing.
func (m *members) merge(name string, v gjson.Result) { m.add(name, v, true) }

// set replaces what came before, unless by null or the empty string.
func (m *members) set(name string, v gjson.Result) {
	if v.Type != gjson.String || v.Str != "" || m.find(name) == nil {
		m.add(name, v, false)
	}
}

// keep leaves what came before, unless it is null or the empty string.
func (m *members) keep(name string, v gjson.Result) {
	if old := m.find(name); old == nil || len(old.data) == 0 || old.kind == 0 && string(old.data) == "null" {
		m.add(name, v, false)
	}
}

func (m *members) add(name string, v gjson.Result, grow bool) {
	old := m.find(name)
	if old == nil {
		if len(m.list) == maxMembers {
			m.overflow = true
			return
		}
		m.list = append(m.list, member{name: name})
		old = &m.list[len(m.list)-1]
	} else if v.Type == gjson.Null {
		return
	}
	kind := byte(0)
	switch {
	case v.Type == gjson.String:
		kind = '"'
	case v.IsArray():
		kind = '['
	}
	if !grow || kind == 0 || kind != old.kind {
		old.data = old.data[:0]
	}
	old.kind = kind
	switch kind {
	case '"':
		old.data = append(old.data, v.Str...)
	case '[':
		v.ForEach(func(_, element gjson.Result) bool {
			old.data = appendElement(old.data, element.Raw)
			return true
		})
	default:
		old.data = append(old.data, v.Raw...)
	}
}

// appendElement appends to the elements of an array.
func appendElement(dst []byte, raw string) []byte {
	if len(dst) > 0 {
		dst = append(dst, ',')
	}
	return append(dst, raw...)
}

// text is what has come of a string.
func (m *members) text(name string) string {
	if found := m.find(name); found != nil && found.kind == '"' {
		return string(found.data)
	}
	return ""
}

// append appends the members to an object that is open.
func (m *members) append(dst []byte) []byte {
	for i := range m.list {
		one := &m.list[i]
		switch one.kind {
		case '"':
			dst = AppendText(dst, one.name, string(one.data))
		case '[':
			dst = append(append(appendMember(dst, one.name, "["), one.data...), ']')
		default:
			dst = appendMember(dst, one.name, string(one.data))
		}
	}
	return dst
}
