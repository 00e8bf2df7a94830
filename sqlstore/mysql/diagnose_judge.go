package mysql

import (
	"fmt"
	"io/fs"
	"regexp"
	"strconv"
	"strings"

	"rowlock/migrations"
	"rowlock/sqlstore"
)

// minPacket is what a batch of 256 messages with long options needs at most,
// with room.
const minPacket = 16 << 20

func (d *diagnosis) number(variable string) int64 {
	n, _ := strconv.ParseInt(d.set[variable], 10, 64) // a setting that the server does not have is 0: off
	return n
}

// on tells whether a switch is on; servers show it as ON, 1 or a mode.
func (d *diagnosis) on(variable string) bool {
	switch strings.ToUpper(d.set[variable]) {
	case "", "OFF", "0", "FALSE", "NO":
		return false
	}
	return true
}

// persist is how a setting is kept on this flavour.
func (d *diagnosis) persist(setting string) string {
	if d.mariadb {
		return "SET GLOBAL " + setting + "; and the same under [mariadbd] in the server's option file"
	}
	return "SET PERSIST " + setting + ";"
}

var versionNumber = regexp.MustCompile(`^(\d+)\.(\d+)\.(\d+)`)

// supported tells whether the version is MySQL 8.0.19 or MariaDB 10.6, or later.
func (d *diagnosis) supported() bool {
	m := versionNumber.FindStringSubmatch(d.version)
	if m == nil {
		return false
	}
	n := 0
	for _, part := range m[1:] {
		i, _ := strconv.Atoi(part)
		n = n*1000 + min(i, 999)
	}
	if d.mariadb {
		return n >= 10_006_000
	}
	return n >= 8_000_019
}

func (d *diagnosis) judgeServer(f *sqlstore.Findings) {
	product := "MySQL"
	if d.mariadb {
		product = "MariaDB"
	}
	if d.supported() {
		f.OK("database.version", "%s %s is supported", product, d.version)
	} else {
		f.Add("database.version", sqlstore.FindingProblem, product+" "+d.version+" is too old",
			"it lacks SKIP LOCKED or JSON_TABLE as they are used here", "upgrade to MySQL 8.0.19, MariaDB 10.6, or later")
	}
	f.OK("database.time_zone", "the server's is %s (%s), which is of no concern: each connection sets %s", d.set["time_zone"], d.set["system_time_zone"], d.zone)
	if strings.Contains(d.mode, "STRICT_ALL_TABLES") {
		f.OK("database.sql_mode", "each connection sets its own, strict one")
	} else {
		f.Add("database.sql_mode", sqlstore.FindingProblem, "a connection's sql_mode is not strict although it was set: "+d.mode,
			"values that do not fit are cut off silently", "connect to the server itself: a proxy in between drops session settings")
	}
	var shut []string
	for _, v := range []string{"read_only", "super_read_only", "innodb_read_only", "transaction_read_only", "tx_read_only"} {
		if d.on(v) {
			shut = append(shut, v)
		}
	}
	if len(shut) > 0 {
		f.Add("database.read_only", sqlstore.FindingProblem, strings.Join(shut, " and ")+": on",
			"no lease can be written: nothing is answered", "name the primary in the database URL; if this is it: SET GLOBAL "+shut[len(shut)-1]+" = OFF;")
	} else {
		f.OK("database.read_only", "the server takes writes")
	}
	if d.on("wsrep_on") {
		f.Add("database.galera", sqlstore.FindingNote, "this is a node of a Galera cluster (wsrep_on)",
			"transactions that change a row on two nodes at once are taken back at their commit, and are done again",
			"let every frontend use the same node, with the others for fail-over only")
	}
	if engine := d.set["default_storage_engine"]; !strings.EqualFold(engine, "InnoDB") {
		f.Add("database.engine", sqlstore.FindingNote, "default_storage_engine is "+engine,
			"our tables name InnoDB themselves; yours in the same database may be without transactions", d.persist("default_storage_engine = InnoDB"))
	}
	if set := d.set["character_set_server"]; set != "utf8mb4" {
		f.Add("database.encoding", sqlstore.FindingNote, "character_set_server is "+set, "our tables and connections say utf8mb4 themselves; yours may not",
			d.persist("character_set_server = utf8mb4"))
	} else {
		f.OK("database.encoding", "text is utf8mb4")
	}
}

