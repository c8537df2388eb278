package policy

import (
	"fmt"
	"slices"
	"strings"

	"github.com/pointsman-ai/pointsman"
)

// Support is which requests a policy may decide on: those of a form of which
// calibration saw enough. Everything else goes to the largest tier, unasked.
type Support struct {
	// Turns is the longest conversation, in messages.
	Turns int `json:"turns"`
	// Roles, Scripts and Settings are those that were seen often enough;
	// settings that a tier sets itself are of no account there.
	Roles    []string `json:"roles,omitempty"`
	Scripts  []string `json:"scripts,omitempty"`
	Settings []string `json:"settings,omitempty"`
	// NonText says that parts that are not text were seen often enough.
	NonText bool `json:"non_text,omitempty"`
	// Sets are, for each stage, the settings that its tier sets itself whatever
	// the client asks for.
	Sets [][]string `json:"sets,omitempty"`
	// SliceKeys are the metadata keys that name slices and that (nearly) every
	// request of the calibration had.
	SliceKeys []string `json:"slice_keys,omitempty"`
	// Ranges are those of the signals of a request.
	Ranges []Range `json:"ranges,omitempty"`
}

// Range is where the values of a signal may lie.
type Range struct {
	Signal pointsman.SignalName `json:"signal"`
	Low    float64              `json:"low"`
	High   float64              `json:"high"`
}

// Lacks says in a sentence which check of the support a request fails at a
// stage, or is empty. A nil shape is not checked.
func (s *Support) Lacks(stage int, slicesOf []string, request pointsman.Signals, shape *pointsman.Shape) string {
	for _, key := range s.SliceKeys {
		if !slices.ContainsFunc(slicesOf, func(one string) bool {
			return len(one) > len(key) && one[len(key)] == '=' && strings.HasPrefix(one, key)
		}) {
			return "the request has no " + key + " in its metadata, as calibration's had"
		}
	}
	for _, r := range s.Ranges {
		one, ok := request.Get(r.Signal)
		if ok && one.Present() && !(one.Value >= r.Low && one.Value <= r.High) {
			return fmt.Sprintf("%s is %.4g, and calibration saw %.4g to %.4g", r.Signal, one.Value, r.Low, r.High)
		}
	}
	if shape == nil {
		return ""
	}
	switch {
	case shape.Turns > s.Turns:
		return fmt.Sprintf("the conversation has %d messages, and calibration saw enough of up to %d only", shape.Turns, s.Turns)
	case shape.NonText > 0 && !s.NonText:
		return "the request has parts that are not text, which calibration did not see enough of"
	}
	for _, one := range shape.Roles {
		if !slices.Contains(s.Roles, one) {
			return "the request has a message of role " + one + ", which calibration did not see enough of"
		}
	}
	for _, one := range shape.Scripts {
		if !slices.Contains(s.Scripts, one) {
			return "the request is written in " + one + ", which calibration did not see enough of"
		}
	}
	for _, one := range shape.Settings {
		if !slices.Contains(s.Settings, one) && !(stage < len(s.Sets) && slices.Contains(s.Sets[stage], one)) {
			return "the client sets " + one + ", which calibration did not see; a tier that sets it itself, under params, makes it of no account"
		}
	}
	return ""
}

func (s *Support) check() error {
	if s.Turns < 0 {
		return fmt.Errorf("turns is %d", s.Turns)
	}
	for _, r := range s.Ranges {
		if r.Signal == "" || !finite(r.Low) || !finite(r.High) || r.Low > r.High {
			return fmt.Errorf("range of %q from %v to %v", r.Signal, r.Low, r.High)
		}
	}
	return nil
}
