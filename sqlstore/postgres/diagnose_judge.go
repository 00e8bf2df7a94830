package postgres

import (
	"fmt"
	"strconv"
	"strings"

	"rowlock/sqlstore"
)

// oldestVersion is the oldest server that is supported, as server_version_num.
const oldestVersion = 140000

func (d *diagnosis) number(setting string) int {
	n, _ := strconv.Atoi(d.set[setting]) // a setting that the server does not have is 0: off
	return n
}

// judgeServer tells whether this is a server that can be written to, and
// whether our own settings arrive there.
func (d *diagnosis) judgeServer(f *sqlstore.Findings) {
	if v := d.number("server_version_num"); v < oldestVersion {
		f.Add("database.version", sqlstore.FindingProblem, fmt.Sprintf("PostgreSQL %d is too old", v/10000),
			"statements use what came with PostgreSQL 14", "upgrade the server to PostgreSQL 14 or later")
	} else {
		f.OK("database.version", "PostgreSQL %d.%d is supported", v/10000, v%10000)
	}
	switch {
	case d.standby:
		f.Add("database.read_only", sqlstore.FindingProblem, "this server is a standby (pg_is_in_recovery)",
			"no lease can be written: nothing is answered", "name the primary in the database URL, or list all hosts without target_session_attrs=any")
	case d.set["default_transaction_read_only"] == "on":
		f.Add("database.read_only", sqlstore.FindingProblem, "default_transaction_read_only is on",
			"no lease can be written: nothing is answered",
			fmt.Sprintf("in psql: ALTER ROLE %[1]q SET default_transaction_read_only = off; ALTER DATABASE %[2]q RESET default_transaction_read_only;", d.user, d.database))
	default:
		f.OK("database.read_only", "the server takes writes")
	}
	if enc := d.set["server_encoding"]; enc != "UTF8" {
		f.Add("database.encoding", sqlstore.FindingProblem, "the database's encoding is "+enc,
			"names that clients send are UTF-8 and are refused", fmt.Sprintf("make a database with CREATE DATABASE %q ENCODING 'UTF8' TEMPLATE template0 and move to it", d.database))
	} else {
		f.OK("database.encoding", "text is UTF-8")
	}
	f.OK("database.time_zone", "the server's is of no concern: each connection sets UTC")
	d.judgePooler(f)
}

// judgePooler finds a pooler by what it cannot hide: the process number that it
// gave at login is not that of the server, and settings given there are lost.
func (d *diagnosis) judgePooler(f *sqlstore.Findings) {
	const id = "database.pooler"
	switch {
	case d.pooler:
		f.OK(id, "each transaction brings its settings along, for a pooler (pooler=true in the database URL)")
	case d.set["plan_cache_mode"] != laneSettings["plan_cache_mode"] || d.set["enable_hashjoin"] != laneSettings["enable_hashjoin"]:
		f.Add(id, sqlstore.FindingWarning, "settings that connections ask for do not take effect: a pooler drops them",
			"plans depend on statistics then, lock time-outs do not hold, and offers are not asynchronous",
			"add pooler=true to the database URL, or connect to PostgreSQL itself; each frontend keeps its connections open and needs no pooler")
	case d.asked != d.answered:
		f.Add(id, sqlstore.FindingNote, "a pooler seems to be in between (the process that answers is not the one that was logged in to)",
			"in transaction mode prepared statements and notifications get lost",
			"add pooler=true to the database URL, use the pooler's session mode, or connect to PostgreSQL itself")
	default:
		f.OK(id, "connections lead to the server without a pooler")
	}
}

// judgeDurability looks at what becomes of a commit in a crash.
func (d *diagnosis) judgeDurability(f *sqlstore.Findings) {
	const id = "database.durability"
	sync, standbys := d.set["synchronous_commit"], d.set["synchronous_standby_names"]
	const why = "after a crash the database may not know leases that clients were told of, and give their addresses to others"
	before := len(*f)
	if d.set["fsync"] == "off" {
		f.Add(id, sqlstore.FindingProblem, "fsync is off", why+"; the whole database may be lost", "in psql: ALTER SYSTEM SET fsync = on; SELECT pg_reload_conf();")
	}
	if d.set["full_page_writes"] == "off" {
		f.Add(id, sqlstore.FindingProblem, "full_page_writes is off", "a crash in the middle of a write leaves pages that are half old and half new",
			"in psql: ALTER SYSTEM SET full_page_writes = on; SELECT pg_reload_conf();")
	}
	if sync == "off" {
		f.Add(id, sqlstore.FindingProblem, "synchronous_commit is off", why,
			fmt.Sprintf("in psql: ALTER SYSTEM SET synchronous_commit = on; SELECT pg_reload_conf(); and see that neither the role nor the database sets it: ALTER ROLE %q RESET synchronous_commit;", d.user))
	}
	if standbys != "" && sync == "local" {
		f.Add(id, sqlstore.FindingWarning, "synchronous_standby_names is set, but synchronous_commit is local",
			"a commit does not wait for the standby: a fail-over may lose leases that clients were told of",
			fmt.Sprintf("in psql: ALTER ROLE %q SET synchronous_commit = on;", d.user))
	}
	if len(*f) == before {
		what := "a commit is on disk"
		if standbys != "" {
			what += " and with the standbys " + standbys
		}
		f.OK(id, "%s when it is answered (synchronous_commit %s, fsync on, full_page_writes on)", what, sync)
	}
}

