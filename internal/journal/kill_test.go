package journal

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/pointsman-ai/pointsman"
)

// The environment of the child process that a test kills.
const (
	childRole = "POINTSMAN_JOURNAL_CHILD"
	childDir  = "POINTSMAN_JOURNAL_CHILD_DIR"
)

// child appends from several goroutines until it is killed, and prints the id
// of each decision after its append has returned.
func child(role string) {
	o := DefaultOptions()
	o.SegmentSize = 256 << 10
	if role == "sync" {
		o.Durability = DurabilitySync
	}
	j, err := Open(os.Getenv(childDir), o)
	if err != nil {
		fmt.Println("error", err)
		os.Exit(1)
	}
	go func() { _ = j.Run(context.Background()) }()
	ids := pointsman.NewIDSource(nil, nil)
	var out sync.Mutex
	for range 4 {
		go func() {
			for n := 0; ; n++ {
				d := testDecision(n)
				d.ID = ids.Next()
				p := testPayload(n)
				p.Decision = d.ID
				if err := j.AppendDecision(d, p); err != nil {
					fmt.Println("error", err)
					os.Exit(1)
				}
				out.Lock()
				_, err := os.Stdout.WriteString(string(d.ID) + "\n")
				out.Unlock()
				if err != nil {
					os.Exit(1)
				}
			}
		}()
	}
	select {}
}

// A process that is killed under load loses nothing that it has acknowledged,
// several times over on the same journal, and the journal verifies clean.
func TestKillLosesNothingAcknowledged(t *testing.T) {
	for _, role := range []string{"interval", "sync"} {
		t.Run(role, func(t *testing.T) {
			dir := t.TempDir()
			acknowledged := map[pointsman.DecisionID]bool{}
			for round := range 3 {
				runAndKill(t, role, dir, 50+400*round, acknowledged)
				j := mustOpen(t, dir, testOptions())
				mustClose(t, j)
			}
			there := map[pointsman.DecisionID]bool{}
			for _, e := range readAll(t, dir) {
				if e.Kind != KindDecision {
					continue
				}
				d, ref, err := e.Decision()
				if err != nil {
					t.Fatal(err)
				}
				if p, err := ReadPayload(dir, *ref); err != nil || p.Decision != d.ID {
					t.Fatalf("payload of %s: %v", d.ID, err)
				}
				there[d.ID] = true
			}
			for id := range acknowledged {
				if !there[id] {
					t.Errorf("%s was acknowledged and is lost", id)
				}
			}
			t.Logf("%d acknowledged, %d there", len(acknowledged), len(there))
			if r := verifyDir(t, dir, nil); !r.Clean() {
				t.Error(r.Findings)
			}
		})
	}
}

// runAndKill lets a child run until it has acknowledged n more, kills it with
// SIGKILL and collects what it wrote.
func runAndKill(t *testing.T, role, dir string, n int, acknowledged map[pointsman.DecisionID]bool) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), childRole+"="+role, childDir+"="+dir)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	for seen := 0; lines.Scan(); seen++ {
		if strings.HasPrefix(lines.Text(), "error") {
			t.Fatal(lines.Text())
		}
		if id, err := pointsman.ParseDecisionID(lines.Text()); err == nil {
			acknowledged[id] = true
		} // the last line may be torn
		if seen == n {
			if err := cmd.Process.Kill(); err != nil {
				t.Fatal(err)
			}
		}
	}
	_ = cmd.Wait() // it was killed
}

