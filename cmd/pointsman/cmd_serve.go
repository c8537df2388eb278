package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/pointsman-ai/pointsman/internal/durable"
	"github.com/pointsman-ai/pointsman/internal/logging"
	"github.com/pointsman-ai/pointsman/internal/server"
)

type serveOptions struct {
	listen      string
	adminListen string
	readyFile   string
	logLevel    string
	logJSON     bool
	life        time.Duration
}

func newServe(o *options) *cobra.Command {
	var s serveOptions
	c := &cobra.Command{
		Use: "serve", Short: "Run the gateway", Args: cobra.NoArgs,
		Long: `Run the gateway until SIGTERM or an interrupt. Then readiness says that it drains,
new requests are refused, and running ones have server.drain_timeout to finish; a
second signal cuts them off at once.

Metrics, probes and profiles have an address of their own (--admin-listen).

The configuration is read again when the file or something it names changes, and
on SIGHUP: the new one is built and validated first and then swapped in; one that
is wrong changes nothing and says so in the log.`,
		Example: "  pointsman serve --config pointsman.yaml\n  pointsman serve --listen 127.0.0.1:0 --ready-file /run/pointsman.url",
		RunE: func(c *cobra.Command, _ []string) error {
			log, err := newLog(o, s)
			if err != nil {
				return err
			}
			if err := o.exists(); err != nil {
				return err
			}
			// Whoever reads the log may go; the requests stay.
			signal.Ignore(syscall.SIGPIPE)
			defer signal.Reset(syscall.SIGPIPE)
			reload := make(chan os.Signal, 1)
			signal.Notify(reload, syscall.SIGHUP)
			defer signal.Stop(reload)
			ctx := c.Context()
			if s.life > 0 {
				var cancel context.CancelFunc
				ctx, cancel = context.WithTimeout(ctx, s.life)
				defer cancel()
			}
			again, stop := askedAgain(ctx)
			defer stop()
			return server.Run(ctx, server.Options{
				Path: o.config, Listen: s.listen, AdminListen: s.adminListen, Hurry: again, Log: log, Reload: reload,
				Ready: func(at server.Addresses) {
					if err := announce(s.readyFile, at.API); err != nil {
						log.Error("the ready file could not be written", "file", s.readyFile, "error", err)
					}
					fmt.Fprintf(o.out, "listening on %s\n", at.API)
					if at.Admin != "" {
						fmt.Fprintf(o.out, "administration on %s\n", at.Admin)
					}
				},
			})
		},
	}
	flags := c.Flags()
	flags.StringVar(&s.listen, "listen", "", "address to listen on, in place of server.listen; port 0 takes any")
	flags.StringVar(&s.adminListen, "admin-listen", "", "address for metrics, probes and profiles, in place of server.admin_listen; off means none")
	flags.StringVar(&s.readyFile, "ready-file", "", "file to write the base URL to once requests are taken")
	flags.StringVar(&s.logLevel, "log-level", "info", "debug, info, warn or error")
	flags.DurationVar(&s.life, "for", 0, "stop by itself after this long; 0 means never")
	flags.BoolVar(&s.logJSON, "log-json", false, "log JSON lines")
	return c
}

// askedAgain is closed when the operator asks for the end a second time. The
// function that it returns ends the watch.
func askedAgain(ctx context.Context) (again <-chan struct{}, stop func()) {
	asked, done := make(chan struct{}), make(chan struct{})
	var watch sync.WaitGroup
	watch.Go(func() {
		select {
		case <-ctx.Done():
		case <-done:
			return
		}
		// Registered when the first signal was delivered, so it takes a second.
		second := make(chan os.Signal, 1)
		signal.Notify(second, os.Interrupt, syscall.SIGTERM)
		defer signal.Stop(second)
		select {
		case <-second:
			close(asked)
		case <-done:
		}
	})
	return asked, func() {
		close(done)
		watch.Wait()
	}
}

func newLog(o *options, s serveOptions) (*logging.Log, error) {
	var level slog.Level
	if err := level.UnmarshalText([]byte(s.logLevel)); err != nil {
		return nil, usageError{fmt.Errorf("--log-level %q: want debug, info, warn or error", s.logLevel)}
	}
	return logging.New(o.err, logging.Options{Level: level, JSON: s.logJSON}), nil
}

// announce makes the ready file appear whole.
func announce(path, url string) error {
	if path == "" {
		return nil
	}
	return durable.WriteFile(path, []byte(url+"\n"))
}
