package calibrate

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/pointsman-ai/pointsman"
	"github.com/pointsman-ai/pointsman/internal/durable"
	"github.com/pointsman-ai/pointsman/internal/jsonl"
)

// An example is fresh once. Whoever certifies again and again on the same
// examples, with another seed, another prompt or another target, until a
// certificate comes out, has one that says little. So the examples that have
// certified are remembered, and certify no more; they may be fitted on.

// use is one line of the file of a task's spent examples: one certification.
type use struct {
	Time time.Time `json:"time"`
	// Run names what was certified, and on what: the same run again gives the
	// same certificate and is no second try.
	Run pointsman.Digest `json:"run"`
	// Fresh is the digest of those that certified, with the answers that they
	// were given: other answers are another try.
	Fresh pointsman.Digest `json:"fresh"`
	// Examples name those that certified, in increasing order (freshNames): what
	// is asked again and again is spent as often as it certified, and no more.
	Examples []string `json:"examples"`
}

// maxUse bounds a line, in bytes: a million examples.
const maxUse = 80 << 20

// readUses reads the file of a task's spent examples. One that is not there is
// empty; one that cannot be read is an error, since what was spent must not be
// taken for fresh.
func readUses(path string) ([]use, error) {
	if path == "" {
		return nil, nil
	}
	uses, err := jsonl.ReadFile(path, maxUse, func(one *use) error {
		if one.Run == "" || one.Fresh == "" || one.Time.IsZero() || len(one.Examples) == 0 {
			return errors.New("it does not say which examples certified what")
		}
		return nil
	})
	var wrong *jsonl.LineError
	if errors.As(err, &wrong) {
		return nil, &pointsman.Error{
			Code: pointsman.CodeConfig, Message: fmt.Sprintf("%s, line %d, cannot be read, so it is not known which examples are fresh", path, wrong.Line),
			Hint: "restore the file from a backup; or delete it, and calibrate on examples that have never certified anything", Err: wrong.Err,
		}
	}
	return uses, err
}

// spentBefore are the examples that certifications before a run have used, and
// how many they were and when the last was. Where the run itself is among them, what came after
// it is not counted: it gives the same certificate again.
func spentBefore(uses []use, run pointsman.Digest) (spent map[string]bool, rounds int, last time.Time) {
	spent = map[string]bool{}
	for _, one := range uses {
		if one.Run == run {
			break
		}
		for _, e := range one.Examples {
			spent[e] = true
		}
		last = one.Time
		rounds++
	}
	return spent, rounds, last
}

// triesBefore counts the certifications before a run that used any of its
// examples.
func triesBefore(uses []use, run pointsman.Digest, s *sample) int {
	known := map[string]bool{}
	for _, name := range s.freshNames() {
		known[name] = true
	}
	n := 0
	for _, one := range uses {
		if one.Run == run {
			break
		}
		if slices.ContainsFunc(one.Examples, func(e string) bool { return known[e] }) {
			n++
		}
	}
	return n
}

// remember adds a certification to the file, unless it is there, and makes it
// durable before anything is promised. uses are what the file held when the run
// began; an error says that another run has certified on the same examples since.
func remember(path string, uses []use, one use) error {
	if path == "" {
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	lock, err := os.OpenFile(path+".lock", os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	defer lock.Close()
	meanwhile := &pointsman.Error{
		Code: pointsman.CodeUnavailable, Message: "another calibration of this task is certifying on the same examples",
		Hint: "run this one again: what the other has spent is then known",
	}
	if taken, err := durable.TryLock(lock); err != nil || !taken {
		return errors.Join(meanwhile, err)
	}
	now, err := readUses(path)
	if err != nil {
		return err
	}
	if i := slices.IndexFunc(now, func(u use) bool { return u.Run == one.Run }); i >= 0 {
		if now[i].Fresh == one.Fresh {
			return nil
		}
		return &pointsman.Error{
			Code: pointsman.CodeInvalid, Message: fmt.Sprintf("these examples have certified before (on %s), with other answers than now", now[i].Time.UTC().Format(time.DateOnly)),
			Hint: "a second look at the same examples is another try: give fresh ones, or use --reuse with another --seed, which pays for it",
		}
	}
	for _, other := range now[min(len(uses), len(now)):] {
		if slices.ContainsFunc(other.Examples, func(e string) bool { return slices.Contains(one.Examples, e) }) {
			return meanwhile
		}
	}
	slices.Sort(one.Examples)
	one.Examples = slices.Compact(one.Examples)
	var content bytes.Buffer
	for _, u := range append(now, one) {
		line, err := json.Marshal(u)
		if err != nil {
			return err
		}
		content.Write(append(line, '\n'))
	}
	return durable.WriteFile(path, content.Bytes())
}