// judgeDurability looks at what becomes of a commit in a crash.
func (d *diagnosis) judgeDurability(f *sqlstore.Findings) {
	const id = "database.durability"
	const why = "after a crash the database may not know leases that clients were told of, and give their addresses to others"
	before := len(*f)
	if v := d.set["innodb_flush_log_at_trx_commit"]; v != "1" {
		f.Add(id, sqlstore.FindingProblem, "innodb_flush_log_at_trx_commit is "+v, why, d.persist("innodb_flush_log_at_trx_commit = 1"))
	}
	if v := d.set["sync_binlog"]; d.on("log_bin") && v != "1" {
		f.Add(id, sqlstore.FindingWarning, "there is a binary log, and sync_binlog is "+v,
			"after a crash of the machine replicas, and on MySQL the server itself, may lack leases that clients were told of", d.persist("sync_binlog = 1"))
	}
	if v := strings.ToUpper(d.set["innodb_doublewrite"]); !d.on("innodb_doublewrite") || v == "DETECT_ONLY" {
		f.Add(id, sqlstore.FindingWarning, "innodb_doublewrite is "+v, "a crash in the middle of a write may leave pages that nothing mends",
			"set innodb_doublewrite = ON in the option file and restart the server, unless the file system writes pages whole (ZFS)")
	}
	if len(*f) == before {
		f.OK(id, "a commit is on disk when it is answered (innodb_flush_log_at_trx_commit 1, doublewrite on, %s)",
			map[bool]string{true: "sync_binlog 1", false: "no binary log"}[d.on("log_bin")])
	}
}

// judgeBinaryLog looks at what the binary log forbids.
func (d *diagnosis) judgeBinaryLog(f *sqlstore.Findings) {
	switch format := strings.ToUpper(d.set["binlog_format"]); {
	case !d.on("log_bin"):
		f.OK("database.binlog_format", "there is no binary log")
	case format == "STATEMENT":
		f.Add("database.binlog_format", sqlstore.FindingProblem, "binlog_format is STATEMENT",
			"the server refuses to write in transactions at READ COMMITTED: nothing is answered", d.persist("binlog_format = 'ROW'")+" then restart the frontends")
	default:
		f.OK("database.binlog_format", "the binary log is of format %s", format)
	}
}

// judgeTriggers looks at what keeps a migration from making triggers. Those that
// are there need nothing.
func (d *diagnosis) judgeTriggers(f *sqlstore.Findings) {
	status := sqlstore.FindingProblem
	if d.schema {
		status = sqlstore.FindingNote
	}
	if d.on("log_bin") && !d.on("log_bin_trust_function_creators") && !d.super {
		f.Add("database.function_creators", status, "there is a binary log, and log_bin_trust_function_creators is off",
			"a user without SUPER may not make triggers: a `rowlock migrate up` that has one fails",
			d.persist(trustCreators)+" before you migrate, or migrate as an administrator")
	} else {
		f.OK("database.function_creators", "a migration may make triggers and functions")
	}
	if !d.schema && !d.trigger {
		f.Add("database.trigger_privilege", sqlstore.FindingProblem, "the database user "+d.user+" lacks the privilege TRIGGER",
			"the schema has triggers, which check rows that are written by hand: `rowlock migrate up` fails",
			fmt.Sprintf("as an administrator: GRANT TRIGGER ON %s.* TO %s; or migrate as the owner of the tables", quoteName(d.database), d.user))
	}
}

// trustCreators is the setting without which only administrators make triggers
// where there is a binary log.
const trustCreators = "log_bin_trust_function_creators = 1"

// quoteUser quotes user@host.
func quoteUser(account string) string {
	at := strings.LastIndexByte(account, '@')
	if at < 0 {
		return account
	}
	return "'" + strings.ReplaceAll(account[:at], "'", "''") + "'@'" + account[at+1:] + "'"
}

