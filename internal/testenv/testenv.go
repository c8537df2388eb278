// Package testenv finds what tests need from the machine that they run on, and
// says in one way what happens where it is missing: a loud skip on a person's
// machine, a failure in CI.
package testenv

import (
	"compress/gzip"
	"encoding/csv"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// InCI says whether the tests run in CI.
func InCI() bool {
	ci := os.Getenv("CI")
	return ci != "" && !strings.EqualFold(ci, "false") && ci != "0"
}

// Missing ends a test that lacks something.
func Missing(t testing.TB, format string, args ...any) {
	t.Helper()
	if InCI() {
		t.Fatalf("NEEDED IN CI: "+format, args...)
	}
	t.Skipf("SKIPPED, NOTHING WAS TESTED: "+format, args...)
}

// Data is the path of a published data file. The data lie outside the
// repository: in POINTSMAN_DATA, or in shared/data beside the checkout. A folder
// that is there without the file is a failure everywhere.
func Data(t testing.TB, parts ...string) string {
	t.Helper()
	root := os.Getenv("POINTSMAN_DATA")
	if root == "" {
		root = filepath.Join(checkout(t), "..", "shared", "data")
	}
	if _, err := os.Stat(root); err != nil {
		Missing(t, "published data are absent (%v); set POINTSMAN_DATA to their folder", err)
	}
	path := filepath.Join(append([]string{root}, parts...)...)
	if _, err := os.Stat(path); err != nil {
		t.Fatalf("the data folder is there, its file is not: %v", err)
	}
	return path
}

// checkout is the root of the module, above the package that is tested.
func checkout(t testing.TB) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir
		}
		above := filepath.Dir(dir)
		if above == dir {
			t.Fatal("there is no go.mod above the test")
		}
		dir = above
	}
}

// Gzip opens a gzipped data file until the test ends.
func Gzip(t testing.TB, parts ...string) io.Reader {
	t.Helper()
	path := Data(t, parts...)
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = file.Close() }) // it was only read
	unzipped, err := gzip.NewReader(file)
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	return unzipped
}

// Table reads a gzipped CSV file of the data, its header included.
func Table(t testing.TB, parts ...string) [][]string {
	t.Helper()
	rows, err := csv.NewReader(Gzip(t, parts...)).ReadAll()
	if err != nil {
		t.Fatalf("%s: %v", filepath.Join(parts...), err)
	}
	return rows
}
