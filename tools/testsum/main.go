// Command testsum prints what `go test -json` says in few lines, and counts the
// tests of several runs together.
//
//	go test -json ./... | testsum run FILE    print as it comes, add to FILE
//	testsum begin FILE                        forget what FILE counts
//	testsum total FILE                        print how many tests, in how long
//
// Of a test that fails everything is printed that it wrote; of the others only
// the lines that say NOT TESTED, because nobody would see them otherwise. The
// exit code is 1 where a test or a package failed.
package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"
)

func main() {
	if err := command(os.Args[1:], os.Stdin, os.Stdout, time.Now); err != nil {
		fmt.Fprintln(os.Stderr, "testsum:", err)
		os.Exit(1)
	}
}

var errUsage = errors.New("usage: testsum begin|run|total FILE")

func command(args []string, in io.Reader, out io.Writer, now func() time.Time) error {
	if len(args) != 2 {
		return errUsage
	}
	switch file := args[1]; args[0] {
	case "begin":
		return os.WriteFile(file, []byte(now().Format(time.RFC3339Nano)+"\n"), 0o600)
	case "run":
		record, err := os.OpenFile(file, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
		if err != nil {
			return err
		}
		return errors.Join(run(in, out, record), record.Close())
	case "total":
		record, err := os.Open(file)
		if err != nil {
			return err
		}
		defer record.Close()
		return total(record, out, now)
	}
	return errUsage
}

// event is a line of go test -json (go doc test2json).
type event struct {
	Action, Package, ImportPath, Test, Output string
}

// name of what an event is about.
type name struct{ pkg, test string }

// run prints one run and appends the result of each test to the record.
func run(in io.Reader, out, record io.Writer) error {
	written := map[name][]string{} // what tests that have not ended wrote
	failed := false
	lines := bufio.NewReader(in)
	for {
		line, err := lines.ReadString('\n')
		if line != "" {
			var e event
			if json.Unmarshal([]byte(line), &e) != nil || e.Action == "" {
				fmt.Fprint(out, line) // not of go test: a mistake of a tool
				continue
			}
			failed = e.print(out, written) || failed
			if err := e.record(record); err != nil {
				return err
			}
		}
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
	}
	if failed {
		return errors.New("tests failed")
	}
	return nil
}

// print prints what an event is worth and says whether it is a failure.
func (e event) print(out io.Writer, written map[name][]string) (failure bool) {
	key := name{e.Package, e.Test}
	switch e.Action {
	case "build-output":
		fmt.Fprint(out, e.Output)
	case "build-fail":
		return true
	case "output":
		if e.Test == "" {
			if e.Output != "PASS\n" {
				fmt.Fprint(out, e.Output)
			}
			return false
		}
		written[key] = append(written[key], e.Output)
		if strings.Contains(e.Output, "NOT TESTED") {
			fmt.Fprint(out, e.Output)
		}
	case "pass", "skip":
		delete(written, key)
	case "fail":
		if e.Test != "" {
			fmt.Fprint(out, strings.Join(written[key], ""))
			delete(written, key)
			return true
		}
		// Tests that have not ended when their package fails were running when
		// it panicked or its time was over.
		for other, lines := range written {
			if other.pkg == e.Package {
				fmt.Fprint(out, strings.Join(lines, ""))
				delete(written, other)
			}
		}
		return true
	}
	return false
}

func (e event) record(w io.Writer) error {
	if e.Test == "" || e.Action != "pass" && e.Action != "fail" && e.Action != "skip" {
		return nil
	}
	_, err := fmt.Fprintf(w, "%s %s %s\n", e.Action, e.Package, e.Test)
	return err
}

// total counts the tests by name: one that ran in several runs is one test,
// failed where it failed in any, skipped where it was in all.
func total(record io.Reader, out io.Writer, now func() time.Time) error {
	rank := map[string]int{"skip": 1, "pass": 2, "fail": 3}
	results := map[string]string{}
	var began time.Time
	lines := bufio.NewScanner(record)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		result, test, ok := strings.Cut(lines.Text(), " ")
		if !ok {
			var err error
			if began, err = time.Parse(time.RFC3339Nano, result); err != nil {
				return err
			}
			continue
		}
		if rank[result] > rank[results[test]] {
			results[test] = result
		}
	}
	if err := lines.Err(); err != nil {
		return err
	}
	count := map[string]int{}
	for _, result := range results {
		count[result]++
	}
	if count["pass"] == 0 {
		return errors.New("no test has passed")
	}
	fmt.Fprintf(out, "%d tests ran in %v\n", count["pass"]+count["fail"], now().Sub(began).Round(time.Second))
	fmt.Fprintf(out, "tests: %d passed, %d failed, %d skipped\n", count["pass"], count["fail"], count["skip"])
	return nil
}
