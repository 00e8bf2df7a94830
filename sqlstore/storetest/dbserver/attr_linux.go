package dbserver

import "syscall"

// processAttr lets a server die with the test, and see only its own root.
func processAttr(root string) *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Chroot: root}
}
