package storetest

import (
	"context"
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"rowlock/sqlstore"
)

// testHand is what becomes of rows of the configuration that people write with
// a SQL shell.
func testHand(t *testing.T, dialect string) {
	for _, test := range []struct {
		name string
		run  func(*testing.T, *hand)
	}{
		{"legal", handLegal},
		{"refused", handRefused},
		{"half", handHalf},
		{"comment", handComment},
		{"text", handText},
		{"race", handRace},
		{"own", handOwn},
		{"many", handMany},
	} {
		t.Run(test.name, func(t *testing.T) { test.run(t, newHand(t, dialect)) })
	}
}

// hand is a store, and somebody who changes its configuration by SQL as a
// database user of the role admin.
type hand struct {
	configured
	admin *database
}

func newHand(t *testing.T, dialect string) *hand {
	t.Helper()
	db := migrated(t, dialect)
	h := &hand{configured{db, db.openBoth(t)}, db}
	if db.server() {
		h.admin = newDatabase(t, dialect, Login(t, db.owner, sqlstore.RoleAdmin))
	}
	return h
}

// revisions is the store as those who serve use it.
func (c *configured) revisions() sqlstore.RevisionStore { return revisions(c.store) }

func revisions(s sqlstore.Store) sqlstore.RevisionStore {
	if b, ok := s.(both); ok {
		s = b.Store
	}
	return s.(sqlstore.RevisionStore)
}

// try runs statements in one transaction.
func (h *hand) try(t testing.TB, statements ...string) error {
	t.Helper()
	tx, err := h.admin.db.BeginTx(t.Context(), nil)
	require.NoError(t, err)
	defer func() { _ = tx.Rollback() }()
	for _, s := range statements {
		if _, err := tx.ExecContext(t.Context(), s); err != nil {
			return fmt.Errorf("%.200s: %w", s, err)
		}
	}
	return tx.Commit()
}

// does runs statements that are legal, in one transaction.
func (h *hand) does(t testing.TB, statements ...string) {
	t.Helper()
	require.NoError(t, h.try(t, statements...))
}

// configTables are the tables that somebody may write to, and those that follow
// from them, with what tells their rows apart.
var configTables = []string{
	"config_head", "config_revision", "config_change", "link", "subnet", "subnet_relay", "pool", "pool_gen", "option_data", "parameter",
	"vrf", "vrf_interface", "vrf_relay", "tsig_key", "dns_zone", "dns_server", "addr_chunk", "pool_cursor", "addr_free", "event_consumer",
}

// state is all rows that a change of the configuration may touch.
func (c *configured) state(t testing.TB) map[string][][]string {
	t.Helper()
	out := map[string][][]string{}
	for _, table := range configTables {
		out[table] = c.db.rows(t, "SELECT * FROM %s ORDER BY 1, 2", table)
	}
	return out
}

