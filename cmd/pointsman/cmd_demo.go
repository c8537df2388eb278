package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/pointsman-ai/pointsman"
	"github.com/pointsman-ai/pointsman/examples/support"
	"github.com/pointsman-ai/pointsman/internal/stat"
)

type demoOptions struct {
	dir  string
	keep time.Duration
}

// demoReport is what the demo tells. Every figure is of the test messages,
// which nothing was trained or calibrated on, sent through the HTTP API.
type demoReport struct {
	Messages  int           `json:"messages"`
	Small     stat.Estimate `json:"small_accuracy"`
	Large     stat.Estimate `json:"large_accuracy"`
	Cascade   stat.Estimate `json:"cascade_accuracy"`
	Escalated stat.Estimate `json:"escalated_share"`
	// CostVsLarge is what the cascade cost over what the large tier alone cost
	// on the same messages.
	CascadeCost pointsman.Cost `json:"cascade_cost_nano_dollars"`
	LargeCost   pointsman.Cost `json:"large_cost_nano_dollars"`
	CostVsLarge *float64       `json:"cost_vs_large"`
	// AddedP50 and AddedP99 are the gateway's own time, in microseconds.
	AddedP50 float64 `json:"added_latency_p50_micros"`
	AddedP99 float64 `json:"added_latency_p99_micros"`

	Promise        string         `json:"promise"`
	Certified      bool           `json:"certified"`
	RetainTarget   float64        `json:"retain_target"`
	RetainMeasured *stat.Estimate `json:"retain_measured"`
	// Covers says what the promise is about, and Unproven how many messages the
	// small tier answered without it.
	Covers   []string `json:"covers"`
	Unproven int      `json:"unproven"`
	Kept     *bool    `json:"promise_kept"`

	Recorded int  `json:"decisions_recorded"`
	Verified bool `json:"journal_verified"`
	Replayed int  `json:"decisions_replayed"`

	Dir     string `json:"dir"`
	Explain string `json:"explain"`
	// Page is the report of the calibration, for a browser.
	Page string `json:"page"`
	// URL, Curl and Stop are empty where the gateway has stopped; Serve starts
	// it again.
	URL     string  `json:"url"`
	Curl    string  `json:"curl"`
	Stop    string  `json:"stop"`
	Serve   string  `json:"serve,omitempty"`
	Seconds float64 `json:"seconds"`
}

func newDemo(o *options) *cobra.Command {
	var d demoOptions
	c := &cobra.Command{
		Use: "demo", Short: "Train, calibrate, serve and measure the sample workload", Args: cobra.NoArgs,
		Long: `Run the main job on the sample workload, with no key and no network: train two
embedded models, calibrate a policy with its certificate, start the gateway on a
free loopback port, send the test messages through its HTTP API, and print what
came of it.

The gateway goes on serving for a while, so that the commands printed at the end
work; then it stops by itself. Everything lies in one directory.`,
		RunE: func(c *cobra.Command, _ []string) error {
			r, err := runDemo(c.Context(), o, d)
			if err != nil {
				return err
			}
			return o.print(r, func(b *bytes.Buffer) { writeDemo(b, r) })
		},
	}
	c.Flags().StringVar(&d.dir, "dir", "pointsman-demo", "directory to work in; one that an earlier demo made is replaced")
	c.Flags().DurationVar(&d.keep, "keep", 15*time.Minute, "how long the gateway goes on serving; 0 stops it when all is measured")
	return c
}

func runDemo(ctx context.Context, o *options, d demoOptions) (_ *demoReport, err error) {
	began := time.Now()
	if err := stopEarlier(ctx, d.dir); err != nil {
		return nil, err
	}
	if err := layOut(d.dir); err != nil {
		return nil, err
	}
	quiet := &options{streams: o.streams, config: filepath.Join(d.dir, "pointsman.yaml"), quiet: o.quiet}
	quiet.out = &bytes.Buffer{}
	for _, one := range []struct{ size, learn, out string }{
		{"small", learnLabel, "small"},
		{"large", learnLabel, "large"},
		{"small", learnFields, "fields-small"},
		{"large", learnFields, "fields-large"},
	} {
		s := studentOptions{
			data: exampleFiles{paths: []string{filepath.Join(d.dir, "messages", "train.jsonl")}}, size: one.size, learn: one.learn,
			out: filepath.Join(d.dir, "models", one.out+".student"), seed: 1,
		}
		if err := runStudentTrain(ctx, quiet, s); err != nil {
			return nil, err
		}
	}
	for _, task := range []string{demoTask, "support-fields"} {
		k := calibrateOptions{
			task: task, data: exampleFiles{paths: []string{filepath.Join(d.dir, "messages", "calibrate.jsonl")}}, share: 0.6, seed: 1, workers: 8, yes: true,
			page: filepath.Join(d.dir, task+".html"),
		}
		if err := runCalibrate(ctx, quiet, k); err != nil {
			return nil, err
		}
	}
	g, err := startGateway(ctx, d)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil || d.keep == 0 {
			err = errors.Join(err, g.stop())
		}
	}()
	r, err := measureDemo(ctx, quiet, d, g.url)
	if err != nil {
		return nil, err
	}
	r.Dir, r.Page = d.dir, filepath.Join(d.dir, demoTask+".html")
	if d.keep > 0 {
		r.URL, r.Stop = g.url, fmt.Sprintf("kill %d", g.pid)
	} else {
		r.Curl, r.Serve = "", fmt.Sprintf("%s serve --config %s", shellQuote(os.Args[0]), shellQuote(filepath.Join(d.dir, "pointsman.yaml")))
	}
	r.Seconds = time.Since(began).Seconds()
	return r, nil
}

