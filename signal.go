package pointsman

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
)

// SignalName names a measurement, with its subject in front: "request.words",
// "answer.label_margin".
type SignalName string

// Signal is one named measurement of a request or of an answer: a finite
// value, or the reason why there is none. A reason is never stood in for by a
// zero.
type Signal struct {
	Name    SignalName
	Value   float64
	Missing string // why there is no value; empty where there is one
}

// Measured is a signal with a value. A value that is not finite becomes a
// missing one, because nothing downstream could reason with it.
func Measured(name SignalName, value float64) Signal {
	if math.IsNaN(value) || math.IsInf(value, 0) {
		return Signal{Name: name, Missing: "not finite"}
	}
	return Signal{Name: name, Value: value}
}

// Unmeasured is a signal without a value, and why.
func Unmeasured(name SignalName, why string) Signal {
	if why == "" {
		why = "not measured"
	}
	return Signal{Name: name, Missing: why}
}

// Present says whether the signal has a value.
func (s Signal) Present() bool { return s.Missing == "" }

// Signals are measurements in the order in which they were taken. In JSON they
// are one object: numbers where there is a value, strings where there is the
// reason for none. Numbers are written so that reading them back gives the same
// float64.
type Signals []Signal

// Get finds a signal by name.
func (s Signals) Get(name SignalName) (Signal, bool) {
	for i := range s {
		if s[i].Name == name {
			return s[i], true
		}
	}
	return Signal{}, false
}

// MarshalJSON writes the signals as one object in their order.
func (s Signals) MarshalJSON() ([]byte, error) {
	out := make([]byte, 0, 32*len(s)+2)
	out = append(out, '{')
	for i, one := range s {
		if i > 0 {
			out = append(out, ',')
		}
		name, err := json.Marshal(string(one.Name))
		if err != nil {
			return nil, err
		}
		out = append(append(out, name...), ':')
		var value []byte
		if one.Present() {
			value, err = json.Marshal(one.Value)
		} else {
			value, err = json.Marshal(one.Missing)
		}
		if err != nil {
			return nil, fmt.Errorf("signal %s: %w", one.Name, err)
		}
		out = append(out, value...)
	}
	return append(out, '}'), nil
}

// UnmarshalJSON reads what MarshalJSON wrote, keeping the order.
func (s *Signals) UnmarshalJSON(b []byte) error {
	decoder := json.NewDecoder(bytes.NewReader(b))
	open, err := decoder.Token()
	if err != nil {
		return err
	}
	if open == nil {
		*s = nil
		return nil
	}
	if open != json.Delim('{') {
		return fmt.Errorf("signals: want an object, got %v", open)
	}
	var out Signals
	for decoder.More() {
		name, err := decoder.Token()
		if err != nil {
			return err
		}
		value, err := decoder.Token()
		if err != nil {
			return err
		}
		switch v := value.(type) {
		case float64:
			out = append(out, Measured(SignalName(name.(string)), v))
		case string:
			out = append(out, Unmeasured(SignalName(name.(string)), v))
		default:
			return fmt.Errorf("signal %v: want a number or a reason, got %v", name, value)
		}
	}
	*s = out
	return nil
}
