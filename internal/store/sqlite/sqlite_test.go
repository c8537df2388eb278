package sqlite_test

import (
	"path/filepath"
	"testing"

	"go.uber.org/goleak"

	"github.com/pointsman-ai/pointsman/internal/journal"
	"github.com/pointsman-ai/pointsman/internal/ledger"
	"github.com/pointsman-ai/pointsman/internal/store/sqlite"
	"github.com/pointsman-ai/pointsman/internal/store/storetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var _ ledger.Index = (*sqlite.Index)(nil)

var _ sqlite.Tail = (*journal.Journal)(nil)

func TestConformance(t *testing.T) {
	storetest.Run(t, func(t *testing.T, dir string) ledger.Index {
		return open(t, filepath.Join(t.TempDir(), "index.db"), dir)
	})
}

func open(t testing.TB, path, dir string) *sqlite.Index {
	t.Helper()
	x, err := sqlite.Open(path, sqlite.Options{Journal: dir})
	if err != nil {
		t.Fatal(err)
	}
	return x
}

func BenchmarkCatchUp(b *testing.B) {
	dir := b.TempDir()
	j, err := journal.Open(dir, journal.DefaultOptions())
	if err != nil {
		b.Fatal(err)
	}
	const rows = 20_000
	for n := range rows {
		if err := j.AppendDecision(storetest.Decision(n), nil); err != nil {
			b.Fatal(err)
		}
	}
	if err := j.Close(); err != nil {
		b.Fatal(err)
	}
	b.ResetTimer()
	for b.Loop() {
		build(b, dir, filepath.Join(b.TempDir(), "index.db"))
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*rows), "ns/row")
	b.ReportMetric(float64(b.N*rows)/b.Elapsed().Seconds(), "rows/s")
}
