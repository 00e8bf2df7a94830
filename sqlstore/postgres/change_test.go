package postgres_test

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"rowlock/sqlstore"
	"rowlock/sqlstore/postgres"
	"rowlock/sqlstore/storetest"
)

// row returns the only row of a query as text.
func row(t *testing.T, c *pgx.Conn, query string) (text string) {
	t.Helper()
	require.NoError(t, c.QueryRow(t.Context(), "SELECT r::text FROM ("+query+") r").Scan(&text))
	return text
}

// written is a store with a configuration, and a connection that changes it.
func written(t *testing.T, cfg *sqlstore.Config) (*postgres.Store, *pgx.Conn, string) {
	t.Helper()
	url := storetest.Migrated(t, "postgres")
	s := open(t, url, 5*time.Second)
	_, err := s.ApplyConfig(t.Context(), 0, cfg, "author", "")
	require.NoError(t, err)
	return s, connect(t, url, nil), url
}

// plain has three links, one of them of another vrf, and a subnet with a pool of
// each family on the first one.
func plain() *sqlstore.Config {
	pool := func(id uint32, first, last string) []*sqlstore.Pool {
		a := netip.MustParseAddr(first)
		return []*sqlstore.Pool{{ID: id, Kind: sqlstore.NA, First: a, Last: netip.MustParseAddr(last), DelegatedLen: uint8(a.BitLen())}}
	}
	return &sqlstore.Config{
		VRFs:     []sqlstore.VRF{{ID: 7, Relays: []netip.Addr{netip.MustParseAddr("198.51.100.7")}}},
		TSIGKeys: []sqlstore.TSIGKey{{Name: "key", Algorithm: "hmac-sha256", Secret: secret(1)}},
		Zones:    []sqlstore.DNSZone{{Name: "example.org", Servers: []sqlstore.DNSServer{{Addr: netip.MustParseAddrPort("192.0.2.53:53"), Transport: "tcp", Key: "key"}}}},
		Links: []*sqlstore.Link{
			{ID: 1, Name: "one", Subnets: []*sqlstore.Subnet{
				{ID: 1, Prefix: netip.MustParsePrefix("192.0.2.0/24"), Pools: pool(1, "192.0.2.10", "192.0.2.20")},
				{ID: 2, Prefix: netip.MustParsePrefix("2001:db8::/64"), Pools: pool(2, "2001:db8::10", "2001:db8::20")},
				{ID: 3, Prefix: netip.MustParsePrefix("198.51.100.0/24"), Relays: []netip.Addr{netip.MustParseAddr("198.51.100.1")}},
			}},
			{ID: 2, Name: "two"},
			{ID: 3, Name: "three"},
			{ID: 4, Name: "four", VRF: 7},
		},
	}
}

func secret(n byte) string { return fmt.Sprintf("%021dA==", n) }

// The links that a subnet came from, its vrf, and whether a pool waits are not the
// writer's, whatever he writes.
func TestWhatFollowsIsKept(t *testing.T) {
	_, c, _ := written(t, plain())
	follows := func(id int) string {
		return row(t, c, fmt.Sprintf("SELECT previous_link_id, earlier_link_id, vrf FROM subnet WHERE id = %d", id))
	}
	for _, x := range []struct{ statement, want string }{
		{"UPDATE subnet SET previous_link_id = 9, earlier_link_id = 9, vrf = 9 WHERE id = 3", "(0,0,0)"},
		{"UPDATE subnet SET link_id = 2, previous_link_id = 9, earlier_link_id = 9 WHERE id = 3", "(1,0,0)"},
		{"UPDATE subnet SET link_id = 3 WHERE id = 3", "(2,1,0)"},
		{"UPDATE subnet SET comment = 'new', earlier_link_id = 0 WHERE id = 3", "(2,1,0)"},
		{"UPDATE subnet SET link_id = 4 WHERE id = 3", "(3,2,7)"},
		{"DELETE FROM subnet WHERE id = 3", ""},
		{"INSERT INTO subnet (id, link_id, previous_link_id, earlier_link_id, vrf, prefix) VALUES (3, 4, 1, 2, 3, '198.51.100.0/24')", "(0,0,7)"},
	} {
		run(t, c, x.statement)
		if x.want != "" {
			require.Equal(t, x.want, follows(3), x.statement)
		}
	}
	waits := func(id int) int { return number(t, c, fmt.Sprintf("SELECT waiting::int FROM pool WHERE id = %d", id)) }
	for _, x := range []struct {
		statement string
		id, want  int
	}{
		{"UPDATE pool SET waiting = true WHERE id IN (1, 2)", 1, 0},
		{"UPDATE pool SET waiting = true WHERE id IN (1, 2)", 2, 0},
		{"UPDATE pool SET last_addr = '192.0.2.21', waiting = true WHERE id = 1", 1, 0},
		{"UPDATE pool SET last_addr = '2001:db8::21' WHERE id = 2", 2, 1},
		{"UPDATE pool SET waiting = false WHERE id = 2", 2, 1},
	} {
		run(t, c, x.statement)
		require.Equal(t, x.want, waits(x.id), x.statement)
	}
}

