//go:build linux

package netlab

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// ownMounts gives the calling thread a mount namespace of its own, from which
// nothing gets out. Its /sys shows the thread's network namespace; that it is
// read-only tells programs that nobody but them cares for the interfaces.
func ownMounts() error {
	if err := unix.Unshare(unix.CLONE_NEWNS); err != nil {
		return fmt.Errorf("make mount namespace: %w", err)
	}
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("separate mounts: %w", err)
	}
	const flags = unix.MS_RDONLY | unix.MS_NOSUID | unix.MS_NODEV | unix.MS_NOEXEC
	if err := unix.Mount("sysfs", "/sys", "sysfs", flags, ""); err != nil {
		return fmt.Errorf("mount /sys: %w", err)
	}
	return nil
}

// Private puts an empty folder in the place of a folder of the machine, for
// programs with fixed paths: what is started in the node from now on reads and
// writes there. It returns where the folder is in the lab's.
func (n *Node) Private(path string) string {
	n.lab.t.Helper()
	dir := n.lab.Path(n.name + path)
	n.check("make "+dir, os.MkdirAll(dir, 0o755))
	n.check("put "+dir+" in place of "+path, n.Do(func() error {
		return unix.Mount(dir, path, "", unix.MS_BIND, "")
	}))
	return dir
}