// demoTask is the task that the demo measures.
const demoTask = "support-intent"

// marker is the file by which a demo knows a directory of its own.
const marker = ".pointsman-demo"

// layOut writes the sample workload into a directory of the demo's own.
func layOut(dir string) error {
	if entries, err := os.ReadDir(dir); err == nil && len(entries) > 0 {
		if _, err := os.Stat(filepath.Join(dir, marker)); err != nil {
			return &pointsman.Error{
				Code: pointsman.CodeInvalid, Message: dir + " is there and was not made by a demo", Hint: "name another directory with --dir",
			}
		}
		if err := os.RemoveAll(dir); err != nil {
			return err
		}
	}
	if err := os.MkdirAll(filepath.Join(dir, "models"), 0o700); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(dir, marker), []byte("made by pointsman demo; replaced by the next one\n"), 0o600); err != nil {
		return err
	}
	return fs.WalkDir(support.Files, ".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		to := filepath.Join(dir, filepath.FromSlash(path))
		if entry.IsDir() {
			return os.MkdirAll(to, 0o700)
		}
		content, err := support.Files.ReadFile(path)
		if err != nil {
			return err
		}
		return os.WriteFile(to, content, 0o600)
	})
}

func writeDemo(b *bytes.Buffer, r *demoReport) {
	fmt.Fprintf(b, "\n%d messages that nothing was trained or calibrated on, through the HTTP API:\n\n", r.Messages)
	w := tabwriter.NewWriter(b, 0, 0, 2, ' ', 0)
	line := func(name, value string) { fmt.Fprintf(w, "  %s\t%s\n", name, value) }
	line("small tier alone", percent(&r.Small))
	line("large tier alone", percent(&r.Large))
	line("cascade", percent(&r.Cascade))
	line("escalated", percent(&r.Escalated))
	if r.CostVsLarge != nil {
		line("cost against always large", fmt.Sprintf("%.1f %% (%s against %s)", 100**r.CostVsLarge, r.CascadeCost, r.LargeCost))
	} else {
		line("cost against always large", "unknown")
	}
	line("latency added by the gateway", fmt.Sprintf("p50 %.0f µs, p99 %.0f µs", r.AddedP50, r.AddedP99))
	line("decisions on record", fmt.Sprintf("%d, verified %v, %d replayed alike", r.Recorded, r.Verified, r.Replayed))
	w.Flush() //nolint:errcheck // a buffer does not fail
	fmt.Fprintf(b, "\npromised: %s\n", r.Promise)
	for _, one := range r.Covers {
		fmt.Fprintf(b, "          %s\n", one)
	}
	fmt.Fprintf(b, "answered by the small tier without that promise: %d of %d\n", r.Unproven, r.Messages)
	if r.RetainMeasured != nil {
		verdict := "kept"
		if r.Kept == nil || !*r.Kept {
			verdict = "NOT kept"
		}
		fmt.Fprintf(b, "measured: the cascade keeps %s of the large tier's quality: %s\n", percent(r.RetainMeasured), verdict)
	}
	fmt.Fprintf(b, "\nopen %s in a browser: the calibration as a page\n", shellQuote(r.Page))
	fmt.Fprintf(b, "\nin %.1f s. Try:\n", r.Seconds)
	for _, command := range []string{r.Curl, r.Serve, r.Explain} {
		if command != "" {
			fmt.Fprintf(b, "\n  %s\n", command)
		}
	}
	if r.Stop != "" {
		fmt.Fprintf(b, "\nthe gateway goes on serving for a while; stop it with: %s\n", r.Stop)
	}
}

func percent(e *stat.Estimate) string {
	return fmt.Sprintf("%.1f %% [%.1f, %.1f]", 100*e.Value, 100*e.Low, 100*e.High)
}

// shellQuote makes one word of a text for a POSIX shell.
func shellQuote(s string) string {
	if s != "" && strings.Trim(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_./:=-") == "" {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}
