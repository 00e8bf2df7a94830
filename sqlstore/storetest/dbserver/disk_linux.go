package dbserver

import (
	"errors"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// Disk is a file system in memory.
type Disk struct {
	t    testing.TB
	dir  string
	size int64
}

// NewDisk puts one of that many bytes in the place of an empty folder. Without
// the right to do so the test is skipped, or fails.
func NewDisk(t testing.TB, dir string, size int64) *Disk {
	t.Helper()
	if os.Getuid() != 0 {
		missing(t, "disk", errors.New("a disk of its own needs root"))
	}
	require.NoError(t, unix.Mount("tmpfs", dir, "tmpfs", unix.MS_NOSUID|unix.MS_NODEV, fmt.Sprintf("size=%d,mode=0700", size)))
	return &Disk{t, dir, size}
}

// Unmount gives the folder back, empty as it was.
func (d *Disk) Unmount() error {
	if d == nil {
		return nil
	}
	return unix.Unmount(d.dir, unix.MNT_DETACH)
}

// Fill makes the disk as small as what is on it: nothing more can be written.
func (d *Disk) Fill() {
	d.t.Helper()
	// somebody may write meanwhile: then more is on it than was seen
	require.Eventually(d.t, func() bool {
		var f unix.Statfs_t
		require.NoError(d.t, unix.Statfs(d.dir, &f))
		return d.resize(int64(f.Blocks-f.Bfree)*f.Bsize) == nil
	}, startTime, time.Millisecond)
}

// Free gives the disk its size again.
func (d *Disk) Free() {
	d.t.Helper()
	require.NoError(d.t, d.resize(d.size))
}

func (d *Disk) resize(size int64) error {
	return unix.Mount("tmpfs", d.dir, "tmpfs", unix.MS_REMOUNT|unix.MS_NOSUID|unix.MS_NODEV, fmt.Sprintf("size=%d", size))
}
