package mysql

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"rowlock/sqlstore"
)

// healthy is a server without a fault.
func healthy() *diagnosis {
	return &diagnosis{
		version: "8.0.19", set: map[string]string{
			"innodb_flush_log_at_trx_commit": "1", "log_bin": "OFF", "sync_binlog": "1", "binlog_format": "ROW", "innodb_doublewrite": "ON",
			"log_bin_trust_function_creators": "OFF", "read_only": "OFF", "super_read_only": "OFF", "max_connections": "100",
			"max_allowed_packet": "16777216", "wait_timeout": "28800", "default_storage_engine": "InnoDB", "character_set_server": "utf8mb4",
		},
		mode: "STRICT_ALL_TABLES,NO_ZERO_DATE", zone: "+00:00", needed: 14, schema: true, partitions: 4, user: "'owner'@'%'", database: "dhcp", trigger: true,
	}
}

func (d *diagnosis) all(frontends int) (f sqlstore.Findings) {
	d.judgeServer(&f)
	d.judgeDurability(&f)
	d.judgeBinaryLog(&f)
	d.judgeTriggers(&f)
	d.judgeLimits(&f, frontends)
	d.judgeHousekeeping(&f)
	d.judgeSchema(&f)
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
	require.Empty(t, bad(t, healthy().all(7)))
	set := func(pairs ...string) func(*diagnosis) {
		return func(d *diagnosis) {
			for i := 0; i < len(pairs); i += 2 {
				d.set[pairs[i]] = pairs[i+1]
			}
		}
	}
	for name, c := range map[string]struct {
		change func(*diagnosis)
		id     string
		status sqlstore.FindingStatus
	}{
		"old MySQL":     {func(d *diagnosis) { d.version = "8.0.18" }, "database.version", sqlstore.FindingProblem},
		"old MariaDB":   {func(d *diagnosis) { d.version, d.mariadb = "10.5.99-MariaDB", true }, "database.version", sqlstore.FindingProblem},
		"no version":    {func(d *diagnosis) { d.version = "unknown" }, "database.version", sqlstore.FindingProblem},
		"sql_mode":      {func(d *diagnosis) { d.mode = "" }, "database.sql_mode", sqlstore.FindingProblem},
		"read only":     {set("super_read_only", "ON"), "database.read_only", sqlstore.FindingProblem},
		"galera":        {set("wsrep_on", "ON"), "database.galera", sqlstore.FindingNote},
		"engine":        {set("default_storage_engine", "MyISAM"), "database.engine", sqlstore.FindingNote},
		"character set": {set("character_set_server", "latin1"), "database.encoding", sqlstore.FindingNote},
		"flush":         {set("innodb_flush_log_at_trx_commit", "2"), "database.durability", sqlstore.FindingProblem},
		"sync_binlog":   {set("log_bin", "ON", "sync_binlog", "0", "log_bin_trust_function_creators", "ON"), "database.durability", sqlstore.FindingWarning},
		"doublewrite":   {set("innodb_doublewrite", "OFF"), "database.durability", sqlstore.FindingWarning},
		"detect only":   {set("innodb_doublewrite", "DETECT_ONLY"), "database.durability", sqlstore.FindingWarning},
		"statement":     {set("log_bin", "ON", "binlog_format", "STATEMENT", "log_bin_trust_function_creators", "1"), "database.binlog_format", sqlstore.FindingProblem},
		"creators":      {set("log_bin", "1"), "database.function_creators", sqlstore.FindingNote},
		"creators, old": {
			func(d *diagnosis) { d.set["log_bin"], d.schema = "1", false }, "database.function_creators", sqlstore.FindingProblem,
		},
		"no TRIGGER":     {func(d *diagnosis) { d.schema, d.trigger = false, false }, "database.trigger_privilege", sqlstore.FindingProblem},
		"connections":    {set("max_connections", "97"), "database.connections", sqlstore.FindingWarning},
		"packet":         {set("max_allowed_packet", "1048576"), "database.packet", sqlstore.FindingWarning},
		"wait_timeout":   {set("wait_timeout", "10"), "database.timeouts", sqlstore.FindingWarning},
		"old snapshot":   {func(d *diagnosis) { d.transactions = []transaction{{12, time.Hour}} }, "database.snapshots", sqlstore.FindingWarning},
		"not to be seen": {func(d *diagnosis) { d.unseen = true }, "database.snapshots", sqlstore.FindingNote},
		"half a schema":  {func(d *diagnosis) { d.schema, d.half = false, []string{"lease4"} }, "schema.unfinished", sqlstore.FindingProblem},
		"partitions":     {func(d *diagnosis) { d.partitions = 1 }, "schema.partitions", sqlstore.FindingWarning},
		"stray rows":     {func(d *diagnosis) { d.strayRows = 1 }, "schema.history_default", sqlstore.FindingWarning},
	} {
		d := healthy()
		c.change(d)
		require.Equal(t, map[string]sqlstore.FindingStatus{c.id: c.status}, bad(t, d.all(7)), name)
	}
	d := healthy()
	d.set["log_bin"], d.super, d.trigger = "1", true, false
	require.Empty(t, bad(t, d.all(7)), "an administrator may, and triggers that are there need nothing")
	d.schema = false
	require.Contains(t, fmt.Sprint(d.all(7)), "GRANT TRIGGER ON `dhcp`.* TO 'owner'@'%';")
	d = healthy()
	d.version, d.mariadb = "10.6.1-MariaDB-log", true
	require.Empty(t, bad(t, d.all(1)))
}

