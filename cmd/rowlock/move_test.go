package main

import (
	"bufio"
	"bytes"
	"database/sql"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"rowlock/admin/deploy"
	"rowlock/admin/site"
	"rowlock/sqlstore"
	"rowlock/sqlstore/storetest"
	"rowlock/sqlstore/transfer"
)

// siteWithLeases makes an SQLite database with a configuration and n leases.
func siteWithLeases(t testing.TB, n int) (databaseURL string) {
	t.Helper()
	databaseURL = storetest.Migrated(t, "sqlite")
	cfg, err := site.Parse("isp-site.yaml", deploy.Site)
	require.NoError(t, err)
	_, err = storetest.Open(t, databaseURL).ApplyConfig(t.Context(), sqlstore.AnyRevision, cfg, "test", "")
	require.NoError(t, err)
	db, err := sql.Open("sqlite", strings.TrimPrefix(databaseURL, "sqlite:")+"?_pragma=busy_timeout(10000)")
	require.NoError(t, err)
	_, err = db.ExecContext(t.Context(), `WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?)
		INSERT INTO lease4 (binding_key, vrf, addr, subnet_id, pool_id, pool_gen, state, valid_lft, since, expires_at, rev, hwaddr, hwtype,
		  client_id, relay_addr, circuit_id, remote_id, hostname, frontend)
		SELECT unhex(printf('000000010102%08x', i)), 9, unhex(printf('0a%06x', i)), 1, 0, 1, 2, 3600, 1767225600123456 + i, 1767229200000001 + i,
		  1767225600000000 + i, unhex(printf('0a00%08x', i)), 1, unhex(printf('010a00%08x', i)), x'c0000201',
		  CAST(printf('eth0/1/%d:%d', i % 48, i) AS BLOB), CAST('switch-7.example.org' AS BLOB), printf('host-%d.example.org', i), 'fe1' FROM n`, n)
	require.NoError(t, err)
	require.NoError(t, db.Close())
	return databaseURL
}

// moveCommandLine runs the program itself.
func moveCommandLine(t testing.TB, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(t.Context(), "rowlock", append([]string{"move"}, args...)...)
	cmd.Env = append(os.Environ(), "HOME="+t.TempDir())
	return cmd
}

// A move whose process is killed at any moment is whole when it was run again.
func TestMoveKilled(t *testing.T) {
	for _, dialect := range storetest.Dialects {
		t.Run(dialect, func(t *testing.T) {
			t.Parallel()
			from, to := siteWithLeases(t, 30000), storetest.URL(t, dialect)
			for range 3 {
				cmd := moveCommandLine(t, from, to)
				out, err := cmd.StdoutPipe()
				require.NoError(t, err)
				require.NoError(t, cmd.Start())
				for lines := bufio.NewScanner(out); lines.Scan() && !strings.HasPrefix(lines.Text(), "copied parameter:"); {
					t.Log(lines.Text())
				}
				time.Sleep(rand.N(200 * time.Millisecond))
				require.NoError(t, cmd.Process.Kill())
				_ = cmd.Wait()
			}
			out, err := moveCommandLine(t, from, to).CombinedOutput()
			if err != nil && strings.Contains(string(out), "it was moved to") {
				err = nil // the last kill came too late
			}
			require.NoError(t, err, string(out))
			out, err = moveCommandLine(t, "--verify", from, to).CombinedOutput()
			require.NoError(t, err, string(out))
			require.Regexp(t, `(?m)^lease4 +30000 +[0-9a-f]{16} +same$`, string(out))
			require.NoError(t, storetest.Open(t, to).CheckSchema(t.Context()))
		})
	}
}

// Nobody serves from what a move has marked, and everybody from where it went.
func TestMoveThenServe(t *testing.T) {
	for _, dialect := range storetest.Dialects {
		t.Run(dialect, func(t *testing.T) {
			t.Parallel()
			from, to := siteWithLeases(t, 10), storetest.URL(t, dialect)
			old := startServe(t, from)
			old.waitReady()
			require.Equal(t, 5, old.lease("10.20.0.1", 5).Completed)
			out, err := moveCommandLine(t, from, to).CombinedOutput()
			require.Error(t, err)
			require.Regexp(t, `is served by another process|serves from`, string(out))
			require.Zero(t, old.end())

			out, err = moveCommandLine(t, from, to).CombinedOutput()
			require.NoError(t, err, string(out))
			again := startServe(t, from)
			select {
			case code := <-again.code:
				require.Equal(t, exitFailed, code)
				require.Contains(t, again.log.String(), "it was moved to")
			case <-time.After(20 * time.Second):
				t.Fatal("the server does not end")
			}
			next := startServe(t, to)
			next.waitReady()
			require.Equal(t, 5, next.lease("10.20.0.1", 5).Completed)
			out, err = moveCommandLine(t, to, storetest.URL(t, "sqlite")).CombinedOutput()
			require.Error(t, err)
			require.Regexp(t, `is served by another process|serves from`, string(out))
			require.Zero(t, next.end())
		})
	}
}

func TestMoveProgress(t *testing.T) {
	s := transfer.Progress{Phase: transfer.Copying, Table: "lease4", Rows: 30, Total: 200, Earlier: 10, Elapsed: 2 * time.Second}
	require.Equal(t, "copy lease4: 30 of 200 rows, 15%, 10 rows/s, 17s left", moveLine(s))
	s.Elapsed = time.Millisecond
	require.Equal(t, "copy lease4: 30 of 200 rows, 15%", moveLine(s))
	require.Equal(t, "compare link: 0 of 0 rows", moveLine(transfer.Progress{Phase: transfer.Comparing, Table: "link"}))

	var out, terminal bytes.Buffer
	show := &moveProgress{out: &out, err: &terminal, live: true}
	show.report(s)
	s.TableDone, s.TableRows, s.TableDuration = true, 30, 1500*time.Millisecond
	show.report(s)
	s.Phase = transfer.Comparing
	show.report(s)
	show.end()
	require.Equal(t, "copied lease4: 30 rows in 1.5 s\n", out.String())
	require.Equal(t, emptyLine+"copy lease4: 30 of 200 rows, 15%"+emptyLine, terminal.String())
}

// BenchmarkMove copies 200,000 leases from engine to engine.
func BenchmarkMove(b *testing.B) {
	const leases = 200_000
	at := siteWithLeases(b, leases)
	name := "sqlite"
	for _, next := range []string{"postgres", "mysql", "mariadb", "sqlite"} {
		if !slices.Contains(storetest.Dialects, next) {
			continue
		}
		to := storetest.Migrated(b, next)
		from := transfer.Side{Store: storetest.Open(b, at), Name: name}
		b.Run(fmt.Sprintf("%s to %s", name, next), func(b *testing.B) {
			for range b.N {
				var copying, comparing time.Duration
				_, err := transfer.Move(b.Context(), from, transfer.Side{Store: storetest.Open(b, to), Name: next}, transfer.Options{
					KeepSource: true,
					Progress: func(p transfer.Progress) {
						if p.Phase == transfer.Copying {
							copying = p.Elapsed
						} else {
							comparing = p.Elapsed
						}
					},
				})
				require.NoError(b, err)
				b.ReportMetric(leases/copying.Seconds(), "copied/s")
				b.ReportMetric(leases/comparing.Seconds(), "compared/s")
			}
		})
		name, at = next, to
	}
}
