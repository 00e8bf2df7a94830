package storetest

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"testing"

	"rowlock/sqlstore"
)

// editor changes a configuration at random, by SQL and by document. What it does
// may break a rule.
type editor struct {
	*rand.Rand
	last int // id of the newest object
}

func newEditor(seed uint64) *editor { return &editor{rand.New(rand.NewPCG(seed, 6)), 1000} }

func (e *editor) id() int {
	e.last++
	return e.last
}

func oneOf[T any](e *editor, list []T) (x T, ok bool) {
	if len(list) == 0 {
		return x, false
	}
	return list[e.IntN(len(list))], true
}

func subnetsOf(c *sqlstore.Config) (all []*sqlstore.Subnet) {
	for _, l := range c.Links {
		all = append(all, l.Subnets...)
	}
	return all
}

func poolsOf(c *sqlstore.Config) (all []*sqlstore.Pool) {
	for _, s := range subnetsOf(c) {
		all = append(all, s.Pools...)
	}
	return all
}

// byHand returns the statements of one transaction on c.
func (e *editor) byHand(c *sqlstore.Config) []string {
	link, _ := oneOf(e, c.Links)
	subnet, hasSubnet := oneOf(e, subnetsOf(c))
	pool, hasPool := oneOf(e, poolsOf(c))
	n := e.IntN(40)
	switch {
	case n < 4 && hasSubnet:
		return []string{
			fmt.Sprintf("DELETE FROM parameter WHERE scope = 'subnet' AND scope_id = %d", subnet.ID),
			fmt.Sprintf("INSERT INTO parameter (scope, scope_id, name, value) VALUES ('subnet', %d, 'renew_timer', '%d')", subnet.ID, 1+e.IntN(99)),
		}
	case n < 7 && hasPool:
		return []string{fmt.Sprintf("UPDATE pool SET comment = 'pool %d' WHERE id = %d", n, pool.ID)}
	case n < 12 && hasPool && pool.Kind == sqlstore.NA:
		return []string{fmt.Sprintf("UPDATE pool SET last_addr = '%s' WHERE id = %d", step(pool.First, e.IntN(30)), pool.ID)}
	case n < 15 && hasPool:
		return []string{fmt.Sprintf("UPDATE pool SET closing = NOT closing WHERE id = %d", pool.ID)}
	case n < 18 && hasPool:
		return []string{fmt.Sprintf("DELETE FROM pool WHERE id = %d", pool.ID)}
	case n < 21 && hasSubnet:
		return []string{
			fmt.Sprintf("DELETE FROM pool WHERE subnet_id = %d", subnet.ID), fmt.Sprintf("DELETE FROM subnet WHERE id = %d", subnet.ID),
			fmt.Sprintf("DELETE FROM link WHERE id = %d AND name IS NULL", subnet.LinkID),
		}
	case n < 23 && hasSubnet && link != nil:
		return []string{fmt.Sprintf("UPDATE subnet SET link_id = %d WHERE id = %d", link.ID, subnet.ID)}
	case n < 25 && hasSubnet:
		return []string{fmt.Sprintf("UPDATE subnet SET closing = NOT closing WHERE id = %d", subnet.ID)}
	case n < 27:
		return []string{
			"DELETE FROM option_data WHERE scope = 'global'",
			fmt.Sprintf("INSERT INTO option_data (scope, family, code, data) VALUES ('global', 4, %d, 'data')", 1+e.IntN(200)),
		}
	case n < 29:
		return []string{fmt.Sprintf("INSERT INTO dns_zone (name) VALUES ('z%d.example.org')", e.IntN(6))}
	case n < 30:
		return []string{"DELETE FROM dns_zone"}
	case n < 32 && link != nil:
		return []string{fmt.Sprintf("UPDATE link SET comment = 'link %d' WHERE id = %d", n, link.ID)}
	case n < 34 && hasSubnet && subnet.Prefix.Addr().Is4():
		last := step(subnet.Prefix.Addr(), 100+e.IntN(100))
		return []string{poolRow(e.id(), int(subnet.ID), 1, last.String(), step(last, 3).String(), 32)}
	}
	id := e.id()
	out := []string{fmt.Sprintf("INSERT INTO link (id) VALUES (%d)", id)}
	if n%2 == 0 {
		out = []string{fmt.Sprintf("INSERT INTO link (id, name) VALUES (%[1]d, 'n%[1]d')", id)}
	}
	third := e.IntN(30)
	if n%3 == 0 {
		return append(out, subnetRow(id, id, fmt.Sprintf("2001:db8:%x::/64", 256+third)),
			poolRow(id, id, 2, fmt.Sprintf("2001:db8:8%03x::", third), fmt.Sprintf("2001:db8:8%03x:ff00::", third), 56))
	}
	return append(out, subnetRow(id, id, fmt.Sprintf("10.9.%d.0/24", third)),
		newPool(id, id, fmt.Sprintf("10.9.%d.10", third), fmt.Sprintf("10.9.%d.20", third)))
}

// edit changes c, which nobody else uses.
func (e *editor) edit(c *sqlstore.Config) {
	link, _ := oneOf(e, c.Links)
	subnet, hasSubnet := oneOf(e, subnetsOf(c))
	pool, hasPool := oneOf(e, poolsOf(c))
	switch n := e.IntN(10); {
	case n < 2 && hasSubnet:
		subnet.Parameters = sqlstore.Parameters{"renew_timer": fmt.Sprint(1 + e.IntN(99))}
		subnet.Notes = sqlstore.Notes{"renew_timer": fmt.Sprint("note ", n)}
	case n < 4 && hasPool && pool.Kind == sqlstore.NA:
		pool.Last = step(pool.First, e.IntN(30))
	case n < 5 && hasPool:
		pool.Closing = !pool.Closing
	case n < 6 && hasSubnet:
		subnet.Pools = nil
	case n < 7 && link != nil:
		c.Links = c.Links[1:]
	case n < 8:
		c.Parameters = sqlstore.Parameters{"valid_lifetime": fmt.Sprint(1000 + e.IntN(9))}
		c.Comment = fmt.Sprint("comment ", e.IntN(3))
	case n < 9:
		c.VRFs = []sqlstore.VRF{{ID: uint32(1 + e.IntN(3)), Relays: []netip.Addr{netip.MustParseAddr("198.51.100.9")}}}
	default:
		base := netip.AddrFrom4([4]byte{10, 8, byte(e.IntN(30)), 0})
		c.Links = append(c.Links, &sqlstore.Link{Subnets: []*sqlstore.Subnet{{
			Prefix: netip.PrefixFrom(base, 24),
			Pools:  []*sqlstore.Pool{{Kind: sqlstore.NA, First: step(base, 10), Last: step(base, 30), DelegatedLen: 32}},
		}}})
	}
}

// step returns the address n further on, within the last byte.
func step(a netip.Addr, n int) netip.Addr {
	b := a.AsSlice()
	b[len(b)-1] = byte(min(255, int(b[len(b)-1])+n))
	out, _ := netip.AddrFromSlice(b)
	return out
}

// editsOnce changes the configuration in one way or the other, until something is
// legal, and returns it as it is then.
func (h *hand) editsOnce(t testing.TB, e *editor) *sqlstore.Config {
	t.Helper()
	for {
		was := h.load(t)
		if e.IntN(3) > 0 {
			if h.try(t, e.byHand(was)...) != nil {
				continue
			}
		} else {
			next := h.load(t)
			e.edit(next)
			if len(sqlstore.Check(next)) > 0 {
				continue
			}
			if _, err := h.store.ApplyConfig(t.Context(), sqlstore.AnyRevision, next, "editor", ""); err != nil {
				t.Fatalf("apply: %v", err)
			}
		}
		if now := h.load(t); now.Revision != was.Revision {
			return now
		}
	}
}