// A torn last record is moved aside and named in the chain, wherever it was
// torn; what was there before is kept, and the journal verifies clean.
func TestTornTailIsMovedAside(t *testing.T) {
	whole := t.TempDir()
	o := testOptions()
	j := mustOpen(t, whole, o)
	for n := range 3 {
		if err := j.AppendDecision(testDecision(n), testPayload(n)); err != nil {
			t.Fatal(err)
		}
	}
	if err := j.Sync(); err != nil {
		t.Fatal(err)
	}
	if err := j.AppendDecision(testDecision(3), testPayload(3)); err != nil {
		t.Fatal(err)
	}
	entries := readAll(t, whole)
	last := entries[3]
	size := last.Next.Offset - last.Offset
	for _, kept := range []int64{1, 16, 17, 18, 100, size / 2, size - 1} {
		dir := filepath.Join(t.TempDir(), "j")
		copyDir(t, whole, dir)
		if err := os.Truncate(filepath.Join(dir, segmentFile(1)), last.Offset+kept); err != nil {
			t.Fatal(err)
		}
		if got := len(readAll(t, dir)); got != 3 {
			t.Errorf("%d records are read before the torn one, want 3", got)
		}
		again := mustOpen(t, dir, o)
		all := readAll(t, dir)
		torn, err := all[3].Torn()
		if err != nil {
			t.Fatal(err)
		}
		if torn.Bytes != kept || torn.Offset != last.Offset || torn.Frames != 0 {
			t.Errorf("%d bytes kept: %+v", kept, torn)
		}
		content, err := os.ReadFile(filepath.Join(dir, filepath.FromSlash(torn.Moved)))
		if err != nil || int64(len(content)) != kept || pointsman.DigestOf(content) != torn.Digest {
			t.Errorf("the torn file holds %d bytes, %v; want %d", len(content), err, kept)
		}
		if err := again.AppendDecision(testDecision(4), testPayload(4)); err != nil {
			t.Fatal(err)
		}
		mustClose(t, again)
		if r := verifyDir(t, dir, nil); !r.Clean() {
			t.Error(r.Findings)
		}
		flip(t, dir, filepath.FromSlash(torn.Moved), 0)
		if r := verifyDir(t, dir, nil); r.Clean() {
			t.Error("a changed torn file is not found")
		}
	}
}

// A payload file whose last payload is torn is left as it is, noted, and not
// written to again.
func TestTornPayloadStays(t *testing.T) {
	dir := t.TempDir()
	j := mustOpen(t, dir, testOptions())
	for n := range 2 {
		if err := j.AppendDecision(testDecision(n), testPayload(n)); err != nil {
			t.Fatal(err)
		}
	}
	mustClose(t, j)
	f, err := os.OpenFile(filepath.Join(dir, payloadFile(1)), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteString("\x00\x00torn"); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	j = mustOpen(t, dir, testOptions())
	if err := j.AppendDecision(testDecision(2), testPayload(2)); err != nil {
		t.Fatal(err)
	}
	mustClose(t, j)
	all := readAll(t, dir)
	if torn, err := all[2].Torn(); err != nil || torn.Bytes != 6 || torn.Moved != "" {
		t.Errorf("%+v, %v", torn, err)
	}
	if _, ref, err := all[3].Decision(); err != nil || ref.Segment != 2 {
		t.Errorf("%+v, %v; want payload file 2", ref, err)
	}
	if r := verifyDir(t, dir, nil); !r.Clean() {
		t.Error(r.Findings)
	}
}

// After a power cut, zeros may stand where records were not flushed, and whole
// records behind them: all of that is moved aside and counted. Any other damage
// with records behind it is an error, as is damage below HEAD.
func TestOpenTellsPowerCutFromDamage(t *testing.T) {
	whole := t.TempDir()
	o := testOptions()
	j := mustOpen(t, whole, o)
	for n := range 2 {
		if err := j.AppendDecision(testDecision(n), nil); err != nil {
			t.Fatal(err)
		}
	}
	if err := j.Sync(); err != nil {
		t.Fatal(err)
	}
	for n := range 4 {
		if err := j.AppendDecision(testDecision(2+n), nil); err != nil {
			t.Fatal(err)
		}
	}
	entries := readAll(t, whole)
	name := segmentFile(1)
	content := readFiles(t, whole, []string{name})[name]
	damage := func(change func(b []byte)) (*Journal, string, error) {
		dir := filepath.Join(t.TempDir(), "j")
		copyDir(t, whole, dir)
		b := append([]byte(nil), content...)
		change(b)
		put(t, dir, name, b)
		j, err := Open(dir, o)
		return j, dir, err
	}
	j, dir, err := damage(func(b []byte) { clear(b[entries[2].Offset+100 : entries[3].Next.Offset-100]) })
	if err != nil {
		t.Fatal(err)
	}
	torn, err := readAllAt(t, dir, 2).Torn()
	if err != nil || torn.Frames != 2 || torn.Bytes != int64(len(content))-entries[2].Offset {
		t.Errorf("%+v, %v", torn, err)
	}
	mustClose(t, j)
	for at, what := range map[int64]string{
		entries[0].Offset + 50: "below HEAD", entries[3].Offset + 50: "with records behind it", 5: "in the header",
	} {
		j, _, err := damage(func(b []byte) { b[at] ^= 1 })
		if err == nil {
			mustClose(t, j)
		}
		if pointsman.CodeOf(err) != pointsman.CodeIntegrity || !strings.Contains(hintOf(err), "audit verify") {
			t.Errorf("damage %s: %v", what, err)
		}
	}
}

func readAllAt(t *testing.T, dir string, i int) *Entry {
	t.Helper()
	return &readAll(t, dir)[i]
}
