package dbserver

import (
	"fmt"
	"os"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// mount makes the server's folder a file system in memory of that many bytes.
func (s *Server) mount(bytes int64) {
	s.t.Helper()
	if os.Getuid() != 0 {
		missing(s.t, s.Dialect, fmt.Errorf("a disk of its own needs root"))
	}
	require.NoError(s.t, unix.Mount("tmpfs", s.dir, "tmpfs", unix.MS_NOSUID|unix.MS_NODEV, fmt.Sprintf("size=%d,mode=0700", bytes)))
	s.disk = bytes
}

func (s *Server) unmount() error {
	if s.disk == 0 {
		return nil
	}
	return unix.Unmount(s.dir, unix.MNT_DETACH)
}

// FillDisk makes the server's disk as small as what is on it: nothing more can
// be written. FreeDisk gives it its size again.
func (s *Server) FillDisk() {
	s.t.Helper()
	// the server may write meanwhile: then the disk is larger than was seen
	require.Eventually(s.t, func() bool {
		var f unix.Statfs_t
		require.NoError(s.t, unix.Statfs(s.dir, &f))
		return s.resize(int64(f.Blocks-f.Bfree)*f.Bsize) == nil
	}, startTime, time.Millisecond)
}

// FreeDisk ends a FillDisk.
func (s *Server) FreeDisk() {
	s.t.Helper()
	require.NoError(s.t, s.resize(s.disk))
}

func (s *Server) resize(bytes int64) error {
	return unix.Mount("tmpfs", s.dir, "tmpfs", unix.MS_REMOUNT|unix.MS_NOSUID|unix.MS_NODEV, fmt.Sprintf("size=%d", bytes))
}
