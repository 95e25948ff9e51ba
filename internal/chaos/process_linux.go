package main

import "syscall"

// apart gives a process a group of its own, so that Ctrl-C is for us, and has
// the kernel kill it when we end, by whatever: what was killed here leaves
// nothing running.
func apart() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}
