package dnsserver

import "syscall"

// processAttr lets a server die with the test.
func processAttr() *syscall.SysProcAttr { return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} }
