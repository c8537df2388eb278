package signal_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pointsman-ai/pointsman"
	"github.com/pointsman-ai/pointsman/internal/signal"
)

func TestShapeOf(t *testing.T) {
	for text, want := range map[string][]string{
		"":                           nil,
		"42 !?":                      nil,
		"where is my parcel":         {"latin"},
		"où est mon café":            {"latin"},
		"где моя посылка":            {"cyrillic"},
		"где моя parcel посылка":     {"cyrillic", "latin"},
		"荷物はどこですか":                   {"han", "hiragana"},
		"parcel number 荷 is nowhere": {"latin"},
		"ಎಲ್ಲಿದೆ":                    {"other"},
	} {
		s := signal.ShapeOf(&pointsman.Request{
			Input: text, Settings: []string{"tools"},
			Messages: []pointsman.Message{{Role: "user", NonText: 2}, {Role: "system"}, {Role: "user"}, {Role: "wizard"}},
		})
		want := &pointsman.Shape{Turns: 4, NonText: 2, Roles: []string{"other", "system", "user"}, Settings: []string{"tools"}, Scripts: want}
		if diff := cmp.Diff(want, s); diff != "" {
			t.Errorf("%q: %s", text, diff)
		}
	}
}