// What a migration makes is read from its text.
func TestMadeBy(t *testing.T) {
	for version, name := range map[int64]string{1: "config_head", 2: "lease4", 3: "frontend", 4: "lease_active"} {
		made, err := madeBy(version)
		require.NoError(t, err)
		require.True(t, made[name], "%d: %v", version, made)
	}
	made, err := madeBy(999)
	require.NoError(t, err)
	require.Empty(t, made)
}

func TestGrants(t *testing.T) {
	update := sqlstore.Privilege{Object: "lease4", Kind: "UPDATE"}
	execute := sqlstore.Privilege{Object: "rowlock_make_partitions", Kind: "EXECUTE"}
	head := sqlstore.Privilege{Object: "config_head", Kind: "SELECT", Columns: []string{"id", "revision"}}
	for name, c := range map[string]struct {
		lines                 []string
		update, execute, head bool
	}{
		"none":           {[]string{"GRANT USAGE ON *.* TO `u`@`%`", "GRANT `r`@`%` TO `u`@`%`", "GRANT PROXY ON ``@`` TO `u`@`%`"}, false, false, false},
		"all":            {[]string{"GRANT ALL PRIVILEGES ON *.* TO `u`@`%` IDENTIFIED BY PASSWORD '*0' WITH GRANT OPTION"}, true, true, true},
		"global":         {[]string{"GRANT SELECT, UPDATE, RELOAD ON *.* TO `u`@`%`"}, true, false, true},
		"super":          {[]string{"GRANT RELOAD, SUPER ON *.* TO `u`@`%`"}, false, false, false},
		"partial revoke": {[]string{"GRANT SELECT, UPDATE ON *.* TO `u`@`%`", "REVOKE UPDATE ON `my_db`.* FROM `u`@`%`"}, false, false, true},
		"revoked elsewhere": {
			[]string{"GRANT SELECT, UPDATE ON *.* TO `u`@`%`", "REVOKE UPDATE ON `other`.* FROM `u`@`%`"}, true, false, true,
		},
		"database":       {[]string{"GRANT UPDATE, EXECUTE ON `my\\_db`.* TO `u`@`%`"}, true, true, false},
		"pattern":        {[]string{"GRANT UPDATE ON `my%`.* TO `u`@`%`"}, true, false, false},
		"other database": {[]string{"GRANT ALL PRIVILEGES ON `my\\_d`.* TO `u`@`%`", "GRANT ALL PRIVILEGES ON `myxdb`.* TO `u`@`%`"}, false, false, false},
		"table":          {[]string{"GRANT SELECT, INSERT, UPDATE ON `my_db`.`lease4` TO `u`@`%`"}, true, false, false},
		"other table":    {[]string{"GRANT SELECT, UPDATE ON `my_db`.`lease6` TO `u`@`%`"}, false, false, false},
		"routine":        {[]string{"GRANT EXECUTE ON PROCEDURE `my_db`.`rowlock_make_partitions` TO `u`@`%`"}, false, true, false},
		"columns":        {[]string{"GRANT SELECT (`id`, `revision`, `secret`), UPDATE (`rev`) ON `my_db`.`config_head` TO `u`@`%`"}, false, false, true},
		"some columns":   {[]string{"GRANT SELECT (`id`) ON `my_db`.`config_head` TO `u`@`%`", "GRANT UPDATE (`rev`) ON `my_db`.`lease4` TO `u`@`%`"}, false, false, false},
	} {
		var g grants
		for _, line := range c.lines {
			g.add(line)
		}
		require.Equal(t, c.update, g.allow("my_db", update), name)
		require.Equal(t, c.execute, g.allow("my_db", execute), name)
		require.Equal(t, c.head, g.allow("my_db", head), name)
		require.Equal(t, name == "all" || name == "super", g.super(), name)
	}
}
