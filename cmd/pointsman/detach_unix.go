//go:build unix

package main

import (
	"os/exec"
	"syscall"
)

// detach lets a process outlive the terminal that it was started from.
func detach(c *exec.Cmd) { c.SysProcAttr = &syscall.SysProcAttr{Setsid: true} }
