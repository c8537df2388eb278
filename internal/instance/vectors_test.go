package instance_test

import (
	"context"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/pointsman-ai/pointsman"
	"github.com/pointsman-ai/pointsman/internal/artefact"
	"github.com/pointsman-ai/pointsman/internal/datadir"
	"github.com/pointsman-ai/pointsman/internal/instance"
	"github.com/pointsman-ai/pointsman/internal/policy"
	"github.com/pointsman-ai/pointsman/internal/student"
	"github.com/pointsman-ai/pointsman/internal/vectors"
)

// withVectors is a table of word vectors and a student that reads texts with it.
var withVectors = sync.OnceValues(func() ([2][]byte, error) {
	table, _, err := vectors.ReadText(strings.NewReader("where 1 0\nparcel 1 0.2\nplease 0.1 1\nrefund 0 1\n"), vectors.DefaultWords)
	if err != nil {
		return [2][]byte{}, err
	}
	o := student.Small().WithVectors(table)
	o.Bits, o.Workers, o.Folds = 10, 1, 2
	m, err := student.Train(context.Background(), []student.Example{
		{Text: "where is my parcel", Label: "parcel"},
		{Text: "parcel where", Label: "parcel"},
		{Text: "please refund it", Label: "refund"},
		{Text: "refund please", Label: "refund"},
	}, o, nil)
	if err != nil {
		return [2][]byte{}, err
	}
	content, err := table.MarshalBinary()
	if err != nil {
		return [2][]byte{}, err
	}
	weights, err := m.MarshalBinary()
	return [2][]byte{content, weights}, err
})

// A policy whose label student reads texts with word vectors is served where the
// artefacts hold them, also after the data directory was copied elsewhere, and
// all instances of a process share one table. Where the table is missing, the
// configuration is refused with what to do.
func TestPolicyWithVectors(t *testing.T) {
	made, err := withVectors()
	if err != nil {
		t.Fatal(err)
	}
	dir := folder(t)
	first := build(t, dir, file)
	store := artefact.Open(dir)
	d, err := store.Put(made[1])
	if err != nil {
		t.Fatal(err)
	}
	activate(t, dir, variants(t, first), policy.Student{Name: "label", Digest: d})

	_, err = instance.Build(parse(t, dir, file), instance.Options{Store: store})
	if err == nil || !strings.Contains(err.Error(), "student label of task support: the student reads texts with the word vectors") ||
		!strings.Contains(err.Error(), "pointsman vectors import") {
		t.Fatalf("without the table: %v", err)
	}
	if _, err := store.Put(made[0]); err != nil {
		t.Fatal(err)
	}
	moved := t.TempDir()
	if err := os.CopyFS(moved, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	var models []*student.Model
	for _, where := range []string{dir, moved} {
		task, err := build(t, where, file).Task("support")
		if err != nil {
			t.Fatal(err)
		}
		if task.PolicyProblem != nil || task.Tiers[0].Students == nil {
			t.Fatalf("void: %v", task.PolicyProblem)
		}
		models = append(models, task.Tiers[0].Students.Label)
	}
	for _, m := range models {
		if m.Predict("refund", 1).Top() != "refund" || m.Vectors() != pointsman.DigestOf(made[0]) || m.Options().Vectors != models[0].Options().Vectors {
			t.Errorf("%s reads texts with %s", m.Predict("refund", 1).Top(), m.Vectors().Short())
		}
	}
	// A replay needs neither the student nor its table.
	if err := os.Remove(datadir.Dir(moved).Artefact(pointsman.DigestOf(made[0]))); err != nil {
		t.Fatal(err)
	}
	again, err := instance.Build(parse(t, moved, file), instance.Options{Store: artefact.Open(moved), Offline: true})
	if err != nil {
		t.Fatal(err)
	}
	if err := again.Close(); err != nil {
		t.Error(err)
	}
}
