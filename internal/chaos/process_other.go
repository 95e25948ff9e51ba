//go:build !linux

package main

import "syscall"

// apart gives a process a group of its own, so that Ctrl-C is for us. Should
// this program be killed, its processes go on: end them by hand.
func apart() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }
