//go:build !linux

package sqlite

import (
	"strings"

	"golang.org/x/sys/unix"
)

// networkFS names the kind of a file system that other machines share, "" for
// a local one.
func networkFS(st *unix.Statfs_t) string {
	name := unix.ByteSliceToString(st.Fstypename[:])
	for _, kind := range []string{"nfs", "smbfs", "afpfs", "webdav"} {
		if strings.EqualFold(name, kind) {
			return name
		}
	}
	return ""
}
