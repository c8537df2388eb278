package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/pointsman-ai/pointsman"
	"github.com/pointsman-ai/pointsman/internal/datadir"
	"github.com/pointsman-ai/pointsman/internal/excerpt"
	"github.com/pointsman-ai/pointsman/internal/journal"
)

// gatewayProcess is the demo's gateway: pointsman serve in a process of its own,
// as a user would run it.
type gatewayProcess struct {
	url     string
	pid     int
	process *os.Process
}

// startGateway starts the gateway and waits until it takes requests. It writes
// to a log file, not to the demo's own streams, because it outlives the demo.
func startGateway(ctx context.Context, d demoOptions) (*gatewayProcess, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	logName, ready := filepath.Join(d.dir, "serve.log"), filepath.Join(d.dir, "url")
	log, err := os.Create(logName)
	if err != nil {
		return nil, err
	}
	defer log.Close()
	command := exec.Command(self, "serve", "--config", filepath.Join(d.dir, "pointsman.yaml"), "--listen", "127.0.0.1:0", "--ready-file", ready, "--for", d.keep.String())
	if d.keep == 0 {
		command.Args = command.Args[:len(command.Args)-2]
	}
	command.Stdout, command.Stderr = log, log
	detach(command)
	if err := command.Start(); err != nil {
		return nil, fmt.Errorf("start the gateway: %w", err)
	}
	g := &gatewayProcess{pid: command.Process.Pid, process: command.Process}
	ended := make(chan error, 1)
	go func() { ended <- command.Wait() }()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	deadline := time.NewTimer(20 * time.Second)
	defer deadline.Stop()
	for {
		select {
		case <-tick.C:
			if url, err := os.ReadFile(ready); err == nil {
				g.url = strings.TrimSpace(string(url))
				return g, nil
			}
			continue
		case err = <-ended:
			err = fmt.Errorf("it ended: %w", err)
		case <-deadline.C:
			err = errors.New("it was not ready in 20 s")
		case <-ctx.Done():
			err = ctx.Err()
		}
		text, readErr := os.ReadFile(logName)
		return nil, &pointsman.Error{
			Code: pointsman.CodeUnavailable, Message: "the gateway did not start", Hint: "its log says: " + excerpt.Line(string(text), 2000),
			Err: errors.Join(err, readErr, g.stop()),
		}
	}
}

// stopEarlier stops the gateway that an earlier demo left running in the same
// directory, which this one replaces: a gateway makes its deleted files anew, and
// two cannot write one journal. Only the process that holds the journal of a
// directory with the demo's mark is stopped.
func stopEarlier(ctx context.Context, dir string) error {
	if _, err := os.Stat(filepath.Join(dir, marker)); err != nil {
		return nil // no demo was there
	}
	const patience = 15 * time.Second
	where := datadir.Dir(filepath.Join(dir, "data")).Journal()
	pid, writing := journal.Writer(where)
	if !writing {
		return nil
	}
	busy := &pointsman.Error{
		Code: pointsman.CodeUnavailable, Message: "an earlier demo still runs in " + dir,
		Hint: fmt.Sprintf("stop it (kill %d), or name another directory with --dir", pid),
	}
	if pid == 0 || pid == os.Getpid() {
		return busy
	}
	earlier, err := os.FindProcess(pid)
	if err != nil {
		return busy
	}
	if err := earlier.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
		busy.Err = err
		return busy
	}
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	deadline := time.NewTimer(patience)
	defer deadline.Stop()
	for writing {
		select {
		case <-tick.C:
			_, writing = journal.Writer(where)
		case <-deadline.C:
			return busy
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// stop asks the gateway to end.
func (g *gatewayProcess) stop() error {
	err := g.process.Signal(syscall.SIGTERM)
	if errors.Is(err, os.ErrProcessDone) {
		return nil
	}
	return err
}
