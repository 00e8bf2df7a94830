package main

import "syscall"

// childAttr ends the children when the demonstration itself is killed.
func childAttr() *syscall.SysProcAttr { return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} }
