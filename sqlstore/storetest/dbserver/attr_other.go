//go:build !linux

package dbserver

import "syscall"

// processAttr lets a server see only its own root.
func processAttr(root string) *syscall.SysProcAttr { return &syscall.SysProcAttr{Chroot: root} }
