package sqlite

import "golang.org/x/sys/unix"

// networkKinds are the file systems of other machines, by their magic numbers
// (statfs(2)).
var networkKinds = map[uint32]string{
	unix.NFS_SUPER_MAGIC:   "NFS",
	unix.SMB_SUPER_MAGIC:   "SMB",
	unix.CIFS_SUPER_MAGIC:  "CIFS",
	unix.SMB2_SUPER_MAGIC:  "SMB",
	unix.AFS_SUPER_MAGIC:   "AFS",
	unix.CODA_SUPER_MAGIC:  "Coda",
	unix.CEPH_SUPER_MAGIC:  "Ceph",
	unix.OCFS2_SUPER_MAGIC: "OCFS2",
}

// networkFS names the kind of a file system that other machines share, "" for
// a local one.
func networkFS(st *unix.Statfs_t) string { return networkKinds[uint32(st.Type)] }
