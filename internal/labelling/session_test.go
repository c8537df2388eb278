package labelling_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/pointsman-ai/pointsman"
	"github.com/pointsman-ai/pointsman/internal/labelling"
)

func items() []labelling.Item {
	return []labelling.Item{
		{ID: "p1", Text: "where is it\x1b[2J", Answers: []labelling.Answer{{Name: "a", Text: "parcel"}, {Name: "b", Text: "refund"}}},
		{ID: "p2", Text: "money", Answers: []labelling.Answer{{Name: "c", Text: "refund"}}},
	}
}

func TestAsk(t *testing.T) {
	for _, c := range []struct {
		name, typed, want string
		answers           int
	}{
		{"all", "y\nNO\nskip\n", "a:true b:false c:skipped ", 3},
		{"what is no answer is asked again", "what\n\ny\nn\ny\n", "a:true b:false c:true ", 3},
		{"quit", "y\nq\ny\n", "a:true ", 1},
		{"the end of what is typed", "y\nn", "a:true b:false ", 2},
		{"nothing", "", "", 0},
	} {
		var out bytes.Buffer
		var got strings.Builder
		n, err := labelling.Ask(strings.NewReader(c.typed), &out, items(), func(_ *labelling.Item, a *labelling.Answer, s labelling.Said) error {
			got.WriteString(string(a.Name) + ":")
			switch {
			case s.Skipped:
				got.WriteString("skipped ")
			case s.Right:
				got.WriteString("true ")
			default:
				got.WriteString("false ")
			}
			return nil
		})
		if err != nil || n != c.answers || got.String() != c.want {
			t.Errorf("%s: %d, %q, %v", c.name, n, got.String(), err)
		}
		if strings.Contains(out.String(), "\x1b") || !strings.Contains(out.String(), "1 of 2: p1") {
			t.Errorf("%s: shown %q", c.name, out.String())
		}
	}
	full := errors.New("disk full")
	n, err := labelling.Ask(strings.NewReader("y\ny\n"), &bytes.Buffer{}, items(), func(*labelling.Item, *labelling.Answer, labelling.Said) error { return full })
	if n != 0 || !errors.Is(err, full) {
		t.Errorf("%d, %v", n, err)
	}
}

// What is judged elsewhere comes back whole or not at all.
func TestSheets(t *testing.T) {
	var b bytes.Buffer
	if err := labelling.WriteSheet(&b, items()); err != nil {
		t.Fatal(err)
	}
	known := func(d pointsman.Digest) bool { return strings.Contains("abc", string(d)) && d != "" }
	if said, err := labelling.ReadSheet(strings.NewReader(b.String()), "x", known); err != nil || len(said) != 0 {
		t.Errorf("nothing was judged: %v, %v", said, err)
	}
	judged := strings.Replace(b.String(), `"right":null`, `"right":true`, 1)
	judged = strings.Replace(judged, `"right":null`, `"right":null,"skipped":true`, 1)
	said, err := labelling.ReadSheet(strings.NewReader(judged), "x", known)
	if err != nil || len(said) != 2 || !said[0].Right || said[0].Example != "p1" || !said[1].Skipped {
		t.Errorf("%+v, %v", said, err)
	}
	for line, want := range map[string]string{
		`{"answer":"z","right":true}`:                `x:4: member "answer"`,
		`{"answer":"a","right":"yes"}`:               "x:4: no line of an exported file",
		`{"answer":"a","right":true,"skipped":true}`: `x:4: members "right" and "skipped"`,
		`{"answer":"a","wrong":true}`:                `unknown field "wrong"`,
		strings.Repeat(`{"answer":"z"}`+"\n", 9):     "the rest was not read",
	} {
		if _, err := labelling.ReadSheet(strings.NewReader(judged+line), "x", known); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", line, err)
		}
	}
}

func FuzzReadSheet(f *testing.F) {
	f.Add(`{"example":"p","input":"x","answer":"a","text":"y","right":true}`)
	f.Fuzz(func(_ *testing.T, lines string) {
		_, _ = labelling.ReadSheet(strings.NewReader(lines), "x", func(pointsman.Digest) bool { return true })
	})
}
