package main

import (
	"context"
	"database/sql"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/stretchr/testify/require"

	"rowlock/sqlstore"
	"rowlock/sqlstore/dialects"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"rowlock": func() { os.Exit(run()) }})
}

// Each file of testdata/script runs the command as its user would, on an
// SQLite file of its own. None of them sees the environment of this process.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script",
		Setup: func(e *testscript.Env) error {
			e.Setenv("HOME", e.WorkDir)
			e.Setenv("ROWLOCK_STATE_DIR", e.WorkDir+"/state")
			e.Setenv("ROWLOCK_CONFIG", e.WorkDir+"/rowlock.yaml")
			if err := os.WriteFile(e.WorkDir+"/manual.sh", []byte(manualBlock(t, "## Changes and revisions")), 0o600); err != nil {
				return err
			}
			return os.WriteFile(e.WorkDir+"/rowlock.yaml", []byte("frontend_id: fe1\n"), 0o600)
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){"makelease": makeLease, "sql": runSQL, "unhex": makeBytes},
	})
}

// makeBytes writes the bytes that a file has in hex: unhex HEXFILE FILE.
func makeBytes(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) != 2 {
		ts.Fatalf("usage: unhex HEXFILE FILE")
	}
	b, err := unhex(ts.ReadFile(args[0]))
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs(args[1]), b, 0o600))
}

// manualBlock returns the first block of commands below a heading of the manual.
func manualBlock(t *testing.T, heading string) string {
	t.Helper()
	manual, err := os.ReadFile("README.md")
	require.NoError(t, err)
	_, after, found := strings.Cut(string(manual), heading+"\n")
	require.True(t, found)
	_, after, found = strings.Cut(after, "\n```sh\n")
	require.True(t, found)
	block, _, _ := strings.Cut(after, "```")
	return block
}

// runSQL changes a database as a person with a shell would: sql FILE STATEMENT.
func runSQL(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) != 2 {
		ts.Fatalf("usage: sql FILE STATEMENT")
	}
	db, err := sql.Open("sqlite", ts.MkAbs(args[0]))
	ts.Check(err)
	defer func() { ts.Check(db.Close()) }()
	_, err = db.ExecContext(context.Background(), args[1])
	ts.Check(err)
}

// makeLease writes an active lease as a frontend would: makelease ADDRESS
// PREFIX-LENGTH SUBNET CLIENT HOSTNAME.
func makeLease(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) != 5 {
		ts.Fatalf("usage: makelease ADDRESS PREFIX-LENGTH SUBNET CLIENT HOSTNAME")
	}
	addr := netip.MustParseAddr(args[0])
	length, err := strconv.ParseUint(args[1], 10, 8)
	ts.Check(err)
	subnet, err := strconv.ParseUint(args[2], 10, 32)
	ts.Check(err)
	client := sqlstore.Client{HWAddr: []byte(args[3]), HWType: 1, Hostname: args[4]}
	family, key := sqlstore.IPv4, sqlstore.ClientKey(1, sqlstore.KeyHWAddr, append([]byte{1}, client.HWAddr...))
	if addr.Is6() {
		client.ClientID, client.IAID = []byte(args[3]), 7
		family, key = sqlstore.IPv6, sqlstore.IAKey(1, sqlstore.KeyDUID, client.ClientID, 7, sqlstore.PD, 0)
	}
	ctx := context.Background()
	store, err := dialects.Open(ctx, "sqlite:"+ts.MkAbs("state/rowlock.db"), dialects.Options{})
	ts.Check(err)
	defer store.Close()
	inserted, err := store.Apply(ctx, &sqlstore.Batch{Inserts: []sqlstore.Insert{{
		Family: family, Key: key, Addr: addr, PrefixLen: uint8(length), SubnetID: uint32(subnet), PoolID: 1, PoolGen: 1,
		ValidLft: 3600, OfferLft: 60, Client: client,
	}}})
	ts.Check(err)
	if s := inserted.Inserts[0].Status; s != sqlstore.Inserted {
		ts.Fatalf("insert: status %d", s)
	}
	updated, err := store.Apply(ctx, &sqlstore.Batch{Updates: []sqlstore.Update{{
		Family: family, Action: sqlstore.Activate, Key: key, Addr: addr, Count: 1, ValidLft: 3600, Client: client,
	}}})
	ts.Check(err)
	if s := updated.Updates[0].Status; s != sqlstore.Updated {
		ts.Fatalf("activate: status %d", s)
	}
}
