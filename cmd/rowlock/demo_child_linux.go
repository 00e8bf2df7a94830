package main

import "syscall"

// childAttr ends the children when the demonstration itself is killed, and
// keeps a terminal's ctrl-c from them: they are ended in order.
func childAttr() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true}
}
