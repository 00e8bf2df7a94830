package sqlite

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
	driver "modernc.org/sqlite"
	codes "modernc.org/sqlite/lib"

	"rowlock/sqlstore"
)

var _ sqlstore.Diagnoser = (*Store)(nil)

// checkTime bounds the reading of the whole file.
const checkTime = 5 * time.Minute

// diagnosis is what was read of the file, before it is judged.
type diagnosis struct {
	path       string
	mode       fs.FileMode
	folder     error // why the folder cannot be written to
	file       error // likewise the file
	journal    string
	size, free int64  // bytes of the file, and of its empty pages
	space      uint64 // free bytes of the file system
	network    string // its kind where it is one of another machine
	serving    int    // process that serves the file, 0 if none
	faults     []string
	checked    bool
}

// Diagnose looks at the file and where it lies.
func (s *Store) Diagnose(ctx context.Context, opt sqlstore.DiagnoseOptions) (sqlstore.Findings, error) {
	d := &diagnosis{path: s.path}
	if err := d.readFile(); err != nil {
		return nil, fmt.Errorf("look at %s: %w", s.path, err)
	}
	err := s.r.one(ctx, "diagnose_journal", func(v []any) error {
		d.journal = text(v[0])
		return nil
	})
	if err == nil {
		err = s.r.one(ctx, "diagnose_size", func(v []any) error {
			d.size, d.free = integer(v[0]), integer(v[1])
			return nil
		})
	}
	if err == nil && opt.Deep {
		err = s.readWhole(ctx, d)
	}
	if err != nil {
		return nil, fmt.Errorf("look at %s: %w", s.path, err)
	}
	var f sqlstore.Findings
	f.OK("database.version", "%s is built in", s.Version())
	d.judgeFile(&f)
	d.judgePlace(&f)
	return f, nil
}

// readFile asks the system about the file; nothing is opened, because closing
// would drop the locks of this process.
func (d *diagnosis) readFile() error {
	info, err := os.Stat(d.path)
	if err != nil {
		return err
	}
	d.mode = info.Mode().Perm()
	d.file = unix.Access(d.path, unix.R_OK|unix.W_OK)
	d.folder = unix.Access(filepath.Dir(d.path), unix.R_OK|unix.W_OK|unix.X_OK)
	var st unix.Statfs_t
	if err := unix.Statfs(filepath.Dir(d.path), &st); err != nil {
		return fmt.Errorf("ask for free space: %w", err)
	}
	d.space, d.network = uint64(st.Bavail)*uint64(st.Bsize), networkFS(&st)
	d.serving = alive(holder(d.path + ".serving"))
	return nil
}

// alive returns the process that holder names, unless it has ended. The lock
// itself is not tried: a server that starts just now would find it taken.
func alive(holder string) int {
	_, digits, _ := strings.Cut(strings.TrimSuffix(holder, ")"), "pid ")
	pid, err := strconv.Atoi(digits)
	if err != nil || pid <= 0 || errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) {
		return 0
	}
	return pid
}

func (s *Store) readWhole(ctx context.Context, d *diagnosis) error {
	ctx, cancel := context.WithTimeout(ctx, checkTime)
	defer cancel()
	d.checked = true
	err := s.r.each(ctx, nil, 0, "diagnose_check", func(v []any) error {
		if line := text(v[0]); line != "ok" {
			d.faults = append(d.faults, line)
		}
		return nil
	})
	if e, ok := errors.AsType[*driver.Error](err); ok && e.Code()&0xff == codes.SQLITE_CORRUPT {
		d.faults = append(d.faults, e.Error()) // too damaged to be checked
		return nil
	}
	return err
}

// Clock returns the time of SQLite, which is this machine's.
func (s *Store) Clock(ctx context.Context) (at time.Time, err error) {
	err = s.r.one(ctx, "clock", func(v []any) error {
		at = time.UnixMicro(integer(v[0])).UTC()
		return nil
	})
	return at, err
}

// Missing returns nothing: who may write the file may do everything.
func (s *Store) Missing(context.Context, []sqlstore.Privilege) ([]sqlstore.Privilege, error) {
	return nil, nil
}

// RecentRelays looks at some thousand lease rows.
func (s *Store) RecentRelays(ctx context.Context, limit int) (relays []netip.Addr, err error) {
	err = s.r.each(ctx, nil, 0, "diagnose_relays", func(v []any) error {
		if a, ok := netip.AddrFromSlice(blob(v[0])); ok {
			relays = append(relays, a)
		}
		return nil
	}, limit)
	return relays, err
}
