package main

import (
	"os/exec"
	"syscall"
)

// detach lets a process outlive the console that it was started from.
func detach(c *exec.Cmd) {
	c.SysProcAttr = &syscall.SysProcAttr{CreationFlags: syscall.CREATE_NEW_PROCESS_GROUP}
}
