package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/pointsman-ai/pointsman/internal/durable"
	"github.com/pointsman-ai/pointsman/internal/logging"
	"github.com/pointsman-ai/pointsman/internal/server"
)

type serveOptions struct {
	listen    string
	readyFile string
	logLevel  string
	logJSON   bool
	life      time.Duration
}

func newServe(o *options) *cobra.Command {
	var s serveOptions
	c := &cobra.Command{
		Use: "serve", Short: "Run the gateway", Args: cobra.NoArgs,
		Long: `Run the gateway until SIGTERM or an interrupt, then let running requests finish.

The configuration is read again when the file or something it names changes, and
on SIGHUP: the new one is built and validated first and then swapped in; one that
is wrong changes nothing and says so in the log.`,
		Example: "  pointsman serve --config pointsman.yaml\n  pointsman serve --listen 127.0.0.1:0 --ready-file /run/pointsman.url",
		RunE: func(c *cobra.Command, _ []string) error {
			log, err := newLog(o, s)
			if err != nil {
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
			return server.Run(ctx, server.Options{
				Path: o.config, Listen: s.listen, Log: log, Reload: reload,
				Ready: func(url string) {
					if err := announce(s.readyFile, url); err != nil {
						log.Error("the ready file could not be written", "file", s.readyFile, "error", err)
					}
					fmt.Fprintf(o.out, "listening on %s\n", url)
				},
			})
		},
	}
	flags := c.Flags()
	flags.StringVar(&s.listen, "listen", "", "address to listen on, in place of server.listen; port 0 takes any")
	flags.StringVar(&s.readyFile, "ready-file", "", "file to write the base URL to once requests are taken")
	flags.StringVar(&s.logLevel, "log-level", "info", "debug, info, warn or error")
	flags.DurationVar(&s.life, "for", 0, "stop by itself after this long; 0 means never")
	flags.BoolVar(&s.logJSON, "log-json", false, "log JSON lines")
	return c
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