// The vrf of a subnet is that of its link also where the link comes only after it,
// or the program changes it.
func TestVRFOfSubnets(t *testing.T) {
	s, c, _ := written(t, plain())
	run(t, c, `WITH l AS (INSERT INTO link (id, vrf) VALUES (8, 8)), s AS (INSERT INTO subnet (id, link_id, prefix) VALUES (8, 8, '192.0.2.0/24'))
	  INSERT INTO pool (id, subnet_id, kind, first_addr, last_addr, delegated_len) VALUES (8, 8, 1, '192.0.2.10', '192.0.2.20', 32)`)
	run(t, c, `WITH s AS (INSERT INTO subnet (id, link_id, prefix) SELECT 9, 9, '198.51.100.0/24')
	  INSERT INTO link (id, vrf) VALUES (9, 8)`)
	require.Equal(t, "(8,8,8)", row(t, c, "SELECT s.vrf, g.vrf AS gen, t.vrf AS other FROM subnet s, pool_gen g, subnet t WHERE s.id = 8 AND g.pool_id = 8 AND t.id = 9"))
	next := plain()
	next.Links[0].VRF, next.Links[3].VRF = 7, 0
	next.Links[1].Subnets = []*sqlstore.Subnet{{ID: 4, Prefix: netip.MustParsePrefix("192.0.2.0/25")}}
	_, err := s.ApplyConfig(t.Context(), sqlstore.AnyRevision, next, "author", "")
	require.NoError(t, err)
	require.Equal(t, "(7,0)", row(t, c, "SELECT max(s.vrf), min(s.vrf) FROM subnet s JOIN link l ON l.id = s.link_id AND l.vrf = s.vrf"))
	require.Zero(t, number(t, c, "SELECT count(*) FROM subnet s JOIN link l ON l.id = s.link_id WHERE l.vrf <> s.vrf"))
}

// A secret that somebody writes has no fingerprint that is another's, is described,
// and gives way to the one of a document.
func TestSecretByHand(t *testing.T) {
	s, c, _ := written(t, plain())
	was, err := s.LoadConfig(t.Context())
	require.NoError(t, err)
	stored := func() string { return row(t, c, "SELECT secret, fingerprint FROM tsig_key") }
	before := stored()
	run(t, c, "UPDATE tsig_key SET comment = 'new', secret = secret")
	require.Equal(t, before, stored())
	run(t, c, "UPDATE tsig_key SET secret = '"+secret(2)+"'")
	require.Equal(t, "("+secret(2)+`,"")`, stored())
	now, err := s.LoadConfig(t.Context())
	require.NoError(t, err)
	require.False(t, sqlstore.SameConfig(was, now))
	_, err = s.ApplyConfig(t.Context(), sqlstore.AnyRevision, plain(), "author", "")
	require.NoError(t, err)
	require.Equal(t, before, stored())
	run(t, c, "UPDATE tsig_key SET secret = '"+secret(3)+"', fingerprint = '0badcafe'")
	require.Equal(t, "("+secret(3)+",0badcafe)", stored())
}

// Whoever changed an object since the newest revision that is described is named.
func TestAuthorsOfOneObject(t *testing.T) {
	s, c, url := written(t, plain())
	first, second := connect(t, storetest.Login(t, url, sqlstore.RoleAdmin), nil), connect(t, storetest.Login(t, url, sqlstore.RoleAdmin), nil)
	change := func(c *pgx.Conn, comment string) string {
		run(t, c, "UPDATE link SET comment = '"+comment+"' WHERE id = 1")
		return c.Config().User
	}
	author := func() string {
		_, err := s.GatherConfig(t.Context(), nil)
		require.NoError(t, err)
		list, err := s.Revisions(t.Context(), 0, 1)
		require.NoError(t, err)
		return list[0].Author
	}
	a, b := change(first, "a"), change(second, "b")
	change(first, "c")
	run(t, second, "UPDATE link SET comment = 'd' WHERE id = 2")
	require.Equal(t, fmt.Sprintf("(%q)", a+", "+b), row(t, c, "SELECT author FROM config_change WHERE kind = 2 AND id = 1"))
	require.Equal(t, strings.Join(slices.Sorted(slices.Values([]string{a, b})), ", "), author(), "each once")
	change(second, "e")
	require.Equal(t, b, author())

	long := fmt.Sprintf("%03990d", 0)
	run(t, c, "UPDATE config_change SET author = '"+long+"', revision = revision + 1 WHERE kind = 2 AND id = 1")
	change(first, "f")
	require.Equal(t, 1, number(t, c, "SELECT count(*) FROM config_change WHERE author = '"+long+"'"))
}

