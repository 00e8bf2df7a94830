package sqlite

import (
	"os"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"rowlock/sqlstore"
)

func (d *diagnosis) all() (f sqlstore.Findings) {
	d.judgeFile(&f)
	d.judgePlace(&f)
	return f
}

// bad returns the findings that are not good, by id; each says what to do.
func bad(t *testing.T, all sqlstore.Findings) map[string]sqlstore.FindingStatus {
	t.Helper()
	out := map[string]sqlstore.FindingStatus{}
	for _, f := range all {
		require.NotEmpty(t, f.Text, f.ID)
		if f.Status == sqlstore.FindingOK {
			require.Empty(t, f.Advice, f.ID)
			continue
		}
		require.NotEmpty(t, f.Why, f.ID)
		require.NotEmpty(t, f.Advice, f.ID)
		out[f.ID] = max(out[f.ID], f.Status)
	}
	return out
}

func TestDiagnosisIsJudged(t *testing.T) {
	healthy := diagnosis{path: "/var/lib/rowlock/rowlock.db", mode: 0o600, journal: "wal", space: 1 << 30, checked: true}
	require.Empty(t, bad(t, healthy.all()))
	for name, c := range map[string]struct {
		change func(*diagnosis)
		id     string
		status sqlstore.FindingStatus
	}{
		"file":    {func(d *diagnosis) { d.file = os.ErrPermission }, "database.file", sqlstore.FindingProblem},
		"folder":  {func(d *diagnosis) { d.folder = os.ErrPermission }, "database.file", sqlstore.FindingProblem},
		"mode":    {func(d *diagnosis) { d.mode = 0o640 }, "database.file", sqlstore.FindingWarning},
		"journal": {func(d *diagnosis) { d.journal = "delete" }, "database.durability", sqlstore.FindingWarning},
		"network": {func(d *diagnosis) { d.network = "NFS" }, "database.file_system", sqlstore.FindingProblem},
		"full":    {func(d *diagnosis) { d.space = 1 << 20 }, "database.disk_space", sqlstore.FindingWarning},
		"damaged": {func(d *diagnosis) { d.faults = []string{"row 1 missing from index"} }, "database.integrity", sqlstore.FindingProblem},
	} {
		d := healthy
		c.change(&d)
		require.Equal(t, map[string]sqlstore.FindingStatus{c.id: c.status}, bad(t, d.all()), name)
	}
}

// What is read of a real file, and of one that others may read.
func TestDiagnose(t *testing.T) {
	s := openTest(t, migrated(t))
	all, err := s.Diagnose(t.Context(), sqlstore.DiagnoseOptions{Deep: true})
	require.NoError(t, err)
	status := bad(t, all)
	delete(status, "database.disk_space") // as much as the machine has
	require.Empty(t, status)
	require.NoError(t, os.Chmod(s.path, 0o644))
	all, err = s.Diagnose(t.Context(), sqlstore.DiagnoseOptions{})
	require.NoError(t, err)
	require.Equal(t, sqlstore.FindingWarning, bad(t, all)["database.file"])
	require.NoError(t, os.Remove(s.path))
	_, err = s.Diagnose(t.Context(), sqlstore.DiagnoseOptions{})
	require.ErrorIs(t, err, os.ErrNotExist)
}

// The serving process is found by the file it leaves its number in, while it
// is alive.
func TestDiagnoseServing(t *testing.T) {
	s := openTest(t, migrated(t))
	var d diagnosis
	d.path = s.path
	require.NoError(t, d.readFile())
	require.Zero(t, d.serving)
	require.NoError(t, s.LockServing())
	require.NoError(t, d.readFile())
	require.Equal(t, os.Getpid(), d.serving)
	require.Zero(t, alive(""))
	require.Zero(t, alive(" (pid "+strconv.Itoa(1<<30)+")"), "no such process")
}

// A file that is damaged says so when it is read as a whole.
func TestDiagnoseDamage(t *testing.T) {
	path := migrated(t)
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	require.NoError(t, err)
	_, err = f.WriteAt(make([]byte, 8192), 4096*4)
	require.NoError(t, err)
	require.NoError(t, f.Close())
	all, err := openTest(t, path).Diagnose(t.Context(), sqlstore.DiagnoseOptions{Deep: true})
	require.NoError(t, err)
	require.Equal(t, sqlstore.FindingProblem, bad(t, all)["database.integrity"])
}
