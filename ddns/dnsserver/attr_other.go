//go:build !linux

package dnsserver

import "syscall"

func processAttr() *syscall.SysProcAttr { return nil }