// judgeLimits compares what the server allows with what the frontends take.
func (d *diagnosis) judgeLimits(f *sqlstore.Findings, frontends int) {
	limit := d.number("max_connections") - d.number("superuser_reserved_connections") - d.number("reserved_connections")
	name := "max_connections"
	for _, other := range []struct {
		n    int
		name string
	}{{d.userLimit, "the role's CONNECTION LIMIT"}, {d.dbLimit, "the database's CONNECTION LIMIT"}} {
		if other.n >= 0 && other.n < limit {
			limit, name = other.n, other.name
		}
	}
	needed := d.needed * max(frontends, 1)
	text := fmt.Sprintf("%d connections are possible (%s), %d are open; %d frontend(s) use up to %d", limit, name, d.connections, max(frontends, 1), needed)
	if needed > limit {
		f.Add("database.connections", sqlstore.FindingWarning, text, "under load connections are refused, and packets with them",
			fmt.Sprintf("raise it (ALTER SYSTEM SET max_connections = %d; and restart the server), or lower database_connections in the process files", needed+20))
	} else {
		f.OK("database.connections", "%s", text)
	}
	var short []string
	for _, name := range []string{"statement_timeout", "transaction_timeout", "idle_session_timeout"} {
		if ms := d.number(name); ms > 0 && ms < 10000 {
			short = append(short, fmt.Sprintf("%s is %d ms", name, ms))
		}
	}
	if len(short) == 0 {
		f.OK("database.timeouts", "no server-side time-out is shorter than what we wait for")
		return
	}
	f.Add("database.timeouts", sqlstore.FindingWarning, strings.Join(short, ", "),
		"reading the configuration, sweeping and reports are cut off; connections are made anew all the time",
		fmt.Sprintf("in psql: ALTER ROLE %q SET statement_timeout = 0; and likewise for the others named here", d.user))
}

// judgeHousekeeping looks at what keeps VACUUM away, and at the history.
func (d *diagnosis) judgeHousekeeping(f *sqlstore.Findings) {
	if d.set["autovacuum"] == "off" {
		f.Add("database.autovacuum", sqlstore.FindingWarning, "autovacuum is off",
			"each renewal leaves a dead row version: tables and indexes grow until the disk is full", "in psql: ALTER SYSTEM SET autovacuum = on; SELECT pg_reload_conf();")
	} else {
		f.OK("database.autovacuum", "autovacuum is on")
	}
	if len(d.snapshots) == 0 {
		f.OK("database.snapshots", "no transaction that may be seen is older than five minutes")
	}
	for _, s := range d.snapshots {
		who, advice := fmt.Sprintf("pid %d (%s)", s.pid, s.who), fmt.Sprintf("end it if nobody needs it: SELECT pg_terminate_backend(%d);", s.pid)
		if s.pid == 0 {
			who, advice = "prepared transaction "+s.who, fmt.Sprintf("ROLLBACK PREPARED '%s';", strings.ReplaceAll(s.who, "'", "''"))
		}
		f.Add("database.snapshots", sqlstore.FindingWarning, fmt.Sprintf("%s has a transaction open for %s", who, s.age),
			"VACUUM keeps what ended since then: lease tables grow and get slow", advice)
	}
	if d.noSchema {
		return
	}
	if d.partitions < 2 {
		f.Add("schema.partitions", sqlstore.FindingWarning, fmt.Sprintf("lease_history has %d of the partitions of this month and the next three", d.partitions),
			"history goes into the default partition, from where it cannot be dropped by month", "in psql: SELECT rowlock_make_partitions(); and look for sweep errors in the log")
	} else {
		f.OK("schema.partitions", "lease_history has %d of the partitions of this month and the next three", d.partitions)
	}
	if d.strayBytes > 0 {
		f.Add("schema.history_default", sqlstore.FindingWarning, fmt.Sprintf("lease_history_default holds rows (%d bytes)", d.strayBytes),
			"a month that has rows there gets no partition of its own", "in psql: SELECT date_trunc('month', ended_at), count(*) FROM lease_history_default GROUP BY 1; and move these rows")
	} else {
		f.OK("schema.history_default", "the default partition of lease_history is empty")
	}
}