// A comment without a change is a revision of its own, with its author.
func TestCommentAlone(t *testing.T) {
	s, c, _ := written(t, plain())
	rev, err := s.Revision(t.Context())
	require.NoError(t, err)
	run(t, c, "UPDATE config_head SET change_comment = 'nothing done'")
	got, err := s.GatherConfig(t.Context(), nil)
	require.NoError(t, err)
	require.Equal(t, rev+1, got)
	run(t, c, "UPDATE link SET comment = 'later' WHERE id = 1")
	_, err = s.GatherConfig(t.Context(), nil)
	require.NoError(t, err)
	list, err := s.Revisions(t.Context(), 0, 2)
	require.NoError(t, err)
	user := c.Config().User
	require.Equal(t, [4]string{"nothing done", "", "", user}, [4]string{list[1].Comment, list[1].Diff, list[0].Comment, list[1].Author})
	require.NotEmpty(t, list[0].Diff)
}

// A frontend that could use no configuration yet may use the next one.
func TestRefusingFrontendMayComeBack(t *testing.T) {
	s, c, _ := written(t, plain())
	run(t, c, "UPDATE pool SET last_addr = '192.0.2.30' WHERE id = 1")
	rev, err := s.GatherConfig(t.Context(), nil)
	require.NoError(t, err)
	run(t, c, "INSERT INTO frontend (id, incarnation, revision, refused_revision, heartbeat_at) VALUES ('fe', 1, 0, 1, now() + interval '1 hour')")
	left := func() int {
		n, err := s.SettleConfig(t.Context(), nil)
		require.NoError(t, err)
		return n
	}
	for refused, want := range map[int64]int{rev - 2: 1, 0: 1} {
		run(t, c, fmt.Sprintf("UPDATE frontend SET refused_revision = %d", refused))
		require.Equal(t, want, left(), "refused %d, and %d ended the generation", refused, rev)
	}
	run(t, c, fmt.Sprintf("UPDATE frontend SET refused_revision = %d", rev-1))
	require.Zero(t, left())
}

// Rows that cannot be are told of as such: nobody waits for better ones.
func TestUnreadableRows(t *testing.T) {
	for _, x := range []struct{ table, statement string }{
		{"subnet", "UPDATE subnet SET prefix = 'x', closing = true WHERE id = 1"},
		{"subnet", "UPDATE subnet SET link_id = 99 WHERE id = 1"},
		{"subnet_relay", "UPDATE subnet_relay SET subnet_id = 99"},
		{"pool", "UPDATE pool SET first_addr = 'x' WHERE id = 1"},
		{"pool", "UPDATE pool SET last_addr = '' WHERE id = 2"},
		{"pool", "UPDATE pool SET subnet_id = 99 WHERE id = 2"},
		{"vrf_relay", "UPDATE vrf_relay SET addr = 'x'"},
		{"dns_server", "UPDATE dns_server SET addr = 'x'"},
		{"dns_server", "UPDATE dns_server SET port = 65536"},
		{"pool_gen", "UPDATE pool_gen SET last_addr = 'x', retired_rev = 1 WHERE pool_id = 1"},
	} {
		s, c, _ := written(t, plain())
		run(t, c, `DO $$ DECLARE r record; BEGIN
		  FOR r IN SELECT conname, conrelid::regclass AS t FROM pg_constraint WHERE conrelid = '`+x.table+`'::regclass AND contype IN ('c', 'f') LOOP
		    EXECUTE format('ALTER TABLE %s DROP CONSTRAINT %I', r.t, r.conname);
		  END LOOP; END $$`)
		run(t, c, "BEGIN; UPDATE config_head SET applying = true; "+x.statement+"; UPDATE config_head SET applying = false, revision = revision + 1; COMMIT")
		_, err := s.SettleConfig(t.Context(), nil)
		require.ErrorIs(t, err, sqlstore.ErrData, x.statement)
		if x.table != "pool_gen" {
			_, err = s.LoadConfig(t.Context())
			require.ErrorIs(t, err, sqlstore.ErrData, x.statement)
		}
	}
}