// handSite is the configuration that people then change. Its ids are given, so
// that statements can name them.
func handSite() *sqlstore.Config {
	ip, prefix := netip.MustParseAddr, netip.MustParsePrefix
	na := func(id uint32, first, last string) *sqlstore.Pool {
		a := ip(first)
		return &sqlstore.Pool{ID: id, Kind: sqlstore.NA, First: a, Last: ip(last), DelegatedLen: uint8(a.BitLen())}
	}
	shut := na(102, "192.0.2.14", "192.0.2.18")
	shut.Closing = true
	cfg := &sqlstore.Config{
		Parameters: sqlstore.Parameters{"valid_lifetime": "3600"},
		TSIGKeys:   siteKeys(), Zones: siteZones(),
		VRFs: []sqlstore.VRF{{ID: 7, Comment: "customer", Interfaces: []string{"vrf7"}, Relays: []netip.Addr{ip("198.51.100.77")}}},
		Options: []sqlstore.OptionData{
			{Family: sqlstore.IPv4, Code: 6, Name: "domain-name-servers", Data: "192.0.2.53"},
		},
		Links: []*sqlstore.Link{
			{ID: 1, Name: "campus", Comment: "two halves", Parameters: sqlstore.Parameters{"offer_lifetime": "30"}, Subnets: []*sqlstore.Subnet{
				{
					ID: 10, Prefix: prefix("192.0.2.0/25"), Relays: []netip.Addr{ip("198.51.100.1")}, Interface: "eth1",
					Parameters: sqlstore.Parameters{"authoritative": "false"}, Notes: sqlstore.Notes{"authoritative": "others are there"},
					Options: []sqlstore.OptionData{{Family: sqlstore.IPv4, Code: 3, Data: "192.0.2.1"}},
					Pools:   []*sqlstore.Pool{na(100, "192.0.2.10", "192.0.2.20"), na(101, "192.0.2.30", "192.0.2.40"), shut},
				},
				{ID: 11, Prefix: prefix("192.0.2.128/25"), Pools: []*sqlstore.Pool{na(110, "192.0.2.140", "192.0.2.150")}},
			}},
			{ID: 2, Subnets: []*sqlstore.Subnet{{
				ID: 20, Prefix: prefix("2001:db8:1::/64"), InterfaceID: []byte("port 1"), Relays: []netip.Addr{ip("2001:db8::ff")},
				Pools: []*sqlstore.Pool{
					na(200, "2001:db8:1::1000", "2001:db8:1::1fff"),
					{ID: 201, Kind: sqlstore.PD, First: ip("2001:db8:8000::"), Last: ip("2001:db8:80ff:ff00::"), DelegatedLen: 56},
				},
			}}},
			{ID: 3, VRF: 7, Subnets: []*sqlstore.Subnet{{
				ID: 30, Prefix: prefix("192.0.2.0/25"), Pools: []*sqlstore.Pool{na(300, "192.0.2.10", "192.0.2.20")},
			}}},
			{ID: 4, Name: "empty"},
			{ID: 5, Name: "annex", VRF: 7, Subnets: []*sqlstore.Subnet{{ID: 50, Prefix: prefix("203.0.113.0/24")}}},
			{ID: 6, Subnets: []*sqlstore.Subnet{{
				ID: 60, Prefix: prefix("192.0.2.0/26"), Closing: true, Pools: []*sqlstore.Pool{na(600, "192.0.2.12", "192.0.2.13")},
			}}},
		},
	}
	return cfg
}

// subnetOf and poolOf find an object by its id.
func subnetOf(t testing.TB, c *sqlstore.Config, id uint32) *sqlstore.Subnet {
	t.Helper()
	for _, l := range c.Links {
		for _, s := range l.Subnets {
			if s.ID == id {
				return s
			}
		}
	}
	require.FailNow(t, "no subnet", "%d", id)
	return nil
}

func poolOf(t testing.TB, c *sqlstore.Config, id uint32) *sqlstore.Pool {
	t.Helper()
	for _, l := range c.Links {
		for _, s := range l.Subnets {
			for _, p := range s.Pools {
				if p.ID == id {
					return p
				}
			}
		}
	}
	require.FailNow(t, "no pool", "%d", id)
	return nil
}

func linkOf(t testing.TB, c *sqlstore.Config, id uint32) *sqlstore.Link {
	t.Helper()
	for _, l := range c.Links {
		if l.ID == id {
			return l
		}
	}
	require.FailNow(t, "no link", "%d", id)
	return nil
}

// A statement that fails leaves nothing behind of itself, nor of the others in
// its transaction.
func handHalf(t *testing.T, h *hand) {
	h.apply(t, handSite())
	before := h.state(t)
	wrong := newPool(901, 11, "192.0.2.145", "192.0.2.160")
	for _, statements := range [][]string{
		{newPool(900, 11, "192.0.2.200", "192.0.2.210"), wrong},
		{"UPDATE link SET comment = 'new' WHERE id = 1", "DELETE FROM pool WHERE id = 100", wrong},
		{strings.TrimSuffix(newPool(900, 11, "192.0.2.200", "192.0.2.210"), ")") + "), (901, 11, 1, '192.0.2.145', '192.0.2.160', 32)"},
		{"UPDATE pool SET last_addr = '192.0.2.35' WHERE subnet_id = 10 AND id IN (100, 101)"},
		{"UPDATE subnet SET closing = false"},
		{"DELETE FROM subnet"},
	} {
		require.Error(t, h.try(t, statements...), "%s", statements)
		require.Equal(t, before, h.state(t), "%s", statements)
	}
	h.does(t, newPool(900, 11, "192.0.2.200", "192.0.2.210"))
}

