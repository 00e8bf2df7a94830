//go:build !linux

package dbserver

import (
	"errors"
	"testing"
)

// Disk is a file system in memory, on Linux only.
type Disk struct{}

// NewDisk skips the test.
func NewDisk(t testing.TB, _ string, _ int64) *Disk {
	missing(t, "disk", errors.New("a disk of its own needs Linux"))
	return nil
}

// Unmount does nothing.
func (d *Disk) Unmount() error { return nil }

// Fill does nothing.
func (d *Disk) Fill() {}

// Free does nothing.
func (d *Disk) Free() {}
