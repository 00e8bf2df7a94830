package sqlstore

import "strings"

// CopyTables lists all tables that make up a database, each after those that
// it refers to. They have all columns but config_head.applying: that is set in the
// target for as long as rows come in, so that its triggers leave them alone.
func CopyTables() []*CopyTable {
	return []*CopyTable{
		copyTable("config_head", "id", "",
			"id:int revision:int server_duid:bytes secret:bytes last_link_id:int last_subnet_id:int described:int change_comment:text comment:text"),
		copyTable("config_revision", "revision", "", "revision:int at:time author:text comment:text diff:text content:bytes is_full:bool"),
		copyTable("config_change", "kind id", "", "kind:int id:int revision:int author:text"),
		copyTable("vrf", "id", "", "id:int comment:text"),
		copyTable("vrf_interface", "name", "", "name:text vrf:int"),
		copyTable("vrf_relay", "addr", "", "addr:text vrf:int"),
		copyTable("link", "id", "", "id:int name:text vrf:int comment:text"),
		copyTable("subnet", "id", "",
			"id:int link_id:int previous_link_id:int prefix:text interface:text interface_id:bytes closing:bool earlier_link_id:int comment:text"),
		copyTable("subnet_relay", "subnet_id addr", "", "subnet_id:int addr:text"),
		copyTable("pool", "id", "", `id:int subnet_id:int position:int kind:int first_addr:text last_addr:text
			delegated_len:int gen:int closing:bool comment:text waiting:bool`),
		copyTable("pool_gen", "pool_id gen", "", `pool_id:int gen:int first_addr:text last_addr:text delegated_len:int
			perm_version:int made_at:time vrf:int retired_rev:int`),
		copyTable("option_data", "scope scope_id family code", "", `scope:text scope_id:int family:int code:int position:int
			name:text data:text is_hex:bool always:bool comment:text`),
		copyTable("parameter", "scope scope_id name", "", "scope:text scope_id:int name:text value:text comment:text"),
		copyTable("tsig_key", "name", "", "name:text algorithm:text secret:text fingerprint:text comment:text"),
		copyTable("dns_zone", "name", "", "name:text comment:text"),
		copyTable("dns_server", "zone position", "", "zone:text position:int addr:text port:int transport:text tsig_key:text"),
		copyTable("lease4", "binding_key", "", `binding_key:bytes parked_key:bytes vrf:int addr:bytes
			subnet_id:int pool_id:int pool_gen:int state:int valid_lft:int since:time expires_at:time reclaim_at:time rev:int
			hwaddr:bytes hwtype:int hwaddr_source:int client_id:bytes relay_addr:bytes circuit_id:bytes remote_id:bytes
			subscriber_id:bytes relay_id:bytes hostname:text fqdn_flags:int classes:text frontend:text`),
		copyTable("lease6", "binding_key", "", `binding_key:bytes parked_key:bytes vrf:int addr:bytes prefix_len:int iaid:int
			preferred_lft:int subnet_id:int pool_id:int pool_gen:int state:int valid_lft:int since:time expires_at:time
			reclaim_at:time rev:int hwaddr:bytes hwtype:int hwaddr_source:int duid:bytes relay_addr:bytes interface_id:bytes
			remote_id:bytes subscriber_id:bytes relay_id:bytes hostname:text fqdn_flags:int classes:text frontend:text`),
		copyTable("pool_cursor", "pool_id gen", "", "pool_id:int gen:int next_index:int size:int"),
		copyTable("addr_chunk", "chunk_id", "chunk_id",
			"chunk_id:int pool_id:int gen:int first_index:int n:int holder:text incarnation:int"),
		copyTable("addr_free", "vrf addr", "token", "vrf:int addr:bytes pool_id:int token:int hold_until:time"),
		copyTable("lease_event", "id", "id", `id:int at:time kind:int family:int vrf:int addr:bytes prefix_len:int
			subnet_id:int binding_key:bytes hostname:text fqdn_flags:int state:int rev:int`),
		copyTable("event_log", "seq", "", `seq:int at:time kind:int family:int vrf:int addr:bytes prefix_len:int
			subnet_id:int binding_key:bytes hostname:text fqdn_flags:int state:int rev:int`),
		copyTable("event_consumer", "name", "", "name:text seq:int last_seen:time"),
		copyTable("lease_history", "ended_at vrf addr rev", "", `family:int vrf:int addr:bytes prefix_len:int subnet_id:int
			binding_key:bytes since:time ended_at:time ended_by:int rev:int hwaddr:bytes client_id:bytes iaid:int
			relay_addr:bytes circuit_id:bytes remote_id:bytes subscriber_id:bytes relay_id:bytes hostname:text frontend:text`),
		copyTable("dns_name", "name", "", `name:text zone:text version:int state:int marked_at:time due_at:time holder:text claim:int
			attempts:int published:text attempted:text last_error:text changed_at:time`),
		copyTable("dns_name_addr", "name vrf addr", "", "name:text vrf:int addr:bytes"),
		copyTable("api_token", "id", "", "id:text kind:int name:text hash:bytes created_at:time expires_at:time"),
	}
}

// NotCopied lists the tables that a move leaves alone, with the reason.
func NotCopied() map[string]string {
	return map[string]string{
		"frontend":               "who serves is true of one database only; nobody does while it is moved",
		"leadership":             "likewise: who sweeps",
		"parameter_def":          "made by the migrations of the target",
		"move_mark":              "the move's own",
		"move_progress":          "the move's own",
		"goose_db_version":       "made by the migrations of the target",
		"rowlock_migration_lock": "made by the migrations of the target",
	}
}

// copyTable reads the description of a table: names of its key's columns, and
// all columns with their kinds.
func copyTable(name, key, counter, columns string) *CopyTable {
	kinds := map[string]ColumnKind{"int": IntColumn, "bool": BoolColumn, "time": TimeColumn, "text": TextColumn, "bytes": BytesColumn}
	t := &CopyTable{Name: name, Counter: counter}
	at := map[string]int{}
	for word := range strings.FieldsSeq(columns) {
		column, kind, _ := strings.Cut(word, ":")
		at[column] = len(t.Columns)
		t.Columns = append(t.Columns, Column{column, kinds[kind]})
	}
	for word := range strings.FieldsSeq(key) {
		t.Key = append(t.Key, at[word])
	}
	return t
}

// Names returns the names of columns, separated by commas.
func (t *CopyTable) Names() string { return t.join(len(t.Columns), func(i int) int { return i }) }

// KeyNames returns the names of the primary key's columns, separated by commas.
func (t *CopyTable) KeyNames() string { return t.join(len(t.Key), func(i int) int { return t.Key[i] }) }

func (t *CopyTable) join(n int, column func(int) int) string {
	names := make([]string, n)
	for i := range names {
		names[i] = t.Columns[column(i)].Name
	}
	return strings.Join(names, ", ")
}