// newPool is a statement for a pool of addresses.
func newPool(id, subnet int, first, last string) string {
	return fmt.Sprintf("INSERT INTO pool (id, subnet_id, kind, first_addr, last_addr, delegated_len) VALUES (%d, %d, 1, '%s', '%s', %d)",
		id, subnet, first, last, netip.MustParseAddr(last).BitLen())
}

// The program's own changes pass the triggers by, and others' do not while it is
// at work.
func handOwn(t *testing.T, h *hand) {
	rev := h.apply(t, handSite())
	require.Equal(t, rev, h.db.number(t, "SELECT revision FROM config_head"), "one revision, however many rows")
	require.Equal(t, rev, h.db.number(t, "SELECT described FROM config_head"))
	require.EqualValues(t, 0, h.db.number(t, "SELECT count(*) FROM config_head WHERE applying"))
	_, err := h.store.ApplyConfig(t.Context(), rev+7, &sqlstore.Config{}, "author", "")
	require.ErrorIs(t, err, sqlstore.ErrConflict)
	require.EqualValues(t, 0, h.db.number(t, "SELECT count(*) FROM config_head WHERE applying"), "also after a refusal")
	for _, n := range []int64{
		h.db.number(t, "SELECT count(*) FROM config_change WHERE kind = 2 AND revision = %d", rev),
		h.db.number(t, "SELECT count(*) FROM link"),
	} {
		require.EqualValues(t, 6, n)
	}
	require.EqualValues(t, 1, h.db.number(t, "SELECT count(*) FROM config_change WHERE kind = 1 AND id = 0 AND revision = %d", rev))

	h.does(t, "UPDATE config_head SET change_comment = 'nothing else'")
	after := h.load(t)
	after.Revision = rev
	want := h.load(t)
	want.Revision = rev
	require.Equal(t, want, after)
}

// handMany is a provisioning system that writes a lot at once.
func handMany(t *testing.T, h *hand) {
	h.apply(t, handSite())
	const n = 200
	numbers := `(WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %d) SELECT i FROM n) n`
	from := fmt.Sprintf(numbers, n)
	concat := func(parts ...string) string {
		if h.db.mysql() {
			return "concat(" + strings.Join(parts, ", ") + ")"
		}
		return strings.Join(parts, " || ")
	}
	text := "cast(i AS char(3))"
	if !h.db.mysql() {
		text = "cast(i AS text)"
	}
	pool := fmt.Sprintf("SELECT 1000 + i, 1000 + i, 1, %s, %s, 32 FROM %s",
		concat("'10.9.'", text, "'.10'"), concat("'10.9.'", text, "'.250'"), from)
	h.does(t,
		"INSERT INTO link (id) SELECT 1000 + i FROM "+from,
		fmt.Sprintf("INSERT INTO subnet (id, link_id, prefix) SELECT 1000 + i, 1000 + i, %s FROM %s", concat("'10.9.'", text, "'.0/24'"), from),
		"INSERT INTO pool (id, subnet_id, kind, first_addr, last_addr, delegated_len) "+pool)
	cfg := h.load(t)
	require.Len(t, cfg.Links, 6+n)
	require.Empty(t, sqlstore.Check(cfg))
	require.EqualValues(t, n, h.db.number(t, "SELECT count(*) FROM pool_gen WHERE pool_id > 1000 AND gen = 1"))
	require.EqualValues(t, 1000+n, h.db.number(t, "SELECT last_link_id FROM config_head"))
	h.does(t, "UPDATE pool SET last_addr = first_addr WHERE id > 1000")
	require.EqualValues(t, n, h.db.number(t, "SELECT count(*) FROM pool_gen WHERE pool_id > 1000 AND gen = 2"))
	h.does(t, "DELETE FROM pool WHERE id > 1000", "DELETE FROM subnet WHERE id > 1000", "DELETE FROM link WHERE id > 1000")
	require.Len(t, h.load(t).Links, 6)
	rev, err := h.revisions().GatherConfig(context.Background(), nil)
	require.NoError(t, err)
	require.Equal(t, h.load(t).Revision, rev)
}
