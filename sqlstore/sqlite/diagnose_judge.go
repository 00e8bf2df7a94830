package sqlite

import (
	"fmt"
	"path/filepath"
	"strings"

	"rowlock/sqlstore"
)

// lowSpace is when a file system is about to be full: what the write-ahead log
// may take, and some time to act.
const lowSpace = 256 << 20

// judgeFile looks at the file itself.
func (d *diagnosis) judgeFile(f *sqlstore.Findings) {
	const id = "database.file"
	before := len(*f)
	if d.file != nil {
		f.Add(id, sqlstore.FindingProblem, fmt.Sprintf("%s cannot be read and written by this user: %v", d.path, d.file),
			"no lease can be written: nothing is answered", "run as the user that the server runs as, or chown "+d.path)
	}
	if d.folder != nil {
		f.Add(id, sqlstore.FindingProblem, fmt.Sprintf("the folder of %s cannot be written to by this user: %v", d.path, d.folder),
			"SQLite makes its log beside the file and cannot work without", "run as the user that the server runs as, or chown "+filepath.Dir(d.path))
	}
	if d.mode&0o077 != 0 {
		f.Add(id, sqlstore.FindingWarning, fmt.Sprintf("%s has the permissions %04o", d.path, d.mode),
			"it holds who had which address, and the secret of the address order", "chmod 600 "+d.path)
	}
	if len(*f) == before {
		f.OK(id, "%s: %d MiB, of which %d MiB are empty; permissions %04o", d.path, d.size>>20, d.free>>20, d.mode)
	}
	if d.journal == "wal" {
		f.OK("database.durability", "a commit is on disk when it is answered (write-ahead log, synchronous = FULL)")
	} else {
		f.Add("database.durability", sqlstore.FindingWarning, "journal_mode is "+d.journal+" and cannot be changed to WAL",
			"readers and the writer wait for each other", "keep the file on a local file system that has shared memory")
	}
	if !d.checked {
		return
	}
	if len(d.faults) > 0 {
		f.Add("database.integrity", sqlstore.FindingProblem, "the file is damaged: "+strings.Join(d.faults, "; "),
			"leases may be missing or may be found twice", "stop the server, keep a copy, and put the newest backup back; sqlite3 has .recover")
	} else {
		f.OK("database.integrity", "quick_check found no fault in the file")
	}
}

// judgePlace looks at where the file lies, and who uses it.
func (d *diagnosis) judgePlace(f *sqlstore.Findings) {
	if d.network != "" {
		f.Add("database.file_system", sqlstore.FindingProblem, d.path+" is on a network file system ("+d.network+")",
			"its locks and its shared memory do not hold between machines: the file will be damaged", "move it to a local disk; several machines need PostgreSQL, MySQL or MariaDB")
	} else {
		f.OK("database.file_system", "the file is on a local file system")
	}
	if d.space < lowSpace {
		f.Add("database.disk_space", sqlstore.FindingWarning, fmt.Sprintf("%d MiB are free at %s", d.space>>20, d.path),
			"when the disk is full no lease can be written: nothing is answered", "make room there: df "+filepath.Dir(d.path))
	} else {
		f.OK("database.disk_space", "%d MiB are free at the file", d.space>>20)
	}
	if d.serving != 0 {
		f.OK("database.serving", "process %d serves the file", d.serving)
	} else {
		f.OK("database.serving", "no process serves the file at this moment")
	}
}
