package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/spf13/cobra"

	"github.com/pointsman-ai/pointsman"
	"github.com/pointsman-ai/pointsman/internal/upstream/recorded"
)

func newRecord(o *options) *cobra.Command {
	var target, out, listen, readyFile string
	c := &cobra.Command{
		Use: "record", Short: "Record an upstream's answers through a proxy", Args: cobra.NoArgs,
		Long: `Listen as a proxy in front of an OpenAI-compatible API, pass every request and
answer through untouched, and write the answers to a recording, which an upstream
of type "recorded" answers from. The client's own Authorization is passed on and
never written. Errors are passed on and not recorded.`,
		Example: "  pointsman record --target https://api.openai.com/v1 --out recordings/gpt.pmrec",
		RunE: func(c *cobra.Command, _ []string) error {
			if err := makeParents(out); err != nil {
				return err
			}
			w, err := recorded.NewWriter(out)
			if err != nil {
				return err
			}
			proxy, err := recorded.NewProxy(target, w, recorded.ProxyOptions{})
			if err != nil {
				return errors.Join(usageError{err}, w.Close())
			}
			err = serveProxy(c.Context(), listen, proxy, func(url string) {
				fmt.Fprintf(o.out, "recording %s on %s/v1 into %s\n", target, url, out)
				if err := announce(readyFile, url); err != nil {
					fmt.Fprintf(o.err, "pointsman: the ready file could not be written: %v\n", err)
				}
			})
			if err := errors.Join(err, w.Close()); err != nil {
				return err
			}
			report, err := recorded.Inspect(out)
			if err != nil {
				return err
			}
			return o.print(report, func(b *bytes.Buffer) { fmt.Fprintf(b, "%s: %d answers\n", out, report.Entries) })
		},
	}
	flags := c.Flags()
	flags.StringVar(&target, "target", "", "base URL of the API to record, the part before /chat/completions")
	flags.StringVar(&out, "out", "", "recording to write; one that is there is continued")
	flags.StringVar(&listen, "listen", "127.0.0.1:8089", "address to listen on; port 0 takes any")
	flags.StringVar(&readyFile, "ready-file", "", "file to write the base URL to once requests are taken")
	require(c, "target", "out")
	return c
}

// serveProxy serves until the context ends and lets running requests finish.
func serveProxy(ctx context.Context, address string, h http.Handler, ready func(url string)) error {
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return &pointsman.Error{Code: pointsman.CodeUnavailable, Message: "cannot listen on " + address, Hint: "choose another with --listen", Err: err}
	}
	server := &http.Server{Handler: h, ReadHeaderTimeout: 30 * time.Second}
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(listener) }()
	ready("http://" + listener.Addr().String())
	select {
	case err := <-ended:
		return err
	case <-ctx.Done():
	}
	timed, cancel := context.WithTimeout(context.WithoutCancel(ctx), 20*time.Second)
	defer cancel()
	return server.Shutdown(timed)
}
