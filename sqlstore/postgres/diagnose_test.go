package postgres

import (
	"maps"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"rowlock/sqlstore"
)

// healthy is a server without a fault.
func healthy() *diagnosis {
	return &diagnosis{
		set: map[string]string{
			"server_version_num": "150018", "server_encoding": "UTF8", "fsync": "on", "full_page_writes": "on", "synchronous_commit": "on",
			"synchronous_standby_names": "", "default_transaction_read_only": "off", "max_connections": "100",
			"superuser_reserved_connections": "3", "autovacuum": "on", "statement_timeout": "0", "idle_session_timeout": "0",
			"plan_cache_mode": "force_generic_plan", "enable_hashjoin": "off",
		},
		asked: 7, answered: 7, user: "rowlock", database: "rowlock", userLimit: -1, dbLimit: -1, needed: 15, partitions: 4,
	}
}

func (d *diagnosis) all(frontends int) (f sqlstore.Findings) {
	d.judgeServer(&f)
	d.judgeDurability(&f)
	d.judgeLimits(&f, frontends)
	d.judgeHousekeeping(&f)
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
	require.Empty(t, bad(t, healthy().all(6)))
	set := func(pairs ...string) func(*diagnosis) {
		return func(d *diagnosis) {
			for i := 0; i < len(pairs); i += 2 {
				maps.Copy(d.set, map[string]string{pairs[i]: pairs[i+1]})
			}
		}
	}
	for name, c := range map[string]struct {
		change func(*diagnosis)
		id     string
		status sqlstore.FindingStatus
	}{
		"old":               {set("server_version_num", "130011"), "database.version", sqlstore.FindingProblem},
		"standby":           {func(d *diagnosis) { d.standby = true }, "database.read_only", sqlstore.FindingProblem},
		"read only":         {set("default_transaction_read_only", "on"), "database.read_only", sqlstore.FindingProblem},
		"encoding":          {set("server_encoding", "LATIN1"), "database.encoding", sqlstore.FindingProblem},
		"settings dropped":  {set("plan_cache_mode", "auto"), "database.pooler", sqlstore.FindingWarning},
		"another process":   {func(d *diagnosis) { d.answered = 8 }, "database.pooler", sqlstore.FindingNote},
		"fsync":             {set("fsync", "off"), "database.durability", sqlstore.FindingProblem},
		"full_page_writes":  {set("full_page_writes", "off"), "database.durability", sqlstore.FindingProblem},
		"asynchronous":      {set("synchronous_commit", "off"), "database.durability", sqlstore.FindingProblem},
		"standby not asked": {set("synchronous_commit", "local", "synchronous_standby_names", "b"), "database.durability", sqlstore.FindingWarning},
		"connections":       {set("max_connections", "90"), "database.connections", sqlstore.FindingWarning},
		"role limit":        {func(d *diagnosis) { d.userLimit = 20 }, "database.connections", sqlstore.FindingWarning},
		"database limit":    {func(d *diagnosis) { d.dbLimit = 0 }, "database.connections", sqlstore.FindingWarning},
		"statement timeout": {set("statement_timeout", "500"), "database.timeouts", sqlstore.FindingWarning},
		"idle timeout":      {set("idle_session_timeout", "9999"), "database.timeouts", sqlstore.FindingWarning},
		"autovacuum":        {set("autovacuum", "off"), "database.autovacuum", sqlstore.FindingWarning},
		"old snapshot": {func(d *diagnosis) {
			d.snapshots = []snapshot{{pid: 12, who: "psql user dba idle in transaction", age: time.Hour}}
		}, "database.snapshots", sqlstore.FindingWarning},
		"prepared":   {func(d *diagnosis) { d.snapshots = []snapshot{{who: "it's", age: time.Hour}} }, "database.snapshots", sqlstore.FindingWarning},
		"partitions": {func(d *diagnosis) { d.partitions = 1 }, "schema.partitions", sqlstore.FindingWarning},
		"stray rows": {func(d *diagnosis) { d.strayBytes = 8192 }, "schema.history_default", sqlstore.FindingWarning},
	} {
		d := healthy()
		c.change(d)
		require.Equal(t, map[string]sqlstore.FindingStatus{c.id: c.status}, bad(t, d.all(6)), name)
	}
	d := healthy()
	d.set["synchronous_commit"], d.set["synchronous_standby_names"] = "local", ""
	require.Empty(t, bad(t, d.all(1)), "without standbys local is the same as on")
	d.pooler, d.answered = true, 8
	d.set["plan_cache_mode"] = "auto"
	require.Empty(t, bad(t, d.all(1)), "the settings of a transaction are not those of a session")
	d.noSchema, d.partitions = true, 0
	require.Empty(t, bad(t, d.all(1)), "no schema, no partitions")
}