// judgeLimits compares what the server allows with what the frontends take.
func (d *diagnosis) judgeLimits(f *sqlstore.Findings, frontends int) {
	limit, needed := d.number("max_connections"), int64(d.needed*max(frontends, 1))
	text := fmt.Sprintf("max_connections is %d, %d are open; %d frontend(s) use up to %d", limit, d.connections, max(frontends, 1), needed)
	if needed > limit {
		f.Add("database.connections", sqlstore.FindingWarning, text, "under load connections are refused, and packets with them",
			d.persist(fmt.Sprintf("max_connections = %d", needed+20))+" or lower database_connections in the process files")
	} else {
		f.OK("database.connections", "%s", text)
	}
	if n := d.number("max_allowed_packet"); n < minPacket {
		f.Add("database.packet", sqlstore.FindingWarning, fmt.Sprintf("max_allowed_packet is %d bytes", n),
			"a batch is one statement; one that is longer is refused, and its packets are dropped", d.persist(fmt.Sprintf("max_allowed_packet = %d", minPacket)))
	} else {
		f.OK("database.packet", "a statement may be %d MiB long", n>>20)
	}
	if n := d.number("wait_timeout"); n < 60 {
		f.Add("database.timeouts", sqlstore.FindingWarning, fmt.Sprintf("wait_timeout is %d s", n),
			"the server ends connections that are idle for so long; each packet after that waits for a new one", d.persist("wait_timeout = 28800"))
	} else {
		f.OK("database.timeouts", "a connection may be idle for %d s", n)
	}
}

// judgeHousekeeping looks at what keeps the purge away.
func (d *diagnosis) judgeHousekeeping(f *sqlstore.Findings) {
	const id = "database.snapshots"
	switch {
	case d.unseen:
		f.Add(id, sqlstore.FindingNote, "the database user may not look at transactions", "one that is open for hours makes lease tables slow",
			"as an administrator: SELECT * FROM information_schema.innodb_trx ORDER BY trx_started; (or grant the privilege PROCESS)")
	case len(d.transactions) == 0:
		f.OK(id, "no transaction is older than five minutes")
	}
	for _, t := range d.transactions {
		f.Add(id, sqlstore.FindingWarning, fmt.Sprintf("connection %d has a transaction open for %s", t.thread, t.age),
			"old row versions are kept since then: lease tables grow and get slow", fmt.Sprintf("see what it is with SHOW PROCESSLIST, end it if nobody needs it: KILL %d;", t.thread))
	}
}

func (d *diagnosis) judgeSchema(f *sqlstore.Findings) {
	if len(d.half) > 0 {
		f.Add("schema.unfinished", sqlstore.FindingProblem, "a migration stopped half-way; it has made "+strings.Join(d.half, ", "),
			"the server ends a transaction at each change of the schema, so what was made before the mistake is still there, and in the way",
			"take a backup, drop these tables and views and what else the head of its file names, then run `rowlock migrate up`")
	}
	if !d.schema {
		return
	}
	if d.partitions < 2 {
		f.Add("schema.partitions", sqlstore.FindingWarning, fmt.Sprintf("lease_history has %d of the partitions of this month and the next three", d.partitions),
			"history goes into the last partition, from where it cannot be dropped by month", "CALL rowlock_make_partitions(); and look for sweep errors in the log")
	} else {
		f.OK("schema.partitions", "lease_history has %d of the partitions of this month and the next three", d.partitions)
	}
	if d.strayRows > 0 {
		f.Add("schema.history_default", sqlstore.FindingWarning, fmt.Sprintf("the partition p_default of lease_history holds about %d rows", d.strayRows),
			"a month that has rows there gets no partition of its own", "in the SQL shell: ALTER TABLE lease_history REORGANIZE PARTITION p_default INTO (...), with one partition a month")
	} else {
		f.OK("schema.history_default", "the default partition of lease_history is empty")
	}
}

var created = regexp.MustCompile(`(?m)^CREATE (?:TABLE|(?:SQL SECURITY \w+ )?VIEW) (\w+)`)

// madeBy lists the tables and views that a migration makes; one that it replaces
// was there before.
func madeBy(version int64) (map[string]bool, error) {
	files, err := fs.Glob(migrations.Files, fmt.Sprintf("mysql/%05d_*.sql", version))
	if err != nil {
		return nil, err
	}
	made := map[string]bool{}
	for _, file := range files {
		text, err := fs.ReadFile(migrations.Files, file)
		if err != nil {
			return nil, err
		}
		for _, m := range created.FindAllStringSubmatch(string(text), -1) {
			made[strings.ToLower(m[1])] = true
		}
	}
	return made, nil
}
